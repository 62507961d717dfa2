"""A request that somebody who administers a directory tries: done as the directory's client would have it done, within a
transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from idbroker.directories.model import SCOPES, Directory
from idbroker.directories.resources import Kind
from idbroker.directories.trials import Tried
from idbroker.kernel.errors import Refusal
from idbroker.provisioning.brake import Brake
from idbroker.provisioning.people import DirectoryPeople, Source
from idbroker.sessions.service import SessionService
from idbroker.storage.unit import TenantUnit
from scim.door import Caller, Desk, schema_set
from scim.effects import effect
from scim.errors import error_document
from scim.face import PATH
from scim.groups import GroupResources
from scim.preconditions import UNCONDITIONAL
from scim.projection import Projection
from scim.strict_json import read_object
from scim.users import Users, no_such_resource


class Trials:
    """A TryRequest (``idbroker.directories.trials``)."""

    def __init__(self, sessions: SessionService) -> None:
        self._families: dict[str, tuple[Kind, Users | GroupResources]] = {
            "Users": ("User", Users(DirectoryPeople(sessions))),
            "Groups": ("Group", GroupResources()),
        }

    def __call__(
        self, unit: TenantUnit, directory: Directory, base_url: str, *, method: str, path: str, body: Mapping[str, Any] | None
    ) -> Tried:
        desk = Desk(unit, _caller(unit, directory), f"{base_url}{PATH}")
        endpoint, _, resource_id = path.strip("/").partition("/")
        try:
            status, answer = self._done(desk, method, endpoint, resource_id, body)
            unit.session.flush()
        except Refusal as refusal:
            document = error_document(refusal)
            return Tried(int(document["status"]), document, [])
        return Tried(status, answer, [effect(event) for event in desk.effects])

    def _done(
        self, desk: Desk, method: str, endpoint: str, resource_id: str, body: Mapping[str, Any] | None
    ) -> tuple[int, dict[str, Any] | None]:
        if endpoint not in self._families or (method == "POST") is not (resource_id == ""):
            raise no_such_resource()
        kind, family = self._families[endpoint]
        if method == "DELETE":
            family.delete(desk, resource_id, UNCONDITIONAL)
            return 204, None
        content = read_object(orjson.dumps(body))  # held to what a client's body is held to
        if method == "POST":
            stored = family.create(desk, content)
        elif method == "PUT":
            stored = family.replace(desk, resource_id, content, UNCONDITIONAL)
        else:
            stored = family.patch(desk, resource_id, content, UNCONDITIONAL)
        schemas = desk.caller.schemas
        # A group may be large, and nobody asked who is in it.
        shown = Projection(schemas.user) if kind == "User" else Projection(schemas.group, excluded=("members",))
        return 201 if method == "POST" else 200, orjson.loads(family.shown(desk, stored, shown))


def _caller(unit: TenantUnit, directory: Directory) -> Caller:
    """The directory's client, with every scope that there is."""
    return Caller(
        token_id="",
        scopes=frozenset(SCOPES),
        schemas=schema_set(directory.extension_schemas),
        source=Source(directory.id, directory.connection_id, Brake.of(directory)),
        scope=unit.scope,
        dry_run=True,
        frozen=False,
    )
