"""What the token endpoint leaves behind is forgotten in its time, and not before it is needed no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from idbroker.sessions.model import AuthorizationCode, AuthorizationCodes, Session, SessionApp, Sessions
from idbroker.sessions.refresh import RefreshFamilies, RefreshFamily
from idbroker.storage.unit import TenantUnit
from oidc.provider.keeping import forget_tokens
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.world import make_tenant


def session(unit: TenantUnit, clock: TestClock, name: str, **given: Any) -> None:
    now, tenant = clock.now(), unit.scope.tenant
    unit[Sessions].add(
        Session(
            tenant_id=tenant, id=name, user_id="usr_1", connection_id="con_1", secret_digest="x", authenticated_at=now, amr=[],
            started_at=now, last_seen_at=now, **{"expires_at": now + timedelta(hours=8), **given},
        )
    )  # fmt: skip
    unit.session.add(SessionApp(tenant_id=tenant, session_id=name, client_id="app_1", first_at=now))
    for used in (None, now):
        row = AuthorizationCode(
            tenant_id=tenant, digest=f"{name}-{'used' if used else 'unused'}", session_id=name, client_id="app_1",
            grant={"issuer": "x"}, expires_at=now + timedelta(seconds=60), consumed_at=used,
        )  # fmt: skip
        unit[AuthorizationCodes].add(row)


def family(unit: TenantUnit, clock: TestClock, session_id: str) -> None:
    now = clock.now()
    unit[RefreshFamilies].add(
        RefreshFamily(
            tenant_id=unit.scope.tenant, id=f"fam_{session_id}", session_id=session_id, user_id="usr_1", client_id="app_1",
            grant={}, seed_sealed=b"x", generation=0, started_at=now, rotated_at=now,
            idle_expires_at=now + timedelta(days=400), expires_at=now + timedelta(days=400),
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("days", "codes", "sessions"),
    [
        (0, {"long-used", "long-unused", "short-used", "short-unused", "held-used", "held-unused"}, {"long", "short", "held"}),
        (3, {"long-used"}, {"long", "short", "held"}),
        (89, {"long-used"}, {"long", "short", "held"}),
        (92, {"long-used"}, {"long", "held"}),
    ],
)
def test_forgotten_in_its_time(stores: Stores, clock: TestClock, days: int, codes: set[str], sessions: set[str]) -> None:
    scope, other = make_tenant(stores, "acme"), make_tenant(stores, "bob")
    for tenant in (scope, other):
        with stores.main.tenant(tenant) as unit:
            session(unit, clock, "long", expires_at=clock.now() + timedelta(days=300))
            session(unit, clock, "short")
            session(unit, clock, "held")
            family(unit, clock, "held")
    clock.advance(days=days)
    forget_tokens(stores.main, scope)
    with stores.main.tenant(scope, read_only=True) as unit:
        wanted = [f"{name}-{use}" for name in ("long", "short", "held") for use in ("used", "unused")]
        assert {name for name in wanted if unit[AuthorizationCodes].get(name)} == codes
        assert {row.id for row in unit[Sessions].page()} == sessions
        assert set(unit[Sessions].apps(["long", "short", "held"])) == sessions
    with stores.main.tenant(other, read_only=True) as unit:
        assert len(unit[Sessions].page()) == 3, "another tenant's are left alone"
