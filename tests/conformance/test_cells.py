"""Tenants in cells: every row where its kind lives, no unit in another cell than its tenant's, nothing lost between commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from idbroker.audit.feed import FeedOrder
from idbroker.audit.outbox import Outbox
from idbroker.audit.trail import Trail
from idbroker.connections.model import ConnectionIndex, DomainIndex, Whereabouts
from idbroker.directory.model import User, Users
from idbroker.kernel.errors import Invalid
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.storage import schema
from idbroker.storage.cells import HOME, CellAway, lives_in_cell
from idbroker.storage.database import Database
from idbroker.storage.guard import IsolationBreach
from idbroker.storage.rows import AUDIT, MAIN, IndexRow, TenantRow, tenant_tables
from idbroker.storage.schema import SchemaBehind
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.model import Tenant, Tenants
from idbroker.tenants.service import TenantService
from tests.conformance.test_isolation import call_as_stranger, fingerprint, methods, unbound
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, Stores, celled_urls, open_celled, open_stores
from tests.support.world import MASTER_KEY, OPERATOR, make_world


@pytest.fixture(params=ENGINES)
def celled(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> Iterator[Stores]:
    """A home, and the cells east and west, each of its own databases."""
    opened = open_celled(celled_urls(request.param, tmp_path, request), clock)
    yield opened
    opened.close()


@contextmanager
def _fine() -> Iterator[None]:
    yield


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> Iterator[Stores]:
    opened = open_celled(celled_urls("sqlite", tmp_path, request), clock)
    yield opened
    opened.close()


def tenants() -> TenantService:
    return TenantService(Envelope(LocalMasterKeys([MASTER_KEY])))


def made(stores: Stores, slug: str, **place: str) -> TenantScope:
    with stores.main.platform(OPERATOR) as unit:
        row = tenants().create(unit, slug=slug, name=slug.title(), tier="growth", **place)
        return TenantScope(row.tenant_id, OPERATOR)


def rows_of(stores: Stores, database: Database, tenant: str) -> dict[str, set[str]]:
    """Table → the cells in which that tenant has rows of it; counted past guard and policies."""
    found: dict[str, set[str]] = {}
    metadata = MAIN if database is stores.main else AUDIT
    for cell in database.each_cell():
        with unbound(stores, database, cell) as connection:
            for name in tenant_tables(metadata):
                table = metadata.tables[name]
                if connection.execute(select(func.count()).where(table.c.tenant_id == tenant)).scalar_one():
                    found.setdefault(name, set()).add(cell.name)
    return found


def test_every_table_has_its_side() -> None:
    for metadata in (MAIN, AUDIT):
        for table in metadata.sorted_tables:
            kind = tenant_tables(metadata).get(table.name)
            assert lives_in_cell(table.name) is (kind is not None and issubclass(kind, TenantRow)), table.name


@pytest.mark.parametrize("cell", ["home", "east"])
def test_every_row_is_where_its_kind_lives(celled: Stores, cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create = TenantService.create
    monkeypatch.setattr(TenantService, "create", lambda *given, **named: create(*given, **named, cell=cell))
    world = make_world(celled, "acme")
    for database, metadata in ((celled.main, MAIN), (celled.audit, AUDIT)):
        found = rows_of(celled, database, world.scope.tenant)
        assert len(found) * 2 >= len(tenant_tables(metadata)), "a world has one of almost everything"
        for name, cells in found.items():
            index = issubclass(tenant_tables(metadata)[name], IndexRow)
            assert cells == {HOME if index else cell}, name
    for other in celled.main.each_cell():
        if other.name != HOME:
            with other.engine.connect() as connection:
                assert connection.execute(select(func.count()).select_from(Tenant)).scalar_one() == 0


@pytest.mark.timeout(900)
def test_no_method_of_any_repository_reaches_a_tenant_of_another_cell(on_sqlite: Stores) -> None:
    a, b = make_world(on_sqlite, "ada"), _elsewhere(on_sqlite)
    before = fingerprint(on_sqlite, a.scope.tenant)
    for repository, name in methods():
        call_as_stranger(on_sqlite, a, b, repository, name)
    assert fingerprint(on_sqlite, a.scope.tenant) == before


def _elsewhere(stores: Stores) -> TenantScope:
    """A tenant in each of the cells: one of them is another one than ada's. All are tried against what ada has."""
    assert stores.main.cells is not None
    with stores.main.platform(OPERATOR, read_only=True) as unit:
        ada = next(row for row in unit[Tenants].page() if row.slug == "ada")
    return made(stores, "bob", cell="west" if ada.cell == "east" else "east")


