"""What groups show of a member, when that changes or goes: their resources have another version from then on."""

from __future__ import annotations

from idbroker.audit.outbox import Outbox
from idbroker.directories.resources import Resources
from idbroker.directory.members import GroupMembers, MemberKind
from idbroker.kernel.event import Event, Resource
from idbroker.storage.unit import TenantUnit


def renamed(unit: TenantUnit, kind: MemberKind, member_id: str) -> None:
    """A person or a group is called otherwise: so is the member, where the group has no name of its own for it."""
    holders = unit[GroupMembers].holding(kind, member_id)
    unit[Resources].touch("Group", [one.id for one in holders if one.calls_him is None])


def leave_all(unit: TenantUnit, kind: MemberKind, member_id: str) -> None:
    """Somebody who is going leaves every group, and each departure is told."""
    of_whom = {"user_id" if kind == "User" else "group_id": member_id}
    holders = unit[GroupMembers].holding(kind, member_id)
    for one in holders:
        unit[Outbox].record(Event("group.member_removed", Resource("group", one.id, one.display_name), context=of_whom))
    unit[Resources].touch("Group", [one.id for one in holders])
    unit[GroupMembers].forget(kind, member_id)
