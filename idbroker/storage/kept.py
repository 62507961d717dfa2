"""Objects that are made of a row once and kept while the row stays as it is: the row is read every time, parsed never again.

So nothing can be stale: what decides is the row of this very transaction. To read and parse an app's row takes five times
as long as to read it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import JSON, Text, cast
from sqlalchemy.sql.elements import ColumnElement

from idbroker.storage.rows import MAIN, PlatformRow
from idbroker.storage.unit import PlatformUnit

LIMIT = 10_000


class Kept:
    """For one platform table. The objects are shared by all who ask: read them, never change them."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._known: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def columns(self) -> list[ColumnElement[Any]]:
        """What to select, side by side; documents as text, in which they can be compared."""
        return [cast(column, Text) if isinstance(column.type, JSON) else column for column in MAIN.tables[self._table].columns]

    def of(self, unit: PlatformUnit, raw: tuple[Any, ...]) -> Any:
        """The object of a row as the driver gave it. The first column is the key."""
        known = self._known.get(raw[0])
        if known is not None and known[0] == raw:
            return known[1]
        dialect = unit.transaction.connection.dialect
        made = self._mapped(**{name: read(value, dialect) for (name, read), value in zip(self._readers, raw, strict=True)})
        if len(self._known) >= LIMIT:
            self._known.clear()
        self._known[raw[0]] = (raw, made)
        return made

    @cached_property
    def _mapped(self) -> Any:
        return next(cls for cls in PlatformRow.__subclasses__() if getattr(cls, "__tablename__", None) == self._table)

    @cached_property
    def _readers(self) -> list[tuple[str, Any]]:
        table = MAIN.tables[self._table]
        return [(column.key, _document if isinstance(column.type, JSON) else _reader(column)) for column in table.columns]


def _document(value: Any, dialect: Any) -> Any:
    del dialect
    return None if value is None else orjson.loads(value)


def _reader(column: Any) -> Any:
    def read(value: Any, dialect: Any) -> Any:
        convert = column.type._cached_result_processor(dialect, None)
        return value if convert is None else convert(value)

    return read
