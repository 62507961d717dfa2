"""Lists of resources: by key where they can be, so that the last page costs what the first does; and where walks stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache, partial
from typing import Any, Literal

from sqlalchemy import Select, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from idbroker.directories.resources import ANCHORS, TABLES, USERS, Kind, Stored, columns
from idbroker.storage.statement import EngineStatement, TenantStatement, scope
from idbroker.storage.unit import TenantRepository, changed

REMEMBERED = timedelta(minutes=30)
Where = ColumnElement[bool] | None


Which = Literal["first", "after", "last", "named", "offset"]


def _list(kind: Kind, which: Which, where: Where = None, order: Sequence[ColumnElement[Any]] = ()) -> Select[Any]:
    table = TABLES[kind]
    statement = select(*columns(table)).where(table.c.tenant_id == scope(), table.c.directory_id == bindparam("directory"))
    if where is not None:
        statement = statement.where(where)
    if which == "after":
        statement = statement.where(table.c.id > bindparam("after"))
    if which == "named":
        statement = statement.where(USERS.c.user_name_key == bindparam("name"))
    if which == "offset":
        statement = statement.offset(bindparam("offset"))
    by_id = table.c.id.desc() if which == "last" else table.c.id
    return statement.order_by(*order, by_id).limit(bindparam("limit"))


@cache
def _made_once(kind: Kind, which: Which) -> TenantStatement:
    """The lists without a filter, and with the one that every client sends."""
    return TenantStatement(partial(_list, kind, which))


class ResourceLists(TenantRepository):
    """``where``: a condition on the kind's table; what it binds is the caller's. Order is by id unless ``order`` says more."""

    def after(self, kind: Kind, directory_id: str, where: Where, after: str | None, limit: int) -> list[Stored]:
        values: dict[str, Any] = {"directory": directory_id, "limit": limit}
        if after is None:
            return self._rows(kind, "first", values, where)
        return self._rows(kind, "after", {**values, "after": after}, where)

    def last(self, kind: Kind, directory_id: str, limit: int) -> list[Stored]:
        """The last ones, in the order of the list."""
        return self._rows(kind, "last", {"directory": directory_id, "limit": limit})[::-1]

    def named(self, directory_id: str, name: str) -> list[Stored]:
        """The one user, if any, of that folded userName."""
        return self._rows("User", "named", {"directory": directory_id, "name": name, "limit": 1})

    def at(
        self, kind: Kind, directory_id: str, where: Where, *, offset: int, limit: int, order: Sequence[ColumnElement[Any]] = ()
    ) -> list[Stored]:
        return self._rows(kind, "offset", {"directory": directory_id, "offset": offset, "limit": limit}, where, order)

    def count(self, kind: Kind, directory_id: str, where: Where, after: str | None) -> int:
        table = TABLES[kind]
        mine = (table.c.tenant_id == scope(), table.c.directory_id == bindparam("directory"))
        statement, values = select(func.count()).where(*mine), {"directory": directory_id}
        if where is not None:
            statement = statement.where(where)
        if after is not None:
            statement, values["after"] = statement.where(table.c.id > bindparam("after")), after
        return int(self.scoped(statement, values).scalar_one())

    def _rows(
        self,
        kind: Kind,
        which: Which,
        values: dict[str, Any],
        where: Where = None,
        order: Sequence[ColumnElement[Any]] = (),
    ) -> list[Stored]:
        if where is None and not order:
            return [Stored(*row) for row in _made_once(kind, which).rows(self.unit, **values)]
        return [Stored(*row) for row in self.scoped(_list(kind, which, where, order), values)]


_ANCHOR = TenantStatement(
    lambda: select(ANCHORS.c.after_id, ANCHORS.c.gone).where(
        ANCHORS.c.tenant_id == scope(),
        ANCHORS.c.directory_id == bindparam("directory"),
        ANCHORS.c.query == bindparam("query_"),
        ANCHORS.c.next_index == bindparam("index_"),
        ANCHORS.c.at > bindparam("since"),
    )
)


def _put(engine: str) -> Any:
    names = ("directory_id", "query", "next_index", "kind", "after_id", "gone", "at")
    made = sqlite.insert if engine == "sqlite" else postgresql.insert
    fresh: Any = made(ANCHORS).values(tenant_id=scope(), **{name: bindparam(f"v_{name}") for name in names})
    return fresh.on_conflict_do_update(
        index_elements=["tenant_id", "directory_id", "query", "next_index"],
        set_={name: fresh.excluded[name] for name in ("after_id", "gone", "at")},
    )


_PUT = EngineStatement(_put)


class Walks(TenantRepository):
    """Where lists that are read page by page go on, so that what is deleted meanwhile shifts nobody past the reader."""

    def find(self, directory_id: str, walk: str, index: int) -> tuple[str, int] | None:
        """(the id after which that index begins, how many before it have been deleted since)."""
        values = {"directory": directory_id, "query_": walk, "index_": index, "since": self.now() - REMEMBERED}
        row = _ANCHOR.first(self.unit, **values)
        return None if row is None else (row[0], row[1])

    def stands(self, directory_id: str, walk: str, index: int, *, after_id: str, gone: int) -> bool:
        """Whether just that was remembered a moment ago: then it need not be written again."""
        values = {"directory": directory_id, "query_": walk, "index_": index, "since": self.now() - REMEMBERED / 3}
        row = _ANCHOR.first(self.unit, **values)
        return row is not None and (row[0], row[1]) == (after_id, gone)

    def put(self, directory_id: str, kind: Kind, walk: str, index: int, *, after_id: str, gone: int) -> None:
        values = {
            "v_directory_id": directory_id, "v_query": walk, "v_next_index": index, "v_kind": kind, "v_after_id": after_id,
            "v_gone": gone, "v_at": self.now(),
        }  # fmt: skip
        _PUT.change(self.unit, **values)

    def purge(self) -> int:
        statement = delete(ANCHORS).where(ANCHORS.c.tenant_id == bindparam("tenant"), ANCHORS.c.at < bindparam("before"))
        return changed(self.scoped(statement, {"before": self.now() - REMEMBERED}))
