"""What a PATCH or PUT does to a group's members: an ordered list of small operations on rows.

A group's membership is never loaded whole, so the documents of groups hold no ``members``.

    MemberOp = AddMembers | RemoveMembers | RemoveMembersWhere | RemoveAllMembers | ReplaceMembers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from scim.errors import ScimError, quoted
from scim.filters.tree import Filter
from scim.schemas.group import MEMBERS
from scim.values import clean_parts

MAX_MEMBERS = 20_000
"""Named in one operation. A body of 1 MB holds about as many."""


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
    """Those ids; an id that is no member is nothing to do."""

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


def read_members(value: Any) -> tuple[Member, ...]:
    """Members from an array of objects with ``value``; each id once, the last word counts. Raises ScimError ``invalidValue``.

    Null and anything but an array are refused: that no members were given never means that all shall go.
    """
    if not isinstance(value, list):
        raise ScimError("invalidValue", "'members' must be an array.")
    if len(value) > MAX_MEMBERS:
        raise ScimError("invalidValue", f"'members' has more than {MAX_MEMBERS} values.")
    members = [_member(item) for item in value]
    return tuple({member.value: member for member in members}.values())


def _member(item: Any) -> Member:
    if not isinstance(item, Mapping):
        raise ScimError("invalidValue", "Each of 'members' must be an object with a 'value'.")
    parts = clean_parts(MEMBERS, item, "members")
    value, type_ = parts.get("value"), parts.get("type")
    if not value:
        raise ScimError("invalidValue", "Each of 'members' must have a 'value'.")
    if type_ is not None:
        type_ = next((kind for kind in ("User", "Group") if kind.lower() == type_.lower()), None)
        if type_ is None:
            raise ScimError("invalidValue", f"'members.type' must be 'User' or 'Group', not {quoted(parts['type'])}.")
    return Member(value, parts.get("display"), cast("Literal['User', 'Group'] | None", type_))
