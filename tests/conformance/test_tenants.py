"""Tenants: made once, moved along their life cycle, every step in their own trail."""

from __future__ import annotations

import pytest

from idbroker.kernel.errors import Conflict, Invalid, NotFound
from idbroker.kernel.ids import TenantId, is_id, new_id
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import TenantKeys
from idbroker.tenants.model import Tenant, Tenants
from idbroker.tenants.service import RESERVED_SLUGS
from tests.support.broker import Broker
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.world import OPERATOR


@pytest.fixture
def broker(stores: Stores, clock: TestClock) -> Broker:
    return Broker(stores, clock)


def create(broker: Broker, slug: str) -> Tenant:
    with broker.database.platform(OPERATOR) as unit:
        return broker.tenants.create(unit, slug=slug, name="Acme", tier="free")


def slugs(broker: Broker) -> list[str]:
    with broker.database.platform(OPERATOR, read_only=True) as unit:
        return [tenant.slug for tenant in unit[Tenants].page()]


def test_a_new_tenant(broker: Broker) -> None:
    tenant = create(broker, "acme")
    assert is_id(tenant.id, "tnt")
    assert (tenant.status, tenant.tier, tenant.region) == ("trial", "free", None)
    told = broker.events(tenant.tenant_id)
    assert [event["action"] for event in told] == ["tenant.created"]
    assert told[0]["resource"] == {"type": "tenant", "id": tenant.id, "name": "Acme"}
    with broker.database.tenant(TenantScope(tenant.tenant_id, OPERATOR)) as inside:
        assert inside[TenantKeys].newest() is not None


def test_a_slug_belongs_to_one(broker: Broker) -> None:
    create(broker, "acme")
    with pytest.raises(Conflict) as refused:
        create(broker, "acme")
    assert refused.value.code == "slug_taken"
    assert slugs(broker) == ["acme"]


def test_a_race_for_a_slug_has_one_winner(broker: Broker) -> None:
    results = at_once(6, lambda number: create(broker, "acme").slug)
    assert results.count("acme") == 1
    assert {getattr(r, "code", r) for r in results if r != "acme"} == {"slug_taken"}


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "A",
        "acme corp",
        "-acme",
        "acme-",
        "acme_corp",
        "a" * 64,
        "acmé",
        "acme\n",
        "acme.com",
        "../x",
        *sorted(RESERVED_SLUGS),
    ],
)
def test_bad_slugs(sqlite_stores: Stores, clock: TestClock, slug: str) -> None:
    with pytest.raises(Invalid) as refused:
        create(Broker(sqlite_stores, clock), slug)
    assert [error.pointer for error in refused.value.errors] == ["/slug"]


@pytest.mark.parametrize("slug", ["a", "7", "a-b", "a" * 63, "x1-2y"])
def test_good_slugs(sqlite_stores: Stores, clock: TestClock, slug: str) -> None:
    assert create(Broker(sqlite_stores, clock), slug).slug == slug


def test_tenants_are_found_by_slug_or_id(broker: Broker) -> None:
    tenant = create(broker, "acme")
    with broker.database.platform(OPERATOR, read_only=True) as unit:
        for text in ("acme", tenant.id):
            found = unit[Tenants].find(text)
            assert found is not None
            assert found.id == tenant.id
        for text in ("ACME", "", "tnt_", new_id("tnt"), "acme'--", tenant.id.upper()):
            assert unit[Tenants].find(text) is None


def test_a_life(broker: Broker, clock: TestClock) -> None:
    scope = broker.tenant("acme")
    for to in ("active", "past_due", "paused", "active", "cancelled", "deleted", "cancelled"):
        clock.advance(hours=1)
        broker.transition(scope, to)
    changes = [e["changes"]["status"] for e in reversed(broker.events(scope.tenant, "tenant.transitioned"))]
    assert [c["after"] for c in changes] == ["active", "past_due", "paused", "active", "cancelled", "deleted", "cancelled"]
    assert [c["before"] for c in changes[1:]] == [c["after"] for c in changes[:-1]]
    with broker.database.platform(OPERATOR, read_only=True) as unit:
        tenant = unit[Tenants].get(scope.tenant)
        assert tenant is not None
        assert tenant.updated_at == clock.now()


def test_an_illegal_step_changes_nothing(broker: Broker) -> None:
    scope = broker.tenant("acme")
    with pytest.raises(Conflict):
        broker.transition(scope, "deleted")
    with pytest.raises(NotFound), broker.database.platform(OPERATOR) as unit:
        broker.tenants.transition(unit, TenantId(new_id("tnt")), "active", "x")
    assert broker.actions(scope.tenant) == ["tenant.created"]


def test_an_update_tells_what_changed_and_nothing_else(broker: Broker) -> None:
    scope = broker.tenant("acme")
    with broker.database.platform(OPERATOR) as unit:
        broker.tenants.update(unit, scope.tenant, {"name": "Acme Inc", "tier": "growth"})
        broker.tenants.update(unit, scope.tenant, {"name": "Acme Inc"})
    told = broker.events(scope.tenant, "tenant.updated")
    assert [event["changes"] for event in told] == [{"name": {"before": "Acme", "after": "Acme Inc"}}]
