"""An operator's key looks into a tenant: the tenant can read who, why and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from idbroker.admins.looking import OUTSIDE
from idbroker.app import administration
from idbroker.web.route import KeyRoute, PlatformRoute
from tests.support.clock import TestClock
from tests.support.databases import sqlite_urls
from tests.support.whole import SamlTenant, Whole

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
    for path in ("", "/entitlements", "/usage", "/usage/customer"):
        whole.send("GET", f"/tenants/{tenant}{path}")
    assert entries(whole, tenant, owner) == []  # nothing of what is inside
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

    hook = {"url": "https://hooks.example/in", "events": ["user.*"], "tenants": "all"}
    theirs, ours = (whole.api("POST", f"/webhooks{query}", hook)["id"] for query in (f"?tenant={tenant}", ""))
    nobody = "usr_00000000000000000000000000"
    inside = (
        *(f"/tenants/acme/{path}" for path in ("export", f"users/{nobody}/export", "admins", "diagnoses", "erasures")),
        *(f"/tenants/acme/{path}" for path in ("connections", "test-sign-ins", "directories/dir_x/requests", "api-keys")),
        *(f"/{path}?tenant=acme" for path in ("events", "webhooks")),
        *(f"/webhooks/{theirs}{path}" for path in ("", "/deliveries", "/secrets")),
    )
    for path in inside:
        answer = whole.send("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (403, "reason_needed"), path
    for path in ("connections/con_x/explain", "directories/dir_x/dry-runs"):
        assert whole.send("POST", f"/tenants/acme/{path}", {}).json()["code"] == "reason_needed", path
    for path in ("/events", "/webhooks", f"/webhooks/{ours}", f"/webhooks/{ours}/deliveries", "/signing-keys?tenant=acme"):
        assert whole.send("GET", path).status_code == 200, path
    assert [one["context"]["reason"] for one in entries(whole, tenant, owner)] == ["ticket 4711"]
    whole.close()


def test_every_read_that_names_a_tenant_says_so(whole: Whole) -> None:
    """A row whose path has no tenant, and whose query has one, is a look into it or of no secret."""
    rows = [(one.row, {query.name for query in one.query}) for one in administration(whole.services).operations]
    named = [row for row, query in rows if row.method == "GET" and "tenant" in query]
    assert len(named) >= 4
    for row in named:
        assert isinstance(row, KeyRoute | PlatformRoute)
        assert row.whose is not None or row.permission in OUTSIDE, row.path


def test_an_export_is_an_event(whole: Whole) -> None:
    acme = SamlTenant(whole, "acme")
    acme.sign_in(whole.at("192.0.2.9"))
    (user,) = whole.api("GET", "/tenants/acme/users")["data"]
    owner = whole.key(acme.id)
    for key, path in ((owner, "/export"), (None, f"/users/{user['id']}/export")):
        assert whole.send("GET", f"/tenants/acme{path}", key=key).status_code == 200
    assert whole.send("GET", "/tenants/acme/users/usr_00000000000000000000000000/export").status_code == 404
    told = [(one["actor"]["type"], one["resource"]["id"]) for one in whole.events(acme.id, "tenant.exported")]
    assert told == [("user", acme.id)]
    told = [(one["actor"]["type"], one["resource"]["id"]) for one in whole.events(acme.id, "user.exported")]
    assert told == [("operator", user["id"])]
    types = {one["type"] for one in whole.api("GET", "/events?tenant=acme")["data"]}
    assert "user.created" in types
    assert "user.exported" not in types
