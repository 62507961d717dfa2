"""One tenant's rows of one kind of database, from one cell into another, while they are used.

The source notes every change from before the first row is copied (``note_changes``), so what was copied too early is copied
again, and what is left to do shrinks to what changed lately. Everything can be repeated; a kill costs the table at hand.
Both sides are opened as the owner and bound to the tenant: row-level security holds here, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, delete, func, insert, select, tuple_
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.elements import ColumnElement

from idbroker.kernel.ids import TenantId
from idbroker.storage.cells import Cell, cell_tables
from idbroker.storage.rls import changes_of, fence_of
from idbroker.storage.rows import keys_of

PAGE = 500
CHANGES = 2000
TRIES = 5
ARRIVAL = frozenset({"outbox"})
"""Tables whose rows are taken in the order in which they came."""

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows, and a sum of their digests that does not depend on their order."""

    rows: int = 0
    sum: int = 0

    def with_row(self, row: Sequence[Any]) -> Tally:
        return Tally(self.rows + 1, (self.sum + _digest(row)) % 2**128)

    def as_document(self) -> dict[str, Any]:
        return {"rows": self.rows, "checksum": f"{self.sum:032x}"}


class Side:
    """One tenant's rows in one cell's database, reached as its owner."""

    def __init__(self, cell: Cell, tenant: TenantId) -> None:
        self.cell = cell
        self.tenant = tenant
        self.engine: Engine = cell.dialect.owner_engine()

    @contextmanager
    def open(self, *, read_only: bool = False) -> Iterator[Connection]:
        dialect = self.cell.dialect
        with dialect.turn(read_only=read_only), self.engine.connect() as connection:
            dialect.begin(connection, self.tenant, read_only=read_only)
            yield connection
            if not read_only:
                connection.commit()

    def close(self) -> None:
        self.engine.dispose()


