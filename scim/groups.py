"""Groups: created, read, replaced, patched, deleted. Members are rows: adding one never reads the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from idbroker.directories.resources import Resources, Stored, moment
from idbroker.directory.members import GroupMembers, NewMember
from idbroker.kernel.ids import is_id
from idbroker.provisioning.groups import DirectoryGroups, GroupRef
from scim.dialects.bodies import normalise_resource
from scim.dialects.patches import normalise_patch
from scim.door import Desk
from scim.filters.matching import matches_element
from scim.filters.tree import Comparison, Filter
from scim.folding import fold
from scim.members import (
    AddMembers,
    Member,
    MemberOp,
    RemoveAllMembers,
    RemoveMembers,
    RemoveMembersWhere,
    ReplaceMembers,
)
from scim.patch import apply
from scim.preconditions import Preconditions
from scim.projection import Projection
from scim.resources import accept
from scim.stored import as_bytes, etag, group_values, kept, known, member_refs, whole
from scim.strict_json import Json
from scim.users import no_such_resource


class GroupResources:
    def __init__(self) -> None:
        self._groups = DirectoryGroups()

    def create(self, desk: Desk, body: Mapping[str, Any]) -> Stored:
        kind = desk.caller.schemas.group
        normal, observed = normalise_resource(body, kind)
        desk.observed |= observed
        accepted = accept(normal, kind)
        name = str(accepted.document["displayName"])
        group_id = self._groups.create(desk.unit, desk.caller.source, name)
        now = moment(desk.unit.clock.now())
        fixed = {"id": group_id, "directory_id": desk.directory_id, "version": 1, "created_at": now, "modified_at": now}
        desk.unit[Resources].insert("Group", {**group_values(accepted.document, kind), **fixed})
        if accepted.members:
            self._groups.add(desk.unit, desk.caller.source, GroupRef(group_id, name), _new(accepted.members))
        return Stored(group_id, 1, orjson.dumps(accepted.document).decode(), now, now)

    def read(self, desk: Desk, group_id: str) -> Stored:
        stored = desk.unit[Resources].get("Group", desk.directory_id, group_id) if is_id(group_id, "grp") else None
        if stored is None:
            raise no_such_resource()
        return stored

    def replace(self, desk: Desk, group_id: str, body: Mapping[str, Any], wanted: Preconditions) -> Stored:
        """A body without members touches none of them."""
        kind = desk.caller.schemas.group
        normal, observed = normalise_resource(body, kind)
        desk.observed |= observed
        stored = self._held(desk, group_id, wanted)
        before: Json = orjson.loads(stored.document)
        accepted = accept(normal, kind, existing=before)
        operations = () if accepted.members is None else (ReplaceMembers(accepted.members),)
        return self._write(desk, stored, before, accepted.document, operations)

    def patch(self, desk: Desk, group_id: str, body: Mapping[str, Any], wanted: Preconditions) -> Stored:
        kind = desk.caller.schemas.group
        operations, observed = normalise_patch(body, kind)
        desk.observed |= observed
        stored = self._held(desk, group_id, wanted)
        before: Json = orjson.loads(stored.document)
        patched = apply(known(whole("Group", desk.base, stored), kind), operations, kind)
        document = kept(patched.document) if patched.changed else before
        return self._write(desk, stored, before, document, patched.members)

    def delete(self, desk: Desk, group_id: str, wanted: Preconditions) -> None:
        stored = self._held(desk, group_id, wanted)
        self._groups.remove(desk.unit, stored.id)
        desk.unit[Resources].remove("Group", desk.directory_id, stored.id)

    def shown_new(self, desk: Desk, stored: Stored, projection: Projection) -> bytes:
        return self.shown(desk, stored, projection)

    def shown(self, desk: Desk, stored: Stored, projection: Projection) -> bytes:
        related: list[Json] = []
        if projection.shows("members"):
            related = member_refs(desk.base, desk.unit[GroupMembers].all(stored.id))
        return as_bytes("Group", desk.base, stored, projection, related)

    def _held(self, desk: Desk, group_id: str, wanted: Preconditions) -> Stored:
        stored = desk.unit[Resources].held("Group", desk.directory_id, group_id) if is_id(group_id, "grp") else None
        if stored is None:
            raise no_such_resource()
        wanted.check(etag(stored.version))
        return stored

    def _write(self, desk: Desk, stored: Stored, before: Json, document: Json, operations: Sequence[MemberOp]) -> Stored:
        name = str(document["displayName"])
        if name != before["displayName"]:
            self._groups.rename(desk.unit, stored.id, name)
        group = GroupRef(stored.id, name)
        moved = sum(self._members(desk, group, operation) for operation in operations)
        if document == before and moved == 0:
            return stored
        now = moment(desk.unit.clock.now())
        written = replace(stored, version=stored.version + 1, document=orjson.dumps(document).decode(), modified_at=now)
        changed = {} if document == before else group_values(document, desk.caller.schemas.group, before)
        values = {**changed, "version": written.version, "modified_at": now}
        desk.unit[Resources].write("Group", stored.id, values)
        return written

    def _members(self, desk: Desk, group: GroupRef, operation: MemberOp) -> int:
        """How many came or went."""
        match operation:
            case AddMembers(members):
                return self._groups.add(desk.unit, desk.caller.source, group, _new(members))
            case ReplaceMembers(members):
                return self._groups.replace(desk.unit, desk.caller.source, group, _new(members))
            case RemoveMembers(values):
                return self._groups.take_out(desk.unit, group, values)
            case RemoveMembersWhere(where):
                return self._groups.take_out(desk.unit, group, self._meant(desk, group, where))
            case RemoveAllMembers():
                return self._groups.take_all_out(desk.unit, group)

    def _meant(self, desk: Desk, group: GroupRef, where: Filter) -> list[str]:
        """Whom a filter selects. The one that every client sends names an id, and nobody else is looked at."""
        if isinstance(where, Comparison) and where.op == "eq" and where.ref.leaf.name == "value":
            return [str(where.value)]
        everybody = member_refs(desk.base, desk.unit[GroupMembers].all(group.id))
        return [str(one["value"]) for one in everybody if matches_element(where, one)]


def _new(members: Sequence[Member]) -> list[NewMember]:
    return [NewMember(one.value, one.display, None if one.display is None else fold(one.display)) for one in members]
