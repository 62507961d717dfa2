"""Migrations lead to the mapped tables, can be repeated, take turns, and a server refuses what they have not reached."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, text

from idbroker.storage import schema
from idbroker.storage.database import Database
from idbroker.storage.dialect import Dialect
from idbroker.storage.rows import AUDIT, MAIN
from idbroker.storage.schema import SchemaBehind
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, PostgresServer, Stores, Urls, dialects
from tests.support.world import make_tenant, make_world

BOTH = (MAIN, AUDIT)


@pytest.fixture(params=ENGINES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Urls:
    """A database with nothing in it."""
    if request.param == "sqlite":
        return Urls(f"sqlite:///{tmp_path}/empty.db")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.fresh(migrated=False)


def as_owner(dialect: Dialect, statement: str) -> None:
    engine = dialect.owner_engine()
    with engine.connect() as connection, connection.begin():
        connection.execute(text(statement))
    engine.dispose()


def differences(database: Database, metadata: MetaData) -> list[Any]:
    engine = database.dialect.owner_engine()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found = compare_metadata(context, metadata)
    engine.dispose()
    return found


def test_the_migrations_make_the_mapped_tables(stores: Stores) -> None:
    found = [*differences(stores.main, MAIN), *differences(stores.audit, AUDIT)]
    if stores.engine == "postgres":  # the order of arrival, which SQLite has as its rowid
        found = [d for d in found if not (d[0] == "remove_column" and (d[2], d[3].name) == ("outbox", "position"))]
    assert found == []


def test_migrating_again_changes_nothing(stores: Stores) -> None:
    world = make_world(stores, "acme")
    for database, metadata in zip((stores.main, stores.audit), BOTH, strict=True):
        schema.migrate(database.dialect, metadata)
        schema.check(database, metadata)
    with stores.main.tenant(world.scope) as unit:
        assert unit.session.get(type(world.rows["Users"]), (world.scope.tenant, world.rows["Users"].id)) is not None
    make_tenant(stores, "second")


def test_an_empty_database_is_refused_with_the_command_to_run(empty: Urls, clock: TestClock) -> None:
    for dialect, metadata in zip(dialects(empty), BOTH, strict=True):
        database = Database(dialect, clock)
        with pytest.raises(SchemaBehind, match=r"at nothing.*Run: idbroker migrate"):
            schema.check(database, metadata)
        schema.migrate(dialect, metadata)
        schema.check(database, metadata)
        database.close()


@pytest.mark.parametrize("metadata", BOTH, ids=["main", "audit"])
def test_another_revision_is_refused(stores: Stores, metadata: MetaData) -> None:
    database = stores.main if metadata is MAIN else stores.audit
    as_owner(database.dialect, "UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(SchemaBehind, match=r"at 0000, this program needs \d+\. Run: idbroker migrate"):
        schema.check(database, metadata)


MIGRATE = """
import sys
from idbroker.storage import schema
from idbroker.storage.rows import AUDIT, MAIN
from tests.support.databases import Urls, dialects
for dialect, metadata in zip(dialects(Urls(sys.argv[1], sys.argv[2] or None)), (MAIN, AUDIT), strict=True):
    schema.migrate(dialect, metadata)
"""


def test_migrations_of_several_processes_take_turns(empty: Urls, clock: TestClock) -> None:
    """As when several workers of a server start on a new SQLite file."""
    command = [sys.executable, "-c", MIGRATE, empty.database, empty.owner or ""]
    root = Path(__file__).parents[2]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, cwd=root) for _ in range(2)]
    ended = [(process.communicate(timeout=60)[1].decode(), process.returncode) for process in started]
    assert ended == [("", 0)] * 2
    for dialect, metadata in zip(dialects(empty), BOTH, strict=True):
        database = Database(dialect, clock)
        schema.check(database, metadata)
        database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE users NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY idbroker_tenant ON users",
    ],
)
def test_a_table_without_its_policy_is_refused_until_migrated(postgres_stores: Stores, statement: str) -> None:
    dialect = postgres_stores.main.dialect
    as_owner(dialect, statement)
    with pytest.raises(SchemaBehind, match=r"no row-level security on: users; run: idbroker migrate"):
        schema.check(postgres_stores.main, MAIN)
    schema.migrate(dialect, MAIN)
    schema.check(postgres_stores.main, MAIN)


def test_a_role_that_no_policy_binds_is_refused_or_steps_down(
    postgres_stores: Stores, postgres_server: PostgresServer, clock: TestClock
) -> None:
    name = str(postgres_stores.main.engine.url.database)
    mighty = dialects(Urls(postgres_server.superuser_url(name)))[0]
    schema.migrate(mighty, MAIN)
    database = Database(mighty, clock)
    schema.check(database, MAIN)
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == "idbroker_server"
    database.close()
