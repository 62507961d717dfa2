"""Users: created, read, replaced, patched, deleted, each within one transaction (RFC 7644 3.3 to 3.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy.exc import IntegrityError

from idbroker.directories.resources import Resources, Stored, moment
from idbroker.directory.members import GroupMembers
from idbroker.kernel.ids import is_id
from idbroker.provisioning.people import DirectoryPeople
from scim.dialects.bodies import normalise_resource
from scim.dialects.patches import normalise_patch
from scim.door import Desk
from scim.errors import ScimError
from scim.patch import apply
from scim.preconditions import Preconditions
from scim.projection import Projection
from scim.resources import accept
from scim.stored import as_bytes, emails, etag, facts, group_refs, kept, known, user_values, whole
from scim.strict_json import Json


def no_such_resource() -> ScimError:
    """404: unknown, or another directory's; the two are never told apart."""
    return ScimError(None, "There is no such resource.", status=404)


class Users:
    def __init__(self, people: DirectoryPeople) -> None:
        self._people = people

    def create(self, desk: Desk, body: Mapping[str, Any]) -> Stored:
        document = self._accepted(desk, body)
        user_id = self._people.create(desk.unit, desk.caller.source, facts(document))
        return self._enter(desk, [(user_id, document)])[0]

    def create_all(self, desk: Desk, bodies: Sequence[Mapping[str, Any]]) -> list[Stored]:
        """All of them, in a few statements, or none."""
        documents = [self._accepted(desk, body) for body in bodies]
        ids = self._people.create_all(desk.unit, desk.caller.source, [facts(document) for document in documents])
        return self._enter(desk, list(zip(ids, documents, strict=True)))

    def _accepted(self, desk: Desk, body: Mapping[str, Any]) -> Json:
        kind = desk.caller.schemas.user
        normal, observed = normalise_resource(body, kind)
        desk.observed |= observed
        return accept(normal, kind).document

    def _enter(self, desk: Desk, people: Sequence[tuple[str, Json]]) -> list[Stored]:
        """(id, document) of each."""
        now, kind = moment(desk.unit.clock.now()), desk.caller.schemas.user
        fixed = {"active": True, "directory_id": desk.directory_id, "version": 1, "created_at": now, "modified_at": now}
        rows = [{**fixed, "id": one, **user_values(has, kind)} for one, has in people]
        try:
            desk.unit[Resources].insert_all("User", rows)
        except IntegrityError as error:
            raise _taken() from error
        desk.unit[Resources].enter_emails(desk.directory_id, {one: emails(has) for one, has in people})
        return [Stored(one, 1, orjson.dumps(has).decode(), now, now) for one, has in people]

    def read(self, desk: Desk, user_id: str) -> Stored:
        stored = desk.unit[Resources].get("User", desk.directory_id, user_id) if is_id(user_id, "usr") else None
        if stored is None:
            raise no_such_resource()
        return stored

    def replace(self, desk: Desk, user_id: str, body: Mapping[str, Any], wanted: Preconditions) -> Stored:
        stored, kind = self._held(desk, user_id, wanted), desk.caller.schemas.user
        normal, observed = normalise_resource(body, kind)
        desk.observed |= observed
        before: Json = orjson.loads(stored.document)
        document = accept(normal, kind, existing=before).document
        return self._write(desk, stored, before, document)

    def patch(self, desk: Desk, user_id: str, body: Mapping[str, Any], wanted: Preconditions) -> Stored:
        kind = desk.caller.schemas.user
        operations, observed = normalise_patch(body, kind)
        desk.observed |= observed
        stored = self._held(desk, user_id, wanted)
        before: Json = orjson.loads(stored.document)
        patched = apply(known(whole("User", desk.base, stored), kind), operations, kind)
        return self._write(desk, stored, before, kept(patched.document) if patched.changed else before)

    def delete(self, desk: Desk, user_id: str, wanted: Preconditions) -> None:
        stored = self._held(desk, user_id, wanted)
        self._people.remove(desk.unit, desk.caller.source, stored.id)
        desk.unit[Resources].remove("User", desk.directory_id, stored.id)

    def shown_new(self, desk: Desk, stored: Stored, projection: Projection) -> bytes:
        """Somebody who has just come is in no group of the directory yet."""
        return as_bytes("User", desk.base, stored, projection)

    def shown(self, desk: Desk, stored: Stored, projection: Projection) -> bytes:
        related: list[Json] = []
        if projection.shows("groups"):
            groups = desk.unit[GroupMembers].groups_of(desk.directory_id, [stored.id])
            related = group_refs(desk.base, groups.get(stored.id, []))
        return as_bytes("User", desk.base, stored, projection, related)

    def _held(self, desk: Desk, user_id: str, wanted: Preconditions) -> Stored:
        stored = desk.unit[Resources].held("User", desk.directory_id, user_id) if is_id(user_id, "usr") else None
        if stored is None:
            raise no_such_resource()
        wanted.check(etag(stored.version))
        return stored

    def _write(self, desk: Desk, stored: Stored, before: Json, document: Json) -> Stored:
        """Nothing changed is nothing written: the version stays (RFC 7644 3.5.2)."""
        if document == before:
            return stored
        now = moment(desk.unit.clock.now())
        written = replace(stored, version=stored.version + 1, document=orjson.dumps(document).decode(), modified_at=now)
        changed = user_values(document, desk.caller.schemas.user, before)
        values = {**changed, "version": written.version, "modified_at": now}
        try:
            desk.unit[Resources].write("User", stored.id, values)
        except IntegrityError as error:
            raise _taken() from error
        if emails(document) != emails(before):
            desk.unit[Resources].write_emails(desk.directory_id, stored.id, emails(document), replaces=True)
        said, was = facts(document), facts(before)
        if said != was:
            # Of his standing is spoken only where it is to change: another than the directory may have switched him off.
            spoken = replace(said, active=None) if said.active == was.active else said
            self._people.update(desk.unit, desk.caller.source, stored.id, spoken)
        return written


def _taken() -> ScimError:
    return ScimError("uniqueness", "Another user of this directory has this 'userName'.")
