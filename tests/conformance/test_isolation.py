"""The first law, walked: every repository's every method, called in tenant B with the names and rows of tenant A.

Nothing of A is seen, nothing of A changes. A new repository or method is covered by existing; a parameter that the table in
``support/world.py`` does not know fails here until it is entered.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, NoResultFound
from sqlalchemy.orm import Session, make_transient_to_detached

from idbroker import plugins
from idbroker.audit.chain import GENESIS, Head
from idbroker.audit.heads import AuditHeads
from idbroker.audit.records import AuditRecords
from idbroker.audit.search import Found, TrailQuery, TrailSearch
from idbroker.directories.requests import DayOfTraffic
from idbroker.kernel.errors import Refusal
from idbroker.storage import guard
from idbroker.storage.cells import Cell
from idbroker.storage.database import Database
from idbroker.storage.guard import IsolationBreach
from idbroker.storage.rows import AUDIT, MAIN, IndexRow, TenantRow, tenant_tables
from idbroker.storage.unit import TenantRepository
from tests.support.databases import Stores
from tests.support.world import OPERATOR, World, make_tenant, make_world

plugins.load_tables()

OF_THE_TRAIL = (AuditHeads, AuditRecords, TrailSearch)


def repositories() -> list[type[TenantRepository]]:
    return sorted(TenantRepository.__subclasses__(), key=lambda cls: cls.__name__)


def methods() -> list[tuple[type[TenantRepository], str]]:
    return [
        (cls, name)
        for cls in repositories()
        for name, function in vars(cls).items()
        if inspect.isfunction(function) and not name.startswith("_")
    ]


def arguments(method: Callable[..., Any], world: World, repository: type[TenantRepository]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in inspect.signature(method).parameters:
        if name == "self":
            continue
        if name == "row":
            found[name] = copy_of(world.rows[repository.__name__], stored=method.__name__ != "add")
        elif name == "query":
            found[name] = TrailQuery()
        elif name == "head":
            found[name] = Head(10_000, "f" * 64)
        else:
            assert name in world.names, f"{repository.__name__}.{method.__name__}: enter “{name}” in tests/support/world.py"
            found[name] = world.names[name]
    return found


def copy_of(row: Any, *, stored: bool) -> Any:
    """A's row as code of B might hold it: fresh, or as if loaded before."""
    copy = type(row)(**row.model_dump())
    if stored:
        make_transient_to_detached(copy)
    return copy


def fingerprint(stores: Stores, tenant: str) -> dict[str, list[Any]]:
    """Everything that the tenant has, read past guard and policies."""
    found: dict[str, list[Any]] = {}
    for database, metadata in ((stores.main, MAIN), (stores.audit, AUDIT)):
        for cell in database.each_cell():
            with unbound(stores, database, cell) as connection:
                for name, cls in tenant_tables(metadata).items():
                    table = cls.__table__
                    rows = connection.execute(select(table).where(table.c.tenant_id == tenant)).all()
                    found[name] = sorted([*found.get(name, []), *map(repr, rows)])
    return found


@contextmanager
def unbound(stores: Stores, database: Database, cell: Cell | None = None) -> Iterator[Connection]:
    """A connection that no policy binds: on PostgreSQL the test server's superuser. Home's unless another cell is named."""
    cell = cell or next(database.each_cell())
    if stores.engine == "sqlite":
        with cell.engine.connect() as connection:
            yield connection
        return
    url = cell.engine.url.set(drivername="postgresql+psycopg", username="postgres")
    schema = "audit" if database is stores.audit else "public"
    engine = create_engine(url, connect_args={"options": f"-c search_path={schema} -c timezone=UTC"})
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def nothing_of(world: World, result: Any) -> bool:
    """Whether a result is absence, or belongs to somebody else than the world's tenant."""
    if isinstance(result, Iterator):
        result = list(result)
    if isinstance(result, list | tuple | set | dict) and not isinstance(result, Head):
        values = list(result.values()) if isinstance(result, dict) else list(result)
        return all(nothing_of(world, value) for value in values)
    if isinstance(result, Found):
        return not result.records
    if isinstance(result, DayOfTraffic):
        return not (result.reads or result.writes or result.errors or result.longest)
    if isinstance(result, TenantRow | IndexRow):
        return result.tenant_id != world.scope.tenant
    if isinstance(result, Head):
        return result == Head(0, GENESIS)
    return result in (None, False, 0) or (isinstance(result, str) and result not in map(str, world.names.values()))


@pytest.fixture
def both(stores: Stores) -> tuple[World, Any]:
    return make_world(stores, "ada"), make_tenant(stores, "bob")


def call_as_stranger(stores: Stores, a: World, b: Any, repository: type[TenantRepository], name: str) -> None:
    database = stores.audit if repository in OF_THE_TRAIL else stores.main
    try:
        with database.tenant(b) as unit:
            result = getattr(unit[repository], name)(**arguments(getattr(repository, name), a, repository))
            if isinstance(result, Iterator):
                result = list(result)
            assert nothing_of(a, result), f"{repository.__name__}.{name} showed B something of A: {result!r}"
    except (IsolationBreach, IntegrityError, DBAPIError, NoResultFound, Refusal):
        pass  # refused loudly is as good as absent; what matters is compared by the caller


