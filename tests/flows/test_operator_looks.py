"""An operator's key looks at a tenant's people: the tenant can read who, why and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import TestClock
from tests.support.databases import sqlite_urls
from tests.support.whole import Whole

PERSONAL = ("/users", "/sessions", "/audit-events")


@pytest.fixture
def whole(tmp_path: Path, clock: TestClock) -> Iterator[Whole]:
    made = Whole(sqlite_urls(tmp_path), clock)
    yield made
    made.close()


def entries(whole: Whole, tenant: str, owner: str) -> list[dict[str, Any]]:
    """As the tenant's owner reads them."""
    whole.services.trail.seal_all()
    answer = whole.send("GET", f"/tenants/{tenant}/audit-events?action=tenant.entered", key=owner)
    return list(reversed(answer.json()["data"]))


def test_a_look_is_told_once_an_hour_with_its_reason(whole: Whole, clock: TestClock) -> None:
    tenant = whole.tenant("acme")
    owner = whole.key(tenant)
    whole.send("GET", f"/tenants/{tenant}")
    whole.send("GET", f"/tenants/{tenant}/connections")
    assert entries(whole, tenant, owner) == []  # nothing of people
    for _ in range(3):
        for path in PERSONAL:
            assert whole.send("GET", f"/tenants/{tenant}{path}").status_code == 200
    (entry,) = entries(whole, tenant, owner)
    assert entry["actor"]["type"] == "operator"
    assert entry["actor"]["name"] == "operator"
    assert entry["context"] == {"by": "api_key", "reason": None, "permission": "people:read"}
    whole.send("GET", f"/tenants/{tenant}/users", headers={"x-reason": "ticket 4711,\tcannot sign in"})
    assert [one["context"]["reason"] for one in entries(whole, tenant, owner)] == [None, "ticket 4711, cannot sign in"]
    clock.advance(seconds=3601)
    whole.send("GET", f"/tenants/{tenant}/users")
    assert len(entries(whole, tenant, owner)) == 3


def test_the_tenants_own_keys_leave_no_such_trace(whole: Whole) -> None:
    tenant = whole.tenant("acme")
    owner = whole.key(tenant)
    for path in PERSONAL:
        assert whole.send("GET", f"/tenants/{tenant}{path}", key=owner).status_code == 200
    assert entries(whole, tenant, owner) == []


def test_a_reason_can_be_insisted_on(tmp_path: Path, clock: TestClock) -> None:
    whole = Whole(sqlite_urls(tmp_path), clock, operator_reasons="required")
    tenant = whole.tenant("acme")
    owner = whole.key(tenant)
    for said in ({}, {"x-reason": " x "}):
        answer = whole.send("GET", f"/tenants/{tenant}/users", headers=said)
        assert (answer.status_code, answer.json()["code"]) == (403, "reason_needed")
    assert whole.send("GET", "/tenants/nobody/users").status_code == 404
    assert whole.send("GET", f"/tenants/{tenant}/users", headers={"x-reason": "ticket 4711"}).status_code == 200
    assert whole.send("GET", f"/tenants/{tenant}/users", key=owner).status_code == 200
    assert [one["context"]["reason"] for one in entries(whole, tenant, owner)] == ["ticket 4711"]
    whole.close()
