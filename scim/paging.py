"""Pages of one list, or of several that are read as one: from the beginning, from a place, from an index."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from idbroker.directories.lists import Found, Part, Place, ResourceLists
from idbroker.directories.resources import Resources
from scim.door import Desk


class Pages:
    def __init__(self, desk: Desk, parts: Sequence[Part]) -> None:
        self._directory = desk.directory_id
        self._lists = desk.unit[ResourceLists]
        self._resources = desk.unit[Resources]
        self._parts = parts

    @property
    def total(self) -> int:
        return sum(self._counts)

    @cached_property
    def _counts(self) -> list[int]:
        return [self._count(part) for part in self._parts]

    def first(self, limit: int) -> list[Found]:
        return self._onwards(self._parts, limit, [])

    def after(self, place: Place, limit: int) -> list[Found]:
        """What follows the place: nothing when its kind is no part of the list any more."""
        for at, part in enumerate(self._parts):
            if part.kind == place.kind:
                found = self._lists.after(self._directory, part, place, limit)
                return self._onwards(self._parts[at + 1 :], limit, found)
        return []

    def at(self, skip: int, limit: int) -> list[Found]:
        """By counting, from whichever end is nearer."""
        found: list[Found] = []
        for part, count in zip(self._parts, self._counts, strict=True):
            found += self._lists.at(self._directory, part, offset=skip, limit=limit - len(found), of=count)
            skip = max(0, skip - count)
        return found

    def _onwards(self, parts: Sequence[Part], limit: int, found: list[Found]) -> list[Found]:
        for part in parts:
            if len(found) < limit:
                found += self._lists.first(self._directory, part, limit - len(found))
        return found

    def _count(self, part: Part) -> int:
        if part.where is None:
            return self._resources.total(part.kind, self._directory)
        return self._lists.count(self._directory, part)
