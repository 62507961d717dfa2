"""Lists: filter, sorting, index paging, cursor paging (RFC 7644 3.4.2, RFC 9865).

Whoever reads page by page goes on behind the last resource that he has read: a cursor holds that place, and for an index it is
remembered (``Walks``). So nobody is missed because somebody else was deleted meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from idbroker.directories.lists import Found, Order, Part, Place, ResourceLists, Walks
from idbroker.directories.resources import Kind, Stored
from idbroker.directory.members import GroupMembers
from scim.conditions.compile import Compiler
from scim.conditions.operators import Engine
from scim.cursors import Cursors, query_digest
from scim.door import Desk
from scim.filters.tree import Comparison
from scim.list_query import ListQuery
from scim.paging import Pages
from scim.stored import as_bytes, group_refs, member_refs

LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a walk goes on, to be kept once the list has been read."""

    query: str
    index: int
    place: Place

    def keep(self, desk: Desk) -> None:
        desk.unit[Walks].put(desk.directory_id, self.query, self.index, self.place)


@dataclass(frozen=True, slots=True)
class Listed:
    body: bytes
    anchor: Anchor | None


class Lister:
    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors

    def list(self, desk: Desk, queries: Mapping[str, ListQuery]) -> Listed:
        """``queries``: one for each kind of resource that is asked for. Several kinds are one list, people before groups (RFC
        7644 3.4.3)."""
        some = next(iter(queries.values()))
        name_key = _user_name(queries)
        if name_key is not None:
            rows = desk.unit[ResourceLists].named(desk.directory_id, name_key)
            return Listed(envelope(len(rows), render(desk, "User", rows, some), some, None), None)
        pages = Pages(desk, [self._part(desk, cast("Kind", kind), query) for kind, query in queries.items()])
        name = query_digest(*(part for kind, query in queries.items() for part in (kind, *_named(query))))
        if some.cursor is not None:
            return self._by_cursor(desk, pages, queries, name)
        return self._by_index(desk, pages, queries, name)

    def _part(self, desk: Desk, kind: Kind, query: ListQuery) -> Part:
        compiler = Compiler(cast("Engine", desk.unit.dialect.name), kind, desk.base)
        where = None if query.where is None else compiler.condition(query.where)
        if query.sort_by is None:
            return Part(kind, where)
        by, nullable = compiler.sort_value(query.sort_by)
        return Part(kind, where, Order(by, query.sort_order == "descending", nullable))

    def _by_index(self, desk: Desk, pages: Pages, queries: Mapping[str, ListQuery], name: str) -> Listed:
        some = next(iter(queries.values()))
        start, count = some.start_index, some.count
        place = desk.unit[Walks].find(desk.directory_id, name, start) if count > 0 and start > 1 else None
        if count > 0 and (start == 1 or place is not None):
            rows = pages.first(count + 1) if place is None else pages.after(place, count + 1)
            # Who reads on until he has seen ``totalResults`` is not stopped early, however many of those that he saw are gone.
            total = start - 1 + len(rows)
            if len(rows) > count:
                total = max(total, pages.total)
        else:
            total = pages.total
            rows = pages.at(start - 1, count + 1) if count > 0 else []
        shown, anchor = rows[:count], None
        if len(rows) > count and shown:
            place = shown[-1].place
            if not desk.unit[Walks].stands(desk.directory_id, name, start + count, place):
                anchor = Anchor(name, start + count, place)
        return Listed(envelope(total, _rendered(desk, shown, queries), some, None), anchor)

    def _by_cursor(self, desk: Desk, pages: Pages, queries: Mapping[str, ListQuery], name: str) -> Listed:
        some = next(iter(queries.values()))
        now, bound = desk.unit.clock.now(), f"{desk.unit.scope.tenant} {desk.directory_id} {name}"
        if some.cursor:
            rows = pages.after(self._cursors.read(some.cursor, bound, now), some.count + 1)
        else:
            rows = pages.first(some.count + 1)
        shown, following = rows[: some.count], None
        if len(rows) > some.count:
            following = self._cursors.write(shown[-1].place, bound, now)
        return Listed(envelope(pages.total, _rendered(desk, shown, queries), some, following), None)


def _named(query: ListQuery) -> tuple[str | None, str | None, str]:
    """What tells a query from another, but for the page that it asks for."""
    return query.filter_text, query.sort_by.name if query.sort_by else None, query.sort_order


def _rendered(desk: Desk, found: Sequence[Found], queries: Mapping[str, ListQuery]) -> list[bytes]:
    shown: list[bytes] = []
    for kind, query in queries.items():
        rows = [one.resource for one in found if one.place.kind == kind]
        shown += render(desk, cast("Kind", kind), rows, query)
    return shown


def _user_name(queries: Mapping[str, ListQuery]) -> str | None:
    """The folded name when the first page of ``userName eq`` is asked for, as every client does before it creates."""
    query = queries.get("User")
    if query is None or len(queries) > 1:
        return None
    where = query.where
    if query.cursor is not None or query.start_index != 1 or query.count < 1:
        return None
    if not isinstance(where, Comparison) or where.op != "eq" or where.ref.urn is not None or where.ref.name != "userName":
        return None
    return where.folded if isinstance(where.folded, str) else None


def render(desk: Desk, kind: Kind, rows: Sequence[Stored], query: ListQuery) -> list[bytes]:
    projection, base = query.projection, desk.base
    if kind == "User":
        wanted = projection.shows("groups") and rows
        groups = desk.unit[GroupMembers].groups_of(desk.directory_id, [row.id for row in rows]) if wanted else {}
        return [as_bytes(kind, base, row, projection, group_refs(base, groups.get(row.id, ()))) for row in rows]
    if not projection.shows("members"):
        return [as_bytes(kind, base, row, projection) for row in rows]
    members = desk.unit[GroupMembers].all_of([row.id for row in rows]) if rows else {}
    return [as_bytes(kind, base, row, projection, member_refs(base, members.get(row.id, ()))) for row in rows]


def envelope(total: int, shown: Sequence[bytes], query: ListQuery, next_cursor: str | None) -> bytes:
    head: dict[str, Any] = {"schemas": [LIST_SCHEMA], "totalResults": total, "itemsPerPage": len(shown)}
    if query.cursor is None:
        head["startIndex"] = query.start_index
    if next_cursor is not None:
        head["nextCursor"] = next_cursor
    return orjson.dumps(head)[:-1] + b',"Resources":[' + b",".join(shown) + b"]}"
