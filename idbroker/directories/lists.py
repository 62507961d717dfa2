"""Lists of resources: by key where they can be, so that the last page costs what the first does; and where walks stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from typing import Any, Literal, NamedTuple

from sqlalchemy import Numeric, Select, and_, bindparam, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from idbroker.directories.resources import ANCHORS, TABLES, USERS, Kind, Stored, columns
from idbroker.storage.rows import UtcDateTime
from idbroker.storage.statement import EngineStatement, TenantStatement, scope
from idbroker.storage.unit import TenantRepository, changed

REMEMBERED = timedelta(minutes=30)
Where = ColumnElement[bool] | None


class Place(NamedTuple):
    """Behind a resource. ``key``: its sort value, in a list that is sorted; in a form that JSON holds."""

    kind: Kind
    id: str
    key: Any = None


class Found(NamedTuple):
    resource: Stored
    place: Place


@dataclass(frozen=True, slots=True)
class Order:
    """By an expression on the kind's table, then by id. Those without a value are last, and first when descending (RFC 7644
    3.4.2.3). ``nullable``: whether there may be any."""

    by: ColumnElement[Any]
    descending: bool
    nullable: bool

    def clause(self, *, backwards: bool) -> ColumnElement[Any]:
        falling = self.descending is not backwards
        by = self.by.desc() if falling else self.by.asc()
        if not self.nullable:
            return by
        return by.nulls_first() if falling else by.nulls_last()

    def behind(self, key: Any, identity: ColumnElement[Any]) -> Iterator[ColumnElement[bool]]:
        """Conditions whose rows, one after the other, are what follows a place: an index can walk along each, and could not
        along the OR of them. They bind ``after``, and ``key`` unless that is None."""
        by, later = self.by, identity > bindparam("after")
        if key is None:
            yield and_(by.is_(None), later)
            if self.descending:
                yield by.is_not(None)
            return
        mark = bindparam("key", type_=by.type)
        reached, passed = (by <= mark, by < mark) if self.descending else (by >= mark, by > mark)
        yield and_(reached, or_(passed, later))
        if self.nullable and not self.descending:
            yield by.is_(None)

    def told(self, value: Any) -> Any:
        """A sort value as JSON holds it."""
        if isinstance(value, datetime):
            return value.isoformat()
        return str(value) if isinstance(value, Decimal) else value

    def meant(self, key: Any) -> Any:
        """A sort value as the database compares it."""
        if isinstance(self.by.type, UtcDateTime):
            return datetime.fromisoformat(key)
        return Decimal(key) if isinstance(self.by.type, Numeric) and isinstance(key, str) else key


@dataclass(frozen=True, slots=True)
class Part:
    """Those of a kind that fulfil a condition on its table, what it binds filled in. Without an ``order`` they are by id."""

    kind: Kind
    where: Where = None
    order: Order | None = None


Which = Literal["first", "after", "named", "offset", "backwards"]


def _list(part: Part, which: Which) -> Select[Any]:
    table, order = TABLES[part.kind], part.order
    shown = columns(table) if order is None else [*columns(table), order.by]
    statement = select(*shown).where(table.c.tenant_id == scope(), table.c.directory_id == bindparam("directory"))
    if part.where is not None:
        statement = statement.where(part.where)
    if which == "after" and order is None:
        statement = statement.where(table.c.id > bindparam("after"))
    if which == "named":
        statement = statement.where(USERS.c.user_name_key == bindparam("name"))
    if which in ("offset", "backwards"):
        statement = statement.offset(bindparam("offset"))
    backwards = which == "backwards"
    by = [] if order is None else [order.clause(backwards=backwards)]
    return statement.order_by(*by, table.c.id.desc() if backwards else table.c.id).limit(bindparam("limit"))


@cache
def _made_once(kind: Kind, which: Which) -> TenantStatement:
    """The lists without a filter, and with the one that every client sends."""
    return TenantStatement(partial(_list, Part(kind), which))


class ResourceLists(TenantRepository):
    def first(self, directory_id: str, part: Part, limit: int) -> list[Found]:
        return self._rows(part, "first", {"directory": directory_id, "limit": limit})

    def after(self, directory_id: str, part: Part, place: Place, limit: int) -> list[Found]:
        """What follows the place."""
        values, order = {"directory": directory_id, "after": place.id}, part.order
        if order is None:
            return self._rows(part, "after", {**values, "limit": limit})
        if place.key is not None:
            values["key"] = order.meant(place.key)
        found: list[Found] = []
        for behind in order.behind(place.key, TABLES[part.kind].c.id):
            if len(found) < limit:
                rest = replace(part, where=behind if part.where is None else and_(part.where, behind))
                found += self._rows(rest, "after", {**values, "limit": limit - len(found)})
        return found

    def named(self, directory_id: str, name: str) -> list[Stored]:
        """The one user, if any, of that folded userName."""
        rows = _made_once("User", "named").rows(self.unit, directory=directory_id, name=name, limit=1)
        return [Stored(*row) for row in rows]

    def at(self, directory_id: str, part: Part, *, offset: int, limit: int, of: int) -> list[Found]:
        """Those at ``offset`` of a list of ``of``, counted from the end that is nearer."""
        limit = min(limit, of - offset)
        if limit < 1:
            return []
        values, rest = {"directory": directory_id, "limit": limit}, of - offset - limit
        if offset <= rest:
            return self._rows(part, "offset", {**values, "offset": offset})
        return self._rows(part, "backwards", {**values, "offset": rest})[::-1]

    def count(self, directory_id: str, part: Part) -> int:
        table = TABLES[part.kind]
        mine = (table.c.tenant_id == scope(), table.c.directory_id == bindparam("directory"))
        statement = select(func.count()).where(*mine)
        if part.where is not None:
            statement = statement.where(part.where)
        return int(self.scoped(statement, {"directory": directory_id}).scalar_one())

    def _rows(self, part: Part, which: Which, values: dict[str, Any]) -> list[Found]:
        kind, order = part.kind, part.order
        if order is not None:
            rows = self.scoped(_list(part, which), values)
            return [Found(Stored(*row), Place(kind, row[0], order.told(key))) for *row, key in rows]
        if part.where is None:
            found: Sequence[Any] = _made_once(kind, which).rows(self.unit, **values)
        else:
            found = self.scoped(_list(part, which), values).all()
        return [Found(Stored(*row), Place(kind, row[0])) for row in found]


_ANCHOR = TenantStatement(
    lambda: select(ANCHORS.c.kind, ANCHORS.c.after_id, ANCHORS.c.after_key).where(
        ANCHORS.c.tenant_id == scope(),
        ANCHORS.c.directory_id == bindparam("directory"),
        ANCHORS.c.query == bindparam("query_"),
        ANCHORS.c.next_index == bindparam("index_"),
        ANCHORS.c.at > bindparam("since"),
    )
)


def _put(engine: str) -> Any:
    names = ("directory_id", "query", "next_index", "kind", "after_id", "after_key", "at")
    made = sqlite.insert if engine == "sqlite" else postgresql.insert
    given: dict[str, Any] = {name: bindparam(f"v_{name}", type_=ANCHORS.c[name].type) for name in names}
    fresh: Any = made(ANCHORS).values(tenant_id=scope(), **given)
    return fresh.on_conflict_do_update(
        index_elements=["tenant_id", "directory_id", "query", "next_index"],
        set_={name: fresh.excluded[name] for name in ("kind", "after_id", "after_key", "at")},
    )


_PUT = EngineStatement(_put)


class Walks(TenantRepository):
    """Where lists that are read page by page go on, so that what is deleted meanwhile shifts nobody past the reader."""

    def find(self, directory_id: str, walk: str, index: int) -> Place | None:
        """Behind which resource that index begins."""
        return self._found(directory_id, walk, index, REMEMBERED)

    def stands(self, directory_id: str, walk: str, index: int, place: Place) -> bool:
        """Whether just that was remembered a moment ago: then it need not be written again."""
        return self._found(directory_id, walk, index, REMEMBERED / 3) == place

    def put(self, directory_id: str, walk: str, index: int, place: Place) -> None:
        values = {
            "v_directory_id": directory_id, "v_query": walk, "v_next_index": index, "v_kind": place.kind,
            "v_after_id": place.id, "v_after_key": place.key, "v_at": self.now(),
        }  # fmt: skip
        _PUT.change(self.unit, **values)

    def purge(self) -> int:
        statement = delete(ANCHORS).where(ANCHORS.c.tenant_id == bindparam("tenant"), ANCHORS.c.at < bindparam("before"))
        return changed(self.scoped(statement, {"before": self.now() - REMEMBERED}))

    def _found(self, directory_id: str, walk: str, index: int, lately: timedelta) -> Place | None:
        values = {"directory": directory_id, "query_": walk, "index_": index, "since": self.now() - lately}
        row = _ANCHOR.first(self.unit, **values)
        return None if row is None else Place(*row)