def test_a_statement_over_both_sides_is_refused(on_sqlite: Stores) -> None:
    acme = made(on_sqlite, "acme", cell="east")
    users, index = MAIN.tables["users"], MAIN.tables["connection_index"]
    both = TenantStatement(
        lambda: select(users.c.id).join(index, index.c.tenant_id == scope()).where(users.c.tenant_id == scope())
    )
    with pytest.raises(IsolationBreach, match="not in one database"), on_sqlite.main.tenant(acme, read_only=True) as unit:
        both.rows(unit)
    joined = select(User).join(ConnectionIndex, ConnectionIndex.tenant_id == User.tenant_id)  # type: ignore[arg-type]
    with pytest.raises(IsolationBreach, match="not in one database"), on_sqlite.main.tenant(acme, read_only=True) as unit:
        unit.session.execute(joined)


def person(unit: TenantUnit, user_id: str) -> None:
    now = unit.clock.now()
    unit[Users].add(User(tenant_id=unit.scope.tenant, id=user_id, source="jit", created_at=now, updated_at=now))


def test_the_platform_enters_tenants_of_several_cells_at_once(celled: Stores) -> None:
    scopes = [made(celled, name, cell=name) for name in ("home", "east", "west")]
    with celled.main.platform(OPERATOR) as platform:
        for at in scopes:
            with platform.enter(at) as inside:
                person(inside, f"usr_{at.tenant}")
        assert len(platform[Tenants].page()) == 3
    for at in scopes:
        with celled.main.tenant(at, read_only=True) as unit:
            assert [user.id for user in unit[Users].page()] == [f"usr_{at.tenant}"]


def test_an_error_rolls_back_every_part(celled: Stores) -> None:
    acme = made(celled, "acme", cell="east")

    def spoil() -> None:
        with celled.main.platform(OPERATOR) as platform:
            with platform.enter(acme) as inside:
                person(inside, "usr_1")
            row = platform[Tenants].get(acme.tenant)
            assert row is not None
            row.name = "Other"
            raise Killed

    with pytest.raises(Killed):
        spoil()
    with celled.main.tenant(acme, read_only=True) as unit:
        assert list(unit[Users].page()) == []
    with celled.main.platform(OPERATOR, read_only=True) as platform:
        assert [tenant.name for tenant in platform[Tenants].page()] == ["Acme"]


