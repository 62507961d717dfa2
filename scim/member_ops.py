"""Operations of a PATCH on ``members``, as operations on rows (RFC 7644 3.5.2; see ``scim.members``)."""

from __future__ import annotations

from typing import Any

from scim.errors import ScimError
from scim.filters.tree import Comparison, Filter, Or
from scim.members import (
    AddMembers,
    Member,
    MemberOp,
    RemoveAllMembers,
    RemoveMembers,
    RemoveMembersWhere,
    ReplaceMembers,
    read_members,
)
from scim.paths import Path


def member_ops(op: str, path: Path, value: Any, *, has_value: bool) -> list[MemberOp]:
    """None or one. Raises ScimError ``mutability``, ``invalidValue``, ``noTarget``."""
    if path.ref is not None and path.ref.sub is not None:
        raise ScimError("mutability", "The parts of a member are immutable; remove the member, or add one.")
    if op == "remove":
        return _remove(path.where, value, has_value=has_value)
    if path.where is not None:
        return _write_selected(op, path.where)
    members = read_members(value if isinstance(value, list) or value is None else [value])
    if op == "replace":
        return [ReplaceMembers(members)]
    return [AddMembers(members)] if members else []


def _remove(where: Filter | None, value: Any, *, has_value: bool) -> list[MemberOp]:
    """A value list takes away those that it names (Entra without aadOptscim062020); an empty one, nobody."""
    if where is not None:
        ids = named_ids(where)
        return [RemoveMembersWhere(where) if ids is None else RemoveMembers(ids)]
    if not has_value:
        return [RemoveAllMembers()]
    members = read_members(value if isinstance(value, list) or value is None else [value])
    return [RemoveMembers(tuple(member.value for member in members))] if members else []


def _write_selected(op: str, where: Filter) -> list[MemberOp]:
    """``add members[value eq "x"]`` adds x, as with every other value path."""
    ids = named_ids(where)
    if op != "add" or ids is None:
        raise ScimError("mutability", "Members are immutable; remove the member, or add one.")
    return [AddMembers(tuple(Member(value) for value in ids))]


def named_ids(where: Filter) -> tuple[str, ...] | None:
    """The ids, when the filter is ``value eq "x"`` or several of them joined by ``or``; None for any other."""
    terms = where.terms if isinstance(where, Or) else (where,)
    ids: list[str] = []
    for term in terms:
        if not (isinstance(term, Comparison) and term.op == "eq" and term.ref.leaf.name == "value"):
            return None
        ids.append(str(term.value))
    return tuple(dict.fromkeys(ids))
