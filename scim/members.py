"""What a PATCH or PUT does to a group's members: an ordered list of small operations on rows.

A group's membership is never loaded whole, so the documents of groups hold no ``members``.

    MemberOp = AddMembers | RemoveMembers | RemoveMembersWhere | RemoveAllMembers | ReplaceMembers
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scim.filters.tree import Filter


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the client names it. ``type`` None: not said; the id tells."""

    value: str
    display: str | None = None
    type: Literal["User", "Group"] | None = None


@dataclass(frozen=True, slots=True)
class AddMembers:
    """Those that are members already stay; each id once."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class RemoveMembers:
    """Those ids; an id that is no member is nothing to do. Never empty."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveMembersWhere:
    """Members that fulfil the filter (refs are ``members.value``, ``.display``, ``.type``, ``.$ref``)."""

    where: Filter


@dataclass(frozen=True, slots=True)
class RemoveAllMembers:
    """``remove`` of ``members`` with neither value nor filter: said in so many words (RFC 7644 3.5.2.2)."""


@dataclass(frozen=True, slots=True)
class ReplaceMembers:
    """Exactly these; empty only when the client sent an empty array."""

    members: tuple[Member, ...]


MemberOp = AddMembers | RemoveMembers | RemoveMembersWhere | RemoveAllMembers | ReplaceMembers
