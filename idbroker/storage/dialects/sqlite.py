"""SQLite: embedded, WAL, one writer at a time. Isolation rests on the types and the session guard alone here."""

from __future__ import annotations

import fcntl
import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, literal_column, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ColumnElement

from idbroker.kernel.ids import TenantId, is_id
from idbroker.storage import rls
from idbroker.storage.rows import keys_of

_READ_ONLY = "idbroker_read_only"
BUSY_MILLISECONDS = 15_000


class SqliteDialect:
    name = "sqlite"
    migrates_itself = True

    def __init__(self, url: str, *, pool: int = 10) -> None:
        self._url = make_url(url).set(drivername="sqlite+pysqlite")
        self._pool = pool
        # Waiting on a lock is fair and wakes at once; SQLite's own busy handler polls. Other processes still meet that one.
        self._writing = threading.Lock()
        self._writer: int | None = None

    def engine(self) -> Engine:
        if self._url.database and self._url.database != ":memory:":
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            self._url,
            pool_size=self._pool,
            max_overflow=64,
            connect_args={"check_same_thread": False, "isolation_level": None, "timeout": BUSY_MILLISECONDS / 1000},
        )
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
        return engine

    def owner_engine(self) -> Engine:
        return self.engine()

    @contextmanager
    def turn(self, *, read_only: bool) -> Iterator[None]:
        if read_only:
            yield
            return
        if self._writer == threading.get_ident():
            raise RuntimeError("a unit within a unit: the second writer would wait for the first one, its own thread, for ever")
        with self._writing:
            self._writer = threading.get_ident()
            try:
                yield
            finally:
                self._writer = None

    def begin(self, connection: Connection, tenant: TenantId, *, read_only: bool) -> None:
        connection.execution_options(**{_READ_ONLY: read_only}).begin()

    def set_tenant(self, connection: Connection, tenant: TenantId) -> None:
        """Nothing to tell the engine: the session guard is the net here."""

    def take_turns(self, connection: Connection, tenant: TenantId, names: Sequence[str]) -> None:
        """Whoever writes has the file to himself."""

    def pass_fence(self, connection: Connection, tenant: TenantId, metadata: MetaData, *, writes: bool) -> str | None:
        found = connection.execute(text(f"SELECT state FROM {rls.fence_of(metadata)} WHERE tenant_id = :t"), {"t": tenant})  # noqa: S608 # a constant
        state: str | None = found.scalar()
        return state

    def await_writers(self, connection: Connection, tenant: TenantId) -> None:
        """There is one writer at a time, and this is it."""

    def note_changes(self, connection: Connection, table: Table, tenant: TenantId) -> None:
        for operation, rows in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            keys = ", ".join(f'{rows}."{name}"' for name in keys_of(table))
            note = (
                f"INSERT INTO {rls.changes_of(table.metadata)} (tenant_id, id, table_name, key)"  # noqa: S608 # names of ours
                f" VALUES ({rows}.tenant_id, lower(hex(randomblob(16))), '{table.name}', json_array({keys}))"
            )
            name = _trigger(tenant, table, operation, rows)
            connection.exec_driver_sql(
                f'CREATE TRIGGER IF NOT EXISTS "{name}" AFTER {operation} ON "{table.name}"'
                f" WHEN {rows}.tenant_id = '{tenant}' BEGIN {note}; END"
            )

    def note_no_more(self, connection: Connection, table: Table, tenant: TenantId) -> None:
        for operation, rows in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            connection.exec_driver_sql(f'DROP TRIGGER IF EXISTS "{_trigger(tenant, table, operation, rows)}"')

    @contextmanager
    def alone(self, engine: Engine, name: str) -> Iterator[bool]:
        """A lock on a file beside the database's."""
        with Path(f"{self._url.database}.{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def see_relayed(self, connection: Connection) -> None:
        """No policy to lift."""

    def arrival(self, table: Any) -> ColumnElement[Any]:
        return literal_column(f"{table.name}.rowid")

    def apply_cut(self, connection: Connection, tenant: TenantId) -> int:
        values = {"tenant": tenant, "piece": rls.CUT_PIECE}
        removed, *_ = [connection.execute(text(statement), values).rowcount for statement in rls.CUT_STATEMENTS]
        return removed

    def forget_item(self, connection: Connection, tenant: TenantId, sequence: int, item: int, terms: Sequence[int]) -> None:
        values = {"tenant": tenant, "sequence": sequence, "item": item, "terms": json.dumps(list(terms))}
        for statement in rls.FORGET_STATEMENTS:
            connection.execute(text(statement), values)

    def erase_trail(self, connection: Connection, tenant: TenantId) -> tuple[int, int]:
        counts = [connection.execute(text(one), {"tenant": tenant}).rowcount for one in rls.ERASE_STATEMENTS]
        return counts[-1], 0

    def scrub(self, connection: Connection) -> bool:
        """The file is written anew, without free pages, and the write-ahead log is emptied."""
        raw: Any = connection.connection.driver_connection
        raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return True

    def prepare(self, connection: Connection) -> None:
        """The file is there, and BEGIN IMMEDIATE has taken the turn."""

    def secure(self, connection: Connection, metadata: MetaData) -> None:
        """SQLite has neither roles nor policies."""

    def problems(self, connection: Connection, metadata: MetaData) -> list[str]:
        mode = connection.execute(text("PRAGMA journal_mode")).scalar_one()
        return [] if mode in ("wal", "memory") else [f"SQLite journal mode is {mode}, not wal"]


def _trigger(tenant: TenantId, table: Table, operation: str, rows: str) -> str:
    if not is_id(tenant, "tnt"):
        raise ValueError("a trigger is named by the id of a tenant")
    return f"moving_{tenant}_{table.name}_{operation}_{rows}"


def _on_connect(connection: sqlite3.Connection, record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-20000", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    # IMMEDIATE: a transaction that will write takes the lock first, so that it never fails half-way with "database is locked".
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    try:
        # Past SQLAlchemy: of a short transaction's time, what it does around these two words is a good part.
        connection.connection.driver_connection.execute("BEGIN" if read_only else "BEGIN IMMEDIATE")  # type: ignore[union-attr]
    except sqlite3.Error as error:
        raise DBAPIError.instance("BEGIN", None, error, sqlite3.Error, dialect=connection.dialect) from error
