"""Where each thing that is known of a person comes from: which directory or connection said it, and when.

Attributes are traced through the sealed trail: the newest event that changed one names whose word it was. Memberships bear
their source themselves, roles follow from the groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.people import GroupReference, known_user
from idbroker.admin_api.shapes import Document, Time, shown
from idbroker.audit.search import TrailQuery
from idbroker.audit.trail import Trail
from idbroker.connections.model import Connections
from idbroker.directories.model import Directories
from idbroker.directory.model import Identities, Memberships, MembershipSource, RoleMappings, User
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute

ATTRIBUTES = (
    "email", "user_name", "given_name", "family_name", "display_name", "department", "employee_number", "active",
)  # fmt: skip
STORIES = ("user.created", "user.linked", "user.updated", "user.deactivated", "user.reactivated")
LOOKED_AT = 200
"""Events of one person, newest first."""


class SourceDocument(Document):
    """``unknown``: older than what the trail keeps. ``name`` is None for what has been removed since."""

    type: Literal["connection", "directory", "admin", "unknown"]
    id: str | None
    name: str | None


class AttributeDocument(Document):
    name: str
    value: str | bool | None
    source: SourceDocument
    at: str | None


class MembershipDocument(Document):
    group: GroupReference
    source: SourceDocument


class IdentityDocument(Document):
    """By which subject a connection knows the person."""

    connection: SourceDocument
    subject: str
    since: Time


class RoleDocument(Document):
    """``because_of``: the name of the group."""

    role: str
    app: str | None
    because_of: str


class ProvenanceDocument(Document):
    user_id: str
    attributes: list[AttributeDocument]
    memberships: list[MembershipDocument]
    identities: list[IdentityDocument]
    roles: list[RoleDocument]


class ProvenanceCall:
    def __init__(self, database: Database, trail: Trail) -> None:
        self._database = database
        self._trail = trail

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="get_user_provenance",
                area="People",
                summary="Where each attribute, membership and role of a person comes from, and since when.",
                row=ScopedRoute(
                    method="GET",
                    path=f"{TENANT}/users/{{user}}/provenance",
                    handler=self.show,
                    limit="admin_read",
                    permission=Permission.PEOPLE_READ,
                ),
                answer=ProvenanceDocument,
            )
        ]

    def show(self, call: Call, scope: TenantScope) -> Answer:
        with self._database.tenant(scope, read_only=True) as unit:
            user = known_user(call, unit)
        events = self._trail.search(scope, TrailQuery(resource=user.id, actions=STORIES, limit=LOOKED_AT))
        with self._database.tenant(scope, read_only=True) as unit:
            return shown(_document(unit, user, events))


def _document(unit: TenantUnit, user: User, events: Sequence[Mapping[str, Any]]) -> ProvenanceDocument:
    names = _Names(unit)
    memberships = unit[Memberships].of_user(user.id)
    rules = unit[RoleMappings].for_groups(sorted({one.group.display_name for one in memberships}))
    return ProvenanceDocument(
        user_id=user.id,
        attributes=[_attribute(name, user, events, names) for name in ATTRIBUTES],
        memberships=[
            MembershipDocument(
                group=GroupReference(id=one.group.id, display_name=one.group.display_name), source=_of_membership(one, names)
            )
            for one in memberships
        ],
        identities=[
            IdentityDocument(connection=names.connection(row.connection_id), subject=row.subject, since=row.created_at)
            for row in unit[Identities].of_user(user.id)
        ],
        roles=[
            RoleDocument(role=rule.role, app=rule.app or None, because_of=rule.group_name)
            for rule in sorted(rules, key=lambda rule: (rule.role, rule.app, rule.group_name))
        ],
    )


def _attribute(name: str, user: User, events: Sequence[Mapping[str, Any]], names: _Names) -> AttributeDocument:
    value = getattr(user, name)
    event = next((one for one in events if _tells_of(one, name)), None) if value not in (None, "") else None
    if event is None:
        return AttributeDocument(name=name, value=value, source=names.of_user(user), at=None)
    return AttributeDocument(name=name, value=value, source=names.of_event(event), at=event["ts"])


def _tells_of(event: Mapping[str, Any], name: str) -> bool:
    """Whether it made the attribute what it is, or the person."""
    if name == "active":
        return event["action"] in ("user.created", "user.deactivated", "user.reactivated")
    return event["action"] == "user.created" or name in event["changes"]


def _of_membership(one: MembershipSource, names: _Names) -> SourceDocument:
    if one.source == "manual":
        return names.admin(None)
    return names.directory(one.group.directory_id) if one.group.directory_id else names.connection(one.group.source)


class _Names:
    """Sources by what people call them; each row is read once."""

    def __init__(self, unit: TenantUnit) -> None:
        self._unit = unit

    def connection(self, connection_id: str) -> SourceDocument:
        row = self._unit[Connections].get(connection_id)
        return SourceDocument(type="connection", id=connection_id, name=row.name if row else None)

    def directory(self, directory_id: str) -> SourceDocument:
        row = self._unit[Directories].get(directory_id)
        return SourceDocument(type="directory", id=directory_id, name=row.name if row else None)

    def admin(self, name: str | None) -> SourceDocument:
        return SourceDocument(type="admin", id=None, name=name)

    def of_event(self, event: Mapping[str, Any]) -> SourceDocument:
        context, actor = event["context"], event["actor"]
        if context.get("directory_id"):
            return self.directory(context["directory_id"])
        if context.get("connection_id"):
            return self.connection(context["connection_id"])
        if actor["type"] in ("user", "operator", "app"):
            return self.admin(actor["name"])
        return SourceDocument(type="unknown", id=None, name=None)

    def of_user(self, user: User) -> SourceDocument:
        """What the row itself says."""
        if user.directory_id:
            return self.directory(user.directory_id)
        known = self._unit[Identities].of_user(user.id)
        if user.source == "jit" and len(known) == 1:
            return self.connection(known[0].connection_id)
        return SourceDocument(type="unknown", id=None, name=None)