class TenantCopy:
    def __init__(self, metadata: MetaData, source: Side, target: Side) -> None:
        self.tables = cell_tables(metadata)
        self._changes = metadata.tables[changes_of(metadata)]
        self._fence = metadata.tables[fence_of(metadata)]
        self.source = source
        self.target = target
        self._tenant = source.tenant

    def watch(self) -> None:
        """From now on no change of the source is overlooked."""
        for table in self.tables:
            self._on(table, self.source.cell.dialect.note_changes)

    def watch_no_more(self) -> None:
        for table in self.tables:
            self._on(table, self.source.cell.dialect.note_no_more)
        with self.source.open() as connection:
            connection.execute(delete(self._changes).where(self._changes.c.tenant_id == self._tenant))

    def copy(self, table: Table) -> int:
        """Every row of the table, anew. How many."""
        copied = 0
        with self.target.open() as connection:
            connection.execute(delete(table).where(table.c.tenant_id == self._tenant))
        for rows in self._pages(table):
            with self.target.open() as connection:
                connection.execute(insert(table), [_named(table, row) for row in rows])
            copied += len(rows)
        return copied

    def catch_up(self) -> dict[str, set[Key]]:
        """Copy what was changed, some of it. Table → the keys that were looked at; empty when nothing was left."""
        with self.source.open(read_only=True) as connection:
            statement = select(self._changes.c.id, self._changes.c.table_name, self._changes.c.key)
            noted = connection.execute(statement.where(self._changes.c.tenant_id == self._tenant).limit(CHANGES)).all()
        changed: dict[str, set[Key]] = {}
        for _, name, key in noted:
            changed.setdefault(name, set()).add(tuple(key))
        for table in self.tables:
            if keys := changed.get(table.name):
                self._copy_again(table, list(keys))
        if noted:
            with self.source.open() as connection:
                gone = [row[0] for row in noted]
                mine = self._changes.c.tenant_id == self._tenant
                connection.execute(delete(self._changes).where(mine, self._changes.c.id.in_(gone)))
        return changed

    def compare(self, table: Table) -> tuple[Tally, set[Key]]:
        """Every row of the source beside the target's. (what the source holds, keys of the rows that are not the same)."""
        tally, different = Tally(), set[Key]()
        for rows in self._pages(table):
            found = self._by_key(self.target, table, [_key(table, row) for row in rows])
            for row in rows:
                tally = tally.with_row(row)
                if found.get(_key(table, row)) != _digest(row):
                    different.add(_key(table, row))
        return tally, different

    def different(self, table: Table, keys: Sequence[Key]) -> set[Key]:
        """Those of the keys whose rows are not the same on both sides."""
        wrong = set[Key]()
        for start in range(0, len(keys), PAGE):
            part = keys[start : start + PAGE]
            here, there = self._by_key(self.source, table, part), self._by_key(self.target, table, part)
            wrong |= {key for key in part if here.get(key) != there.get(key)}
        return wrong

    def count(self, side: Side) -> dict[str, int]:
        with side.open(read_only=True) as connection:
            return {
                table.name: connection.execute(
                    select(func.count()).select_from(table).where(table.c.tenant_id == self._tenant)
                ).scalar_one()
                for table in self.tables
            }

    def put_fence(self, side: Side, state: str | None) -> None:
        """None takes it away. When one has been put up, whoever passed before is done."""
        with side.open() as connection:
            connection.execute(delete(self._fence).where(self._fence.c.tenant_id == self._tenant))
            if state is not None:
                connection.execute(insert(self._fence).values(tenant_id=self._tenant, state=state))
        if state is not None:
            with side.open() as connection:
                side.cell.dialect.await_writers(connection, self._tenant)

    def wipe(self, side: Side) -> None:
        """Every row of the tenant there, in bites; its fence stays."""
        for table in self.tables:
            while True:
                with side.open() as connection:
                    some = connection.execute(self._keys(table).limit(PAGE * 4)).all()
                    if not some:
                        break
                    connection.execute(delete(table).where(*self._those(table, [tuple(row) for row in some])))

    def _on(self, table: Table, action: Callable[[Connection, Table, TenantId], None]) -> None:
        """A busy table may be long in coming free: then again, so that those who wait behind us get their turn."""
        tries = 0
        while True:
            try:
                with self.source.open() as connection:
                    action(connection, table, self._tenant)
            except OperationalError:
                tries += 1
                if tries == TRIES:
                    raise
            else:
                return

    def _keys(self, table: Table) -> Any:
        columns = [table.c[name] for name in keys_of(table)] or [table.c.tenant_id]
        return select(*columns).where(table.c.tenant_id == self._tenant)

    def _copy_again(self, table: Table, keys: list[Key]) -> None:
        with self.source.open(read_only=True) as connection:
            statement = select(table).where(*self._those(table, keys))
            if table.name in ARRIVAL:
                statement = statement.order_by(self.source.cell.dialect.arrival(table))
            rows = connection.execute(statement).all()
        with self.target.open() as connection:
            connection.execute(delete(table).where(*self._those(table, keys)))
            if rows:
                connection.execute(insert(table), [_named(table, row) for row in rows])

    def _pages(self, table: Table) -> Iterator[Sequence[Sequence[Any]]]:
        """The source's rows. A page's transaction is over when it is handed out."""
        mine = select(table).where(table.c.tenant_id == self._tenant)
        columns = [table.c[name] for name in keys_of(table)]
        if table.name in ARRIVAL or not columns:
            with self.source.open(read_only=True) as connection:
                rows = connection.execute(mine.order_by(self._arrival(table))).all()
            if rows:
                yield rows
            return
        statement, after = mine.order_by(*columns).limit(PAGE), None
        while True:
            page = statement if after is None else statement.where(tuple_(*columns) > after)
            with self.source.open(read_only=True) as connection:
                rows = connection.execute(page).all()
            if rows:
                yield rows
            if len(rows) < PAGE:
                return
            after = _key(table, rows[-1])

    def _arrival(self, table: Table) -> ColumnElement[Any]:
        return self.source.cell.dialect.arrival(table) if table.name in ARRIVAL else table.c.tenant_id

    def _those(self, table: Table, keys: Sequence[Key]) -> list[ColumnElement[bool]]:
        columns = [table.c[name] for name in keys_of(table)]
        mine = table.c.tenant_id == self._tenant
        if not columns:
            return [mine]
        return [mine, tuple_(*columns).in_(list(keys)) if len(columns) > 1 else columns[0].in_([key[0] for key in keys])]

    def _by_key(self, side: Side, table: Table, keys: Sequence[Key]) -> dict[Key, int]:
        with side.open(read_only=True) as connection:
            found = connection.execute(select(table).where(*self._those(table, keys))).all()
        return {_key(table, row): _digest(row) for row in found}


def _named(table: Table, row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip([column.key for column in table.columns], row, strict=True))


def _key(table: Table, row: Sequence[Any]) -> Key:
    places = [number for number, column in enumerate(table.columns) if column.primary_key and column.name != "tenant_id"]
    return tuple(row[place] for place in places)


def _digest(row: Sequence[Any]) -> int:
    """Of the row's values, whatever engine they came from."""
    text = json.dumps(list(row), sort_keys=True, default=_plain)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    raise TypeError(f"a {type(value).__name__} in a row")
