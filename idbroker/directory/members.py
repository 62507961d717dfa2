"""The members of groups, read and written in bulk: a group of 50,000 is never loaded to add one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from sqlalchemy import Table, bindparam, delete, func, insert, select

from idbroker.directory.model import Group, Membership, User
from idbroker.directory.nesting import GroupLink
from idbroker.storage.statement import EngineStatement, TenantStatement, among, scope
from idbroker.storage.unit import TenantRepository

MemberKind = Literal["User", "Group"]

MEMBERSHIPS: Table = Membership.__table__  # type: ignore[attr-defined] # set by SQLModel
LINKS: Table = GroupLink.__table__  # type: ignore[attr-defined] # set by SQLModel
GROUPS: Table = Group.__table__  # type: ignore[attr-defined] # set by SQLModel
USERS: Table = User.__table__  # type: ignore[attr-defined] # set by SQLModel

_ROWS: dict[MemberKind, Table] = {"User": MEMBERSHIPS, "Group": LINKS}
_MEMBER: dict[MemberKind, Any] = {"User": MEMBERSHIPS.c.user_id, "Group": LINKS.c.member_id}


@dataclass(frozen=True, slots=True)
class GroupMember:
    value: str
    display: str | None
    type: MemberKind


@dataclass(frozen=True, slots=True)
class Holder:
    """A group that somebody is in himself. ``calls_him``: by what name of its own, if it has one."""

    id: str
    display_name: str
    calls_him: str | None


@dataclass(frozen=True, slots=True)
class NewMember:
    """``display``: what the directory calls it, if it says so; ``display_key`` the same folded."""

    id: str
    display: str | None = None
    display_key: str | None = None


def _of_group(kind: MemberKind) -> Any:
    table = _ROWS[kind]
    return (table.c.tenant_id == scope()) & (table.c.group_id == bindparam("group"))


def _each(build: Callable[[MemberKind], Any]) -> dict[MemberKind, TenantStatement]:
    return {kind: TenantStatement(partial(build, kind)) for kind in _ROWS}


def _each_many(build: Callable[[MemberKind, str], Any]) -> dict[MemberKind, EngineStatement]:
    return {kind: EngineStatement(partial(build, kind)) for kind in _ROWS}


def _shown(kind: MemberKind, engine: str) -> Any:
    """Each member of some groups with the name that it is shown by."""
    rows, member, of = _ROWS[kind], _MEMBER[kind], USERS if kind == "User" else GROUPS
    called = func.coalesce(rows.c.display, of.c.display_name, *((of.c.user_name,) if kind == "User" else ()))
    known = (of.c.tenant_id == scope()) & (of.c.id == member)
    return (
        select(rows.c.group_id, member, called)
        .select_from(rows.join(of, known))
        .where(rows.c.tenant_id == scope(), among(rows.c.group_id, "ids", engine))
        .order_by(rows.c.group_id, member)
    )


def _in(kind: MemberKind) -> Any:
    table = _ROWS[kind]
    return insert(table).values(
        tenant_id=scope(), **{column.name: bindparam(f"v_{column.name}") for column in table.c if column.name != "tenant_id"}
    )


_PRESENT = _each_many(lambda kind, engine: select(_MEMBER[kind]).where(_of_group(kind), among(_MEMBER[kind], "ids", engine)))
_OUT = _each_many(lambda kind, engine: delete(_ROWS[kind]).where(_of_group(kind), among(_MEMBER[kind], "ids", engine)))
_IN, _SHOWN = _each(_in), _each_many(_shown)
_IDS = _each(lambda kind: select(_MEMBER[kind]).where(_of_group(kind)))
_EMPTY = _each(lambda kind: delete(_ROWS[kind]).where(_of_group(kind)))
_FORGET = _each(
    lambda kind: delete(_ROWS[kind]).where(_ROWS[kind].c.tenant_id == scope(), _MEMBER[kind] == bindparam("member"))
)


def _holding(kind: MemberKind) -> Any:
    rows = _ROWS[kind]
    return (
        select(GROUPS.c.id, GROUPS.c.display_name, rows.c.display)
        .select_from(rows.join(GROUPS, (GROUPS.c.tenant_id == scope()) & (GROUPS.c.id == rows.c.group_id)))
        .where(rows.c.tenant_id == scope(), _MEMBER[kind] == bindparam("member"))
        .order_by(GROUPS.c.id)
    )


_HOLDING = _each(_holding)


def _groups_of(who: Any) -> Any:
    return (
        select(MEMBERSHIPS.c.user_id, GROUPS.c.id, GROUPS.c.display_name)
        .select_from(MEMBERSHIPS.join(GROUPS, (GROUPS.c.tenant_id == scope()) & (GROUPS.c.id == MEMBERSHIPS.c.group_id)))
        .where(MEMBERSHIPS.c.tenant_id == scope(), who, GROUPS.c.directory_id == bindparam("directory"))
        .order_by(MEMBERSHIPS.c.user_id, GROUPS.c.id)
    )


_GROUPS_OF_ONE = TenantStatement(lambda: _groups_of(MEMBERSHIPS.c.user_id == bindparam("user")))
_GROUPS_OF = EngineStatement(lambda engine: _groups_of(among(MEMBERSHIPS.c.user_id, "ids", engine)))


class GroupMembers(TenantRepository):
    """People and groups in groups. Whether they may be there is the caller's to judge."""

    def present(self, kind: MemberKind, group_id: str, ids: Sequence[str]) -> set[str]:
        """Which of those are members already."""
        return {row[0] for row in _PRESENT[kind].rows(self.unit, group=group_id, ids=list(ids))}

    def all(self, group_id: str) -> list[GroupMember]:
        """Everybody in the group, people first."""
        return self.all_of([group_id]).get(group_id, [])

    def all_of(self, group_ids: Sequence[str]) -> dict[str, list[GroupMember]]:
        """Group → everybody in it, people first. A group without members is not in it."""
        found: dict[str, list[GroupMember]] = {}
        for kind in _ROWS:
            for group_id, member, called in _SHOWN[kind].rows(self.unit, ids=list(group_ids)):
                found.setdefault(group_id, []).append(GroupMember(member, called, kind))
        return found

    def ids(self, kind: MemberKind, group_id: str) -> set[str]:
        return {row[0] for row in _IDS[kind].rows(self.unit, group=group_id)}

    def enter(self, kind: MemberKind, group_id: str, members: Sequence[NewMember], source: str) -> None:
        """Those must not be members yet."""
        told = {} if kind == "Group" else {"v_source": source}
        name = f"v_{_MEMBER[kind].name}"
        _IN[kind].many(
            self.unit,
            (
                {name: one.id, "v_group_id": group_id, "v_display": one.display, "v_display_key": one.display_key, **told}
                for one in members
            ),
        )

    def leave(self, kind: MemberKind, group_id: str, ids: Sequence[str]) -> None:
        _OUT[kind].change(self.unit, group=group_id, ids=list(ids))

    def groups_of(self, directory_id: str, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
        """Person → (id, name) of each group of that directory that he is in himself."""
        if len(ids) == 1:
            rows = _GROUPS_OF_ONE.rows(self.unit, user=ids[0], directory=directory_id)
        else:
            rows = _GROUPS_OF.rows(self.unit, ids=list(ids), directory=directory_id)
        found: dict[str, list[tuple[str, str]]] = {}
        for user_id, group_id, name in rows:
            found.setdefault(user_id, []).append((group_id, name))
        return found

    def holding(self, kind: MemberKind, member_id: str) -> list[Holder]:
        """Every group that somebody is in himself, whosever it is."""
        return [Holder(*row) for row in _HOLDING[kind].rows(self.unit, member=member_id)]

    def forget(self, kind: MemberKind, member_id: str) -> None:
        """Take somebody who is going out of every group."""
        _FORGET[kind].change(self.unit, member=member_id)

    def empty(self, group_id: str) -> None:
        """Take everybody out of a group that is going."""
        for kind in _ROWS:
            _EMPTY[kind].change(self.unit, group=group_id)
