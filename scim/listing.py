"""Lists: filter, sorting, index paging, cursor paging (RFC 7644 3.4.2, RFC 9865).

A list in our own order goes by key. By index it remembers where each next page begins (``Walks``), so that whoever reads all
pages misses nobody because somebody else was deleted meanwhile; ``totalResults`` then counts those read as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from idbroker.directories.lists import ResourceLists, Walks, Where
from idbroker.directories.resources import Kind, Resources, Stored
from idbroker.directory.members import GroupMembers
from scim.conditions.compile import Compiler
from scim.conditions.operators import Engine
from scim.cursors import Cursors, Position, query_digest
from scim.door import Desk
from scim.filters.tree import Comparison
from scim.list_query import ListQuery
from scim.stored import as_bytes, group_refs, member_refs

LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@dataclass(frozen=True, slots=True)
class Page:
    """``anchor``: (next index, id after which it begins, how many before it are gone), to be remembered; None: the end."""

    rows: Sequence[Stored]
    total: int
    anchor: tuple[int, str, int] | None = None
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a walk goes on, to be kept once the list has been read."""

    kind: Kind
    query: str
    index: int
    after: str
    gone: int

    def keep(self, desk: Desk) -> None:
        desk.unit[Walks].put(desk.directory_id, self.kind, self.query, self.index, after_id=self.after, gone=self.gone)


@dataclass(frozen=True, slots=True)
class Listed:
    body: bytes
    anchor: Anchor | None


class Lister:
    def __init__(self, cursors: Cursors) -> None:
        self._cursors = cursors

    def list(self, desk: Desk, kind: Kind, query: ListQuery) -> Listed:
        name_key = _user_name(kind, query)
        if name_key is not None:
            rows = desk.unit[ResourceLists].named(desk.directory_id, name_key)
            return Listed(envelope(len(rows), render(desk, kind, rows, query), query, None), None)
        where, order = self._compiled(desk, kind, query)
        name = query_digest(kind, query.filter_text, query.sort_by.name if query.sort_by else "", query.sort_order)
        if query.cursor is not None:
            page = self._by_cursor(desk, kind, query, where, order=order, name=name)
        elif order:
            page = self._sorted(desk, kind, query, where, order)
        else:
            page = self._by_index(desk, kind, query, where, name)
        shown = render(desk, kind, page.rows, query)
        body = envelope(page.total, shown, query, page.next_cursor)
        anchor = None
        if page.anchor is not None:
            index, after, gone = page.anchor
            if not desk.unit[Walks].stands(desk.directory_id, name, index, after_id=after, gone=gone):
                anchor = Anchor(kind, name, index, after, gone)
        return Listed(body, anchor)

    def search_all(self, desk: Desk, queries: dict[str, ListQuery]) -> bytes:
        """People, then groups, as one list (RFC 7644 3.4.3 at the root)."""
        some = next(iter(queries.values()))
        skip, room, total = some.start_index - 1, some.count, 0
        shown: list[bytes] = []
        for name, query in queries.items():
            kind = cast("Kind", name)
            where, order = self._compiled(desk, kind, query)
            count = desk.unit[ResourceLists].count(kind, desk.directory_id, where, None)
            if room > 0 and skip < count:
                rows = desk.unit[ResourceLists].at(kind, desk.directory_id, where, offset=max(0, skip), limit=room, order=order)
                shown += render(desk, kind, rows, query)
                room -= len(rows)
            skip = max(0, skip - count)
            total += count
        return envelope(total, shown, some, None)

    def _compiled(self, desk: Desk, kind: Kind, query: ListQuery) -> tuple[Where, Sequence[Any]]:
        compiler = Compiler(cast("Engine", desk.unit.dialect.name), kind, desk.base)
        where = None if query.where is None else compiler.condition(query.where)
        if query.sort_by is None:
            return where, ()
        return where, compiler.order(query.sort_by, descending=query.sort_order == "descending")

    def _by_index(self, desk: Desk, kind: Kind, query: ListQuery, where: Where, name: str) -> Page:
        lists, directory, start, count = desk.unit[ResourceLists], desk.directory_id, query.start_index, query.count
        if start == 1 and count > 0:
            rows = lists.after(kind, directory, where, None, count + 1)
            if len(rows) <= count:
                return Page(rows, len(rows))
            return self._page(rows, count, self._total(desk, kind, where), start, 0)
        walk = desk.unit[Walks].find(directory, name, start) if count > 0 else None
        if walk is not None:
            after, gone = walk
            rows = lists.after(kind, directory, where, after, count + 1)
            if where is None:
                total = max(start - 1 + min(len(rows), 1), self._total(desk, kind, None) + gone)
            else:
                total = start - 1 + lists.count(kind, directory, where, after)
            return self._page(rows, count, total, start, gone)
        total = self._total(desk, kind, where)
        if count == 0 or start > total:
            return Page((), total)
        if where is None and start - 1 > total // 2:
            # Nearer to the end: read back from there, so that the last page costs what the first does.
            rows = lists.last(kind, directory, total - start + 1)
        else:
            rows = lists.at(kind, directory, where, offset=start - 1, limit=count + 1)
        return self._page(rows, count, total, start, 0)

    def _page(self, rows: Sequence[Stored], count: int, total: int, start: int, gone: int) -> Page:
        shown = rows[:count]
        anchor = (start + count, shown[-1].id, gone) if len(rows) > count and shown else None
        return Page(shown, total, anchor)

    def _by_cursor(self, desk: Desk, kind: Kind, query: ListQuery, where: Where, *, order: Sequence[Any], name: str) -> Page:
        lists, directory, count = desk.unit[ResourceLists], desk.directory_id, query.count
        now, bound = desk.unit.clock.now(), f"{desk.unit.scope.tenant} {directory} {name}"
        position = self._cursors.read(query.cursor, bound, now) if query.cursor else Position(None, 0)
        if order:
            rows = lists.at(kind, directory, where, offset=position.offset, limit=count + 1, order=order)
        else:
            rows = lists.after(kind, directory, where, position.after, count + 1)
        shown, following = rows[:count], None
        if len(rows) > count:
            following = self._cursors.write(Position(shown[-1].id, position.offset + count), bound, now)
        return Page(shown, self._total(desk, kind, where), next_cursor=following)

    def _sorted(self, desk: Desk, kind: Kind, query: ListQuery, where: Where, order: Sequence[Any]) -> Page:
        total = self._total(desk, kind, where)
        rows: Sequence[Stored] = ()
        if query.count and query.start_index <= total:
            rows = desk.unit[ResourceLists].at(
                kind, desk.directory_id, where, offset=query.start_index - 1, limit=query.count, order=order
            )
        return Page(rows, total)

    def _total(self, desk: Desk, kind: Kind, where: Where) -> int:
        if where is None:
            return desk.unit[Resources].total(kind, desk.directory_id)
        return desk.unit[ResourceLists].count(kind, desk.directory_id, where, None)


def _user_name(kind: Kind, query: ListQuery) -> str | None:
    """The folded name when the first page of ``userName eq`` is asked for, as every client does before it creates."""
    where = query.where
    if kind != "User" or query.cursor is not None or query.start_index != 1 or query.count < 1:
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