def test_half_of_a_tenant_is_not_found(on_sqlite: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cell commits, then the process is killed."""
    killed(on_sqlite.main, HOME, monkeypatch)
    with pytest.raises(Killed):
        made(on_sqlite, "acme", cell="east")
    monkeypatch.undo()
    acme = made(on_sqlite, "acme", cell="east")
    assert rows_of(on_sqlite, on_sqlite.main, acme.tenant)["tenant_keys"] == {"east"}


class Killed(Exception):
    pass


def killed(database: Database, cell: str, monkeypatch: pytest.MonkeyPatch, *, after: int = 0) -> None:
    """The process dies when it is about to commit in that cell, for the ``after``-th time."""
    engine = next(one for one in database.each_cell() if one.name == cell).engine
    commit, left = Connection.commit, [after]

    def dying(connection: Connection) -> None:
        if connection.engine is engine:
            if not left[0]:
                raise Killed
            left[0] -= 1
        commit(connection)

    monkeypatch.setattr(Connection, "commit", dying)


@pytest.mark.parametrize(("cell", "after"), [("home", 0), ("home", 1), ("east", 0), ("east", 1)])
def test_a_sealer_that_is_killed_tells_every_event_once(
    on_sqlite: Stores, monkeypatch: pytest.MonkeyPatch, cell: str, after: int
) -> None:
    acme = made(on_sqlite, "acme", cell="east")
    with on_sqlite.main.tenant(acme) as unit:
        for number in range(3):
            person(unit, f"usr_{number}")
            unit[Outbox].record(Event("user.created", Resource("user", f"usr_{number}")))
    killed(on_sqlite.main, cell, monkeypatch, after=after)
    trail = Trail(on_sqlite.main, on_sqlite.audit)
    trail.seal_all()
    monkeypatch.undo()
    trail.seal_all()
    with on_sqlite.main.platform(OPERATOR, read_only=True) as platform:
        entries = platform[FeedOrder].after(0, limit=100)
        documents = platform[FeedOrder].documents([(entry.tenant_id, entry.event_id) for entry in entries])
    assert [entry.subject for entry in entries] == ["usr_0", "usr_1", "usr_2"]
    assert set(documents) == {entry.event_id for entry in entries}
    with on_sqlite.main.tenant(acme, read_only=True) as unit:
        assert not unit[Outbox].oldest(10)
    assert trail.head(acme).sequence == 4


def test_an_index_at_home_leads_to_a_tenant_elsewhere(celled: Stores) -> None:
    acme, bob = made(celled, "acme", cell="east"), made(celled, "bob", cell="west")
    for at in (acme, bob):
        now = celled.main.clock.now()
        with pytest.raises(Exception) if at is bob else _fine(), celled.main.tenant(at) as unit:
            unit.session.add(DomainIndex(tenant_id=at.tenant, name="acme.example"))
            person(unit, f"usr_{now}")
    with celled.main.platform(OPERATOR, read_only=True) as platform:
        assert [found.tenant_id for found in platform[Whereabouts].domains(["acme.example"])] == [acme.tenant]
    with celled.main.tenant(bob, read_only=True) as unit:
        assert list(unit[Users].page()) == [], "the part in the cell went with the part at home"


def test_a_tenant_is_placed_by_name_by_region_or_where_there_is_room(on_sqlite: Stores) -> None:
    def cell_of(slug: str) -> tuple[str | None, str | None]:
        with on_sqlite.main.platform(OPERATOR, read_only=True) as platform:
            row = platform[Tenants].by_slug(slug)
            assert row is not None
            return row.cell, row.region

    made(on_sqlite, "named", cell="west")
    made(on_sqlite, "regional", region="east")
    made(on_sqlite, "at-home", cell="home")
    assert [cell_of(slug) for slug in ("named", "regional", "at-home")] == [("west", "west"), ("east", "east"), (None, None)]
    for number in range(20):
        made(on_sqlite, f"any-{number}")
    assert {cell_of(f"any-{number}")[0] for number in range(20)} == {"east", "west"}, "not at home, which takes no new ones"
    for wrong in ({"cell": "north"}, {"region": "north"}, {"cell": "west", "region": "east"}):
        with pytest.raises(Invalid):
            made(on_sqlite, "wrong", **wrong)
    with on_sqlite.main.platform(OPERATOR) as platform:
        row = platform[Tenants].by_slug("named")
        assert row is not None
        with pytest.raises(Invalid, match="Move the tenant"):
            tenants().update(platform, row.tenant_id, {"region": "east"})


def test_with_one_cell_a_region_is_a_word(sqlite_stores: Stores) -> None:
    with sqlite_stores.main.platform(OPERATOR) as unit:
        row = tenants().create(unit, slug="acme", name="Acme", tier="free", region="eu", cell="home")
        assert (row.cell, row.region) == (None, "eu")
        with pytest.raises(Invalid, match="no such cell"):
            tenants().create(unit, slug="bob", name="Bob", tier="free", cell="east")


def test_a_process_that_does_not_know_a_cell_with_tenants_does_not_start(on_sqlite: Stores, clock: TestClock) -> None:
    made(on_sqlite, "acme", cell="east")
    schema.check_placements(on_sqlite.main)
    alone = open_stores("sqlite", on_sqlite.urls, clock)
    with pytest.raises(SchemaBehind, match="tenants live in east; name it in IDBROKER_CELLS"):
        schema.check_placements(alone.main)
    alone.close()


def test_a_cell_that_is_away_stops_its_own_tenants_alone(celled: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    acme, bob = made(celled, "acme", cell="east"), made(celled, "bob", cell="west")
    away = next(cell for cell in celled.main.each_cell() if cell.name == "east")
    asked = []

    def refuse() -> Any:
        asked.append(1)
        raise OperationalError("connect", None, ConnectionError("nobody there"))

    monkeypatch.setattr(away.engine, "connect", refuse)
    for _ in range(3):
        with pytest.raises(CellAway), celled.main.tenant(acme):
            pass
    assert len(asked) == 1, "it is left alone for a moment"
    with celled.main.tenant(bob) as unit:
        person(unit, "usr_1")
        unit[Outbox].record(Event("user.created", Resource("user", "usr_1")))
    Trail(celled.main, celled.audit).seal_all()
    with celled.main.tenant(bob, read_only=True) as unit:
        assert not unit[Outbox].oldest(10), "sealed, whatever the others do"
