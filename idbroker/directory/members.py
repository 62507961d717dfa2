"""The members of groups, read and written in bulk: a group of 50,000 is never loaded to add one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from sqlalchemy import Table, bindparam, delete, func, insert, literal, select

from idbroker.directory.model import Group, Membership, User
from idbroker.directory.nesting import GroupLink
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantRepository

CHUNK = 500
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
class NewMember:
    """``display``: what the directory calls it, if it says so; ``display_key`` the same folded."""

    id: str
    display: str | None = None
    display_key: str | None = None


def _of_group(kind: MemberKind, *columns: Any) -> Any:
    table = _ROWS[kind]
    return select(*columns).where(table.c.tenant_id == bindparam("tenant"), table.c.group_id == bindparam("group"))


def _present(kind: MemberKind) -> Any:
    return _of_group(kind, _MEMBER[kind]).where(_MEMBER[kind].in_(bindparam("ids", expanding=True)))


def _out(kind: MemberKind) -> Any:
    table = _ROWS[kind]
    return delete(table).where(
        table.c.tenant_id == bindparam("tenant"),
        table.c.group_id == bindparam("group"),
        _MEMBER[kind].in_(bindparam("ids", expanding=True)),
    )


def _each(build: Callable[[MemberKind], Any]) -> dict[MemberKind, TenantStatement]:
    return {kind: TenantStatement(partial(build, kind)) for kind in _ROWS}


def _present_one(kind: MemberKind) -> Any:
    table = _ROWS[kind]
    mine = (table.c.tenant_id == scope(), table.c.group_id == bindparam("group"), _MEMBER[kind] == bindparam("member"))
    return select(_MEMBER[kind]).where(*mine)


def _in(kind: MemberKind) -> Any:
    table = _ROWS[kind]
    return insert(table).values(
        tenant_id=scope(), **{column.name: bindparam(f"v_{column.name}") for column in table.c if column.name != "tenant_id"}
    )


_PRESENT = {kind: _present(kind) for kind in _ROWS}
_PRESENT_ONE, _IN = _each(_present_one), _each(_in)
_OUT = {kind: _out(kind) for kind in _ROWS}
_NAME = func.coalesce(MEMBERSHIPS.c.display, USERS.c.display_name, USERS.c.user_name)
_SHOWN: dict[MemberKind, Any] = {
    "User": _of_group("User", MEMBERSHIPS.c.user_id, _NAME, literal("User"))
    .join(USERS, (USERS.c.tenant_id == MEMBERSHIPS.c.tenant_id) & (USERS.c.id == MEMBERSHIPS.c.user_id))
    .order_by(MEMBERSHIPS.c.user_id),
    "Group": _of_group("Group", LINKS.c.member_id, func.coalesce(LINKS.c.display, GROUPS.c.display_name), literal("Group"))
    .join(GROUPS, (GROUPS.c.tenant_id == LINKS.c.tenant_id) & (GROUPS.c.id == LINKS.c.member_id))
    .order_by(LINKS.c.member_id),
}
_IDS: dict[MemberKind, Any] = {kind: _of_group(kind, _MEMBER[kind]) for kind in _ROWS}
_GROUPS_OF_ONE = TenantStatement(
    lambda: (
        select(GROUPS.c.id, GROUPS.c.display_name)
        .select_from(MEMBERSHIPS.join(GROUPS, (GROUPS.c.tenant_id == scope()) & (GROUPS.c.id == MEMBERSHIPS.c.group_id)))
        .where(
            MEMBERSHIPS.c.tenant_id == scope(),
            MEMBERSHIPS.c.user_id == bindparam("user"),
            GROUPS.c.directory_id == bindparam("directory"),
        )
        .order_by(GROUPS.c.id)
    )
)
_GROUPS_OF = (
    select(MEMBERSHIPS.c.user_id, GROUPS.c.id, GROUPS.c.display_name)
    .join(GROUPS, (GROUPS.c.tenant_id == MEMBERSHIPS.c.tenant_id) & (GROUPS.c.id == MEMBERSHIPS.c.group_id))
    .where(
        MEMBERSHIPS.c.tenant_id == bindparam("tenant"),
        MEMBERSHIPS.c.user_id.in_(bindparam("ids", expanding=True)),
        GROUPS.c.directory_id == bindparam("directory"),
    )
    .order_by(MEMBERSHIPS.c.user_id, GROUPS.c.id)
)
_FORGET: dict[MemberKind, Any] = {
    kind: delete(table).where(table.c.tenant_id == bindparam("tenant"), _MEMBER[kind] == bindparam("member"))
    for kind, table in _ROWS.items()
}
_EMPTY: dict[MemberKind, Any] = {
    kind: delete(table).where(table.c.tenant_id == bindparam("tenant"), table.c.group_id == bindparam("group"))
    for kind, table in _ROWS.items()
}


class GroupMembers(TenantRepository):
    """People and groups in groups. Whether they may be there is the caller's to judge."""

    def present(self, kind: MemberKind, group_id: str, ids: Sequence[str]) -> set[str]:
        """Which of those are members already."""
        if len(ids) == 1:
            return {row[0] for row in _PRESENT_ONE[kind].rows(self.unit, group=group_id, member=ids[0])}
        found: set[str] = set()
        for part in _chunks(ids):
            found |= set(self.scoped(_PRESENT[kind], {"group": group_id, "ids": part}).scalars())
        return found

    def all(self, group_id: str) -> list[GroupMember]:
        """Everybody in the group, people first."""
        rows = [row for kind in _SHOWN for row in self.scoped(_SHOWN[kind], {"group": group_id})]
        return [GroupMember(*row) for row in rows]

    def ids(self, kind: MemberKind, group_id: str) -> set[str]:
        return set(self.scoped(_IDS[kind], {"group": group_id}).scalars())

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
        for part in _chunks(ids):
            self.scoped(_OUT[kind], {"group": group_id, "ids": part})

    def groups_of(self, directory_id: str, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
        """Person → (id, name) of each group of that directory that he is in himself."""
        found: dict[str, list[tuple[str, str]]] = {}
        if len(ids) == 1:
            mine = _GROUPS_OF_ONE.rows(self.unit, user=ids[0], directory=directory_id)
            return {ids[0]: [(group_id, name) for group_id, name in mine]} if mine else {}
        for part in _chunks(ids):
            for user_id, group_id, name in self.scoped(_GROUPS_OF, {"directory": directory_id, "ids": part}):
                found.setdefault(user_id, []).append((group_id, name))
        return found

    def forget(self, kind: MemberKind, member_id: str) -> None:
        """Take somebody who is going out of every group."""
        self.scoped(_FORGET[kind], {"member": member_id})

    def empty(self, group_id: str) -> None:
        """Take everybody out of a group that is going."""
        for kind in _ROWS:
            self.scoped(_EMPTY[kind], {"group": group_id})


def _chunks(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[start : start + CHUNK]) for start in range(0, len(ids), CHUNK)]