@pytest.mark.timeout(900)  # it grows with every repository, and other work may be going on
def test_no_method_of_any_repository_reaches_another_tenant(stores: Stores, both: tuple[World, Any]) -> None:
    a, b = both
    before = fingerprint(stores, a.scope.tenant)
    for repository, called in groupby(methods(), key=itemgetter(0)):
        names = [name for _, name in called]
        for name in names:
            call_as_stranger(stores, a, b, repository, name)
        assert fingerprint(stores, a.scope.tenant) == before, f"{repository.__name__} changed A, by one of {', '.join(names)}"


@pytest.mark.filterwarnings("ignore:.*0 were matched")
def test_row_level_security_alone_refuses_too(postgres_stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session guard is taken away on purpose: what is left is the database's own policy."""
    a, b = make_world(postgres_stores, "ada"), make_tenant(postgres_stores, "bob")
    before = fingerprint(postgres_stores, a.scope.tenant)
    monkeypatch.setattr(guard, "GuardedSession", Session)
    for repository, name in methods():
        call_as_stranger(postgres_stores, a, b, repository, name)
    assert fingerprint(postgres_stores, a.scope.tenant) == before


def test_raw_sql_past_the_guard_meets_the_policies(postgres_stores: Stores) -> None:
    a, b = make_world(postgres_stores, "ada"), make_tenant(postgres_stores, "bob")
    before = fingerprint(postgres_stores, a.scope.tenant)
    raw = {guard.RAW: "test"}
    for database, metadata in ((postgres_stores.main, MAIN), (postgres_stores.audit, AUDIT)):
        for name, cls in tenant_tables(metadata).items():
            with database.tenant(b) as unit:
                seen = unit.session.execute(
                    text(f'SELECT count(*) FROM "{name}" WHERE tenant_id = :t'), {"t": a.scope.tenant}, execution_options=raw
                ).scalar_one()
                assert seen == 0 or issubclass(cls, IndexRow), f"{name} shows A to B"
            for statement in (f'UPDATE "{name}" SET tenant_id = :b', f'DELETE FROM "{name}" WHERE tenant_id = :a'):
                try:
                    with database.tenant(b) as unit:
                        unit.session.execute(text(statement), {"a": a.scope.tenant, "b": b.tenant}, execution_options=raw)
                except DBAPIError:
                    pass  # the trail grants neither UPDATE nor DELETE
    assert fingerprint(postgres_stores, a.scope.tenant) == before


def test_without_a_tenant_nothing_is_seen(postgres_stores: Stores) -> None:
    make_world(postgres_stores, "ada")
    with postgres_stores.main.engine.connect() as connection:
        for name, cls in tenant_tables(MAIN).items():
            if not issubclass(cls, IndexRow):
                assert connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() == 0, name


def test_the_server_role_is_bound_by_the_policies(postgres_stores: Stores) -> None:
    for database, metadata in ((postgres_stores.main, MAIN), (postgres_stores.audit, AUDIT)):
        with database.engine.connect() as connection:
            assert database.dialect.problems(connection, metadata) == []
            owners = connection.execute(
                text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
            ).scalars()
            assert connection.execute(text("SELECT current_user")).scalar_one() not in set(owners)


def test_the_trail_cannot_be_rewritten_by_the_server(postgres_stores: Stores) -> None:
    a = make_world(postgres_stores, "ada")
    for statement in ("UPDATE audit_records SET document = ''", "DELETE FROM audit_records"):
        with pytest.raises(DBAPIError, match="permission denied"), postgres_stores.audit.tenant(a.scope) as unit:
            unit.session.execute(text(statement), execution_options={guard.RAW: "test"})


@pytest.mark.parametrize("metadata", [MAIN, AUDIT], ids=["main", "audit"])
def test_tenant_id_leads_every_key(metadata: Any) -> None:
    for name, cls in tenant_tables(metadata).items():
        if issubclass(cls, IndexRow):
            continue
        table = cls.__table__
        assert next(iter(table.primary_key.columns)).name == "tenant_id", name
        for index in table.indexes:
            assert next(iter(index.columns)).name == "tenant_id", f"{name}: {index.name}"


def test_the_guard_refuses_what_it_cannot_judge(sqlite_stores: Stores) -> None:
    a, b = make_world(sqlite_stores, "ada"), make_tenant(sqlite_stores, "bob")
    user = a.rows["Users"]
    with pytest.raises(IsolationBreach), sqlite_stores.main.tenant(b) as unit:
        unit.session.execute(text("SELECT * FROM users"))
    with pytest.raises(IsolationBreach), sqlite_stores.main.tenant(b) as unit:
        unit.session.execute(select(type(user).__table__))
    with sqlite_stores.main.tenant(b) as unit:
        assert unit.session.get(type(user), (a.scope.tenant, user.id)) is None
    with sqlite_stores.main.platform(OPERATOR) as platform:
        assert platform.session.get(type(user), (a.scope.tenant, user.id)) is None
