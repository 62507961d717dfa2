"""The end of a directory: its people stay, as the tenant's own; its groups, tokens, resources and log go."""

from __future__ import annotations

from idbroker.audit.outbox import Outbox
from idbroker.directories.model import Directories, Directory
from idbroker.directories.requests import DirectoryRequests, TrafficCounts
from idbroker.directories.resources import Resources
from idbroker.directories.service import resource
from idbroker.directory.members import GroupMembers
from idbroker.directory.model import Groups, Users
from idbroker.kernel.event import Event
from idbroker.kernel.event import Resource as Subject
from idbroker.storage.unit import TenantUnit


def close_directory(unit: TenantUnit, row: Directory) -> None:
    """Whoever was switched off stays off. From now on sign-ins may change the people again."""
    unit[Outbox].record(Event("directory.deleted", resource(row)))
    for group in unit[Groups].of_directory(row.id):
        unit[Outbox].record(Event("group.deleted", Subject("group", group.id, group.display_name)))
        unit[GroupMembers].empty(group.id)
        unit[GroupMembers].forget("Group", group.id)
        unit[Groups].delete(group)
    unit[Users].release(row.id)
    unit[Resources].forget_all(row.id)
    unit[DirectoryRequests].forget(row.id)
    unit[TrafficCounts].forget(row.id)
    unit[Directories].delete(row)
