"""What a directory does to groups: who is in them is rows, changed one by one or by the thousand, never read whole to do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from idbroker.audit.outbox import Outbox
from idbroker.directories.resources import Resources
from idbroker.directory.group_rows import GroupRow, GroupRows
from idbroker.directory.members import GroupMembers, MemberKind, NewMember
from idbroker.kernel.errors import Refusal
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import is_id, new_id
from idbroker.provisioning.memberships import leave_all, renamed
from idbroker.provisioning.people import Source
from idbroker.storage.unit import TenantUnit


class UnknownMember(Refusal):
    """Somebody who is to be a member is not a resource of this directory."""

    status = 400

    def __init__(self, value: str) -> None:
        public = f"The attribute 'members' names a resource that is not in this directory: {value[:80]!r}."
        super().__init__("scim_unknown_member", public)


@dataclass(frozen=True, slots=True)
class GroupRef:
    id: str
    display_name: str


class DirectoryGroups:
    """All within the caller's transaction, who holds the group's row."""

    def create(self, unit: TenantUnit, source: Source, display_name: str) -> str:
        row = GroupRow(
            tenant_id=unit.scope.tenant,
            id=new_id("grp"),
            display_name=display_name,
            source=source.directory_id,
            directory_id=source.directory_id,
            created_at=unit.clock.now(),
        )
        unit[GroupRows].insert(row)
        context = {"source": "scim", "directory_id": source.directory_id}
        unit[Outbox].record(Event("group.created", Resource("group", row.id, display_name), context=context))
        return row.id

    def rename(self, unit: TenantUnit, group_id: str, display_name: str) -> None:
        row = unit[GroupRows].get(group_id)
        if row is None or row.display_name == display_name:
            return
        change = Change(row.display_name, display_name)
        unit[GroupRows].rename(group_id, display_name)
        unit[Outbox].record(Event("group.updated", Resource("group", row.id, display_name), {"display_name": change}))
        unit[Resources].touch("User", sorted(unit[GroupMembers].ids("User", group_id)))
        renamed(unit, "Group", group_id)

    def remove(self, unit: TenantUnit, group_id: str) -> None:
        row = unit[GroupRows].get(group_id)
        if row is None:
            return
        leave_all(unit, "Group", group_id)
        unit[Outbox].record(Event("group.deleted", Resource("group", row.id, row.display_name)))
        unit[Resources].touch("User", sorted(unit[GroupMembers].ids("User", group_id)))
        unit[GroupMembers].empty(group_id)
        unit[GroupRows].remove(group_id)

    def add(self, unit: TenantUnit, source: Source, group: GroupRef, members: Sequence[NewMember]) -> int:
        """How many were not members yet. Raises UnknownMember."""
        by_id = {one.id: one for one in members}
        kinds = _by_kind(list(by_id))
        return sum(self._add(unit, source, group, kind, [by_id[one] for one in ids]) for kind, ids in kinds.items())

    def take_out(self, unit: TenantUnit, group: GroupRef, ids: Sequence[str]) -> int:
        """How many were members. An id that is none is nothing to do."""
        done = 0
        for kind, of_kind in _by_kind(ids, strict=False).items():
            gone = sorted(unit[GroupMembers].present(kind, group.id, of_kind))
            unit[GroupMembers].leave(kind, group.id, gone)
            self._told(unit, "group.member_removed", group, kind, gone)
            done += len(gone)
        return done

    def replace(self, unit: TenantUnit, source: Source, group: GroupRef, members: Sequence[NewMember]) -> int:
        """Exactly these from now on; how many came or went."""
        wanted = _by_kind([one.id for one in members])
        gone: list[str] = []
        for kind in ("User", "Group"):
            gone += sorted(unit[GroupMembers].ids(kind, group.id) - set(wanted.get(kind, [])))
        return self.take_out(unit, group, gone) + self.add(unit, source, group, members)

    def take_all_out(self, unit: TenantUnit, group: GroupRef) -> int:
        members = unit[GroupMembers]
        return self.take_out(unit, group, sorted(members.ids("User", group.id)) + sorted(members.ids("Group", group.id)))

    def _add(self, unit: TenantUnit, source: Source, group: GroupRef, kind: MemberKind, members: list[NewMember]) -> int:
        ids = [one.id for one in members]
        missing = sorted(set(ids) - unit[Resources].known(kind, source.directory_id, ids))
        if missing or group.id in ids:
            raise UnknownMember((missing or [group.id])[0])
        present = unit[GroupMembers].present(kind, group.id, ids)
        new = sorted((one for one in members if one.id not in present), key=lambda one: one.id)
        unit[GroupMembers].enter(kind, group.id, new, "scim")
        self._told(unit, "group.member_added", group, kind, [one.id for one in new])
        return len(new)

    def _told(self, unit: TenantUnit, action: str, group: GroupRef, kind: MemberKind, ids: Sequence[str]) -> None:
        of_whom = "user_id" if kind == "User" else "group_id"
        for one in ids:
            event = Event(action, Resource("group", group.id, group.display_name), context={of_whom: one})
            unit[Outbox].record(event)
        if kind == "User":
            unit[Resources].touch("User", ids)


def _by_kind(ids: Sequence[str], *, strict: bool = True) -> dict[MemberKind, list[str]]:
    """Ids by what they name: their prefix tells. Raises UnknownMember for what is no id of ours, if ``strict``."""
    found: dict[MemberKind, list[str]] = {}
    for one in dict.fromkeys(ids):
        if is_id(one, "usr"):
            found.setdefault("User", []).append(one)
        elif is_id(one, "grp"):
            found.setdefault("Group", []).append(one)
        elif strict:
            raise UnknownMember(one)
    return found
