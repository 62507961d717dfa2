"""Units of work: all or nothing, one tenant at a time, and back again."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from idbroker.audit.outbox import Outbox
from idbroker.directory.model import User, Users
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId, new_id
from idbroker.kernel.scope import TenantScope
from idbroker.storage.guard import IsolationBreach
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.model import Tenant, Tenants
from tests.support.databases import Stores
from tests.support.world import OPERATOR, make_tenant


class Spilled(Exception):
    pass


def person(unit: TenantUnit, user_id: str = "usr_1") -> None:
    now = unit.clock.now()
    unit[Users].add(User(tenant_id=unit.scope.tenant, id=user_id, source="jit", created_at=now, updated_at=now))


def people(stores: Stores, scope: TenantScope) -> list[str]:
    with stores.main.tenant(scope, read_only=True) as unit:
        return [user.id for user in unit[Users].page()]


def waiting(stores: Stores, tenant: str) -> int:
    with stores.main.tenant(TenantScope(TenantId(tenant), OPERATOR), read_only=True) as unit:
        return len(unit[Outbox].oldest(1000))


def note(unit: TenantUnit) -> None:
    unit[Outbox].record(Event("user.created", Resource("user", "usr_1")))


def test_a_normal_end_commits(stores: Stores) -> None:
    scope = make_tenant(stores, "acme")
    with stores.main.tenant(scope) as unit:
        person(unit)
    assert people(stores, scope) == ["usr_1"]


def test_an_error_rolls_all_of_it_back(stores: Stores) -> None:
    scope = make_tenant(stores, "acme")
    before = waiting(stores, scope.tenant)

    def spoil() -> None:
        with stores.main.tenant(scope) as unit:
            person(unit)
            note(unit)
            raise Spilled

    with pytest.raises(Spilled):
        spoil()
    assert people(stores, scope) == []
    assert waiting(stores, scope.tenant) == before
    with stores.main.tenant(scope) as unit:
        person(unit)
    assert people(stores, scope) == ["usr_1"], "the next unit is not disturbed"


def test_a_unit_that_only_reads_cannot_write_on_postgres(postgres_stores: Stores) -> None:
    scope = make_tenant(postgres_stores, "acme")
    with pytest.raises(DBAPIError, match="read-only"), postgres_stores.main.tenant(scope, read_only=True) as unit:
        person(unit)


def add_tenant(platform: PlatformUnit, slug: str) -> None:
    now = platform.clock.now()
    platform[Tenants].add(
        Tenant(id=new_id("tnt"), slug=slug, name=slug, tier="free", status="trial", created_at=now, updated_at=now)
    )


def test_the_platform_enters_a_tenant_and_comes_back(stores: Stores) -> None:
    acme, bob = make_tenant(stores, "acme"), make_tenant(stores, "bob")
    with stores.main.platform(OPERATOR) as platform:
        for scope in (acme, bob):
            with platform.enter(scope) as inside:
                person(inside, f"usr_{scope.tenant}")
                assert [user.id for user in inside[Users].page()] == [f"usr_{scope.tenant}"]
        add_tenant(platform, "third")
        note(platform.own_trail())
    assert people(stores, acme) == [f"usr_{acme.tenant}"]
    assert people(stores, bob) == [f"usr_{bob.tenant}"]
    assert waiting(stores, PLATFORM_TRAIL) == 1


def test_inside_there_is_no_platform_and_outside_no_tenant(stores: Stores) -> None:
    scope = make_tenant(stores, "acme")
    with stores.main.platform(OPERATOR) as platform:
        with platform.enter(scope), pytest.raises(IsolationBreach):
            platform[Tenants].page()
        assert [tenant.slug for tenant in platform[Tenants].page()] == ["acme"]
        stale = TenantUnit(platform.transaction, scope, platform.clock)
        assert list(stale[Users].page()) == []
    with pytest.raises(IsolationBreach), stores.main.platform(OPERATOR) as platform:
        person(TenantUnit(platform.transaction, scope, platform.clock))


def test_the_platform_comes_back_after_an_error_too(stores: Stores) -> None:
    scope = make_tenant(stores, "acme")

    def spoil(platform: PlatformUnit) -> None:
        with platform.enter(scope) as inside:
            person(inside)
            raise Spilled

    with stores.main.platform(OPERATOR) as platform:
        with pytest.raises(Spilled):
            spoil(platform)
        add_tenant(platform, "second")
        assert platform[Tenants].by_slug("second") is not None
        note(platform.own_trail())
    assert people(stores, scope) == ["usr_1"], "whoever catches the error decides what becomes of the rest"


def test_after_a_failed_statement_nothing_more_can_be_done(stores: Stores) -> None:
    scope = make_tenant(stores, "acme")
    with stores.main.tenant(scope) as unit:
        person(unit)

    def go_on_regardless() -> None:
        with stores.main.platform(OPERATOR) as platform:
            try:
                with platform.enter(scope) as inside:
                    person(inside)
            except DBAPIError:
                pass
            add_tenant(platform, "second")

    with pytest.raises(SQLAlchemyError):
        go_on_regardless()
    with stores.main.platform(OPERATOR, read_only=True) as platform:
        assert platform[Tenants].by_slug("second") is None


def test_rows_of_a_tenant_that_was_left_cannot_be_changed_any_more(stores: Stores) -> None:
    scope = make_tenant(stores, "acme")

    def change_outside() -> None:
        with stores.main.platform(OPERATOR) as platform:
            with platform.enter(scope) as inside:
                person(inside)
                user = inside[Users].get("usr_1")
                assert user is not None
            user.display_name = "changed outside"

    with pytest.raises(IsolationBreach):
        change_outside()
    assert people(stores, scope) == []


def test_a_unit_within_a_unit_is_told_at_once(sqlite_stores: Stores) -> None:
    """One writer at a time: the second would wait for the first for ever."""
    scope = make_tenant(sqlite_stores, "acme")
    with sqlite_stores.main.tenant(scope) as unit:
        person(unit)
        with pytest.raises(RuntimeError, match="unit within a unit"), sqlite_stores.main.tenant(scope):
            pass
        with sqlite_stores.main.tenant(scope, read_only=True) as reader:
            assert list(reader[Users].page()) == []
    assert people(sqlite_stores, scope) == ["usr_1"]
