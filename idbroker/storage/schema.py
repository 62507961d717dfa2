"""Bringing a database to the newest schema, and telling whether it is there. Alembic, run from the program itself."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData

from idbroker.storage.cells import HOME, CellAway
from idbroker.storage.database import Database
from idbroker.storage.dialect import Dialect
from idbroker.storage.rows import AUDIT

MIGRATIONS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps its context in the module; other processes take turns in the database (``Dialect.prepare``)."""


class SchemaBehind(Exception):
    """The database's schema is not the one that this program needs. The message says what to run."""


def migrate(dialect: Dialect, metadata: MetaData) -> None:
    """Upgrade to the newest revision and secure the tables, as the owner, in one transaction. Safe to repeat."""
    engine = dialect.owner_engine()
    try:
        with _ONE_AT_A_TIME, engine.connect() as connection, connection.begin():
            dialect.prepare(connection)
            command.upgrade(_config(metadata, connection), "head")
            dialect.secure(connection, metadata)
    finally:
        engine.dispose()


def revisions(connection: Connection, metadata: MetaData) -> tuple[str | None, str | None]:
    """(the database's revision, the newest one); None where there is none."""
    return MigrationContext.configure(connection).get_current_revision(), _newest(metadata)


def check(database: Database, metadata: MetaData) -> None:
    """Raise SchemaBehind unless every cell that answers is at the newest revision and safe to serve from.

    A cell that does not answer stops nobody but its own tenants.
    """
    for cell in database.each_cell():
        try:
            with database.connected(cell) as connection:
                problem = _problem(connection, cell.dialect, metadata)
        except CellAway:
            continue
        if problem is not None:
            raise SchemaBehind(problem if cell.name == HOME else f"cell {cell.name}: {problem}")


def check_placements(database: Database) -> None:
    """Raise SchemaBehind when tenants live in cells that are not configured: they would seem to be gone."""
    unknown = sorted(database.placements.used() - {cell.name for cell in database.each_cell()})
    if unknown:
        raise SchemaBehind(f"tenants live in {', '.join(unknown)}; name it in IDBROKER_CELLS")


def _problem(connection: Connection, dialect: Dialect, metadata: MetaData) -> str | None:
    current, newest = revisions(connection, metadata)
    if current != newest:
        return f"the database schema is at {current or 'nothing'}, this program needs {newest}. Run: idbroker migrate"
    return "; ".join(dialect.problems(connection, metadata)) or None


def _newest(metadata: MetaData) -> str | None:
    return ScriptDirectory.from_config(_config(metadata, None)).get_current_head()


def _config(metadata: MetaData, connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(MIGRATIONS / ("audit" if metadata is AUDIT else "main")))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config
