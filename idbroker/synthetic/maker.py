"""Writes planned tenants. A tenant and all that belongs to it is there in one transaction, its first people among it; more
people follow, many at once. Whoever runs it again adds what a kill has left out, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from idbroker.app import Services
from idbroker.connections.model import Connection, ConnectionIndex, Domain, DomainIndex
from idbroker.connections.service import new_connection_id
from idbroker.directories.model import BRAKE_MINUTES, Directory
from idbroker.directories.resource_rows import ScimEmail, ScimGroup, ScimUser
from idbroker.directories.resources import Resources, moment
from idbroker.directory.model import Group, Identity, Membership, RoleMapping, User
from idbroker.federation.contract import ConnectionDraft
from idbroker.kernel.errors import Conflict
from idbroker.kernel.ids import new_id
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.kernel.secrets import new_secret
from idbroker.storage.statement import insert_many
from idbroker.storage.unit import TenantUnit
from idbroker.synthetic.plan import Kind, PlannedPerson, PlannedTenant
from idbroker.tenants.model import Tenants
from scim.schemas.enterprise import ENTERPRISE
from scim.schemas.schema_set import GROUP_URN, STANDARD, USER_URN
from scim.stored import emails, group_values, user_values

BATCH = 1000
"""People in one transaction: a server beside it waits for no longer."""

Outcome = Literal["made", "there", "taken"]


@dataclass(frozen=True, slots=True)
class Done:
    """``taken``: the slug or the domain is a tenant's that is not synthetic, or one's that is being deleted."""

    plan: PlannedTenant
    outcome: Outcome
    people: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tenant's people belong: its first connection, its directory, its groups by name."""

    connection: str
    directory: str
    groups: Mapping[str, str]


class TenantMaker:
    def __init__(self, services: Services, actor: Actor, drafts: Mapping[Kind, ConnectionDraft]) -> None:
        self._services = services
        self._actor = actor
        self._drafts = drafts

    def make(self, plan: PlannedTenant, people: int) -> Done:
        with self._services.database.platform(self._actor, read_only=True) as unit:
            row = unit[Tenants].by_slug(plan.slug)
        if row is None:
            return self._make(plan, people)
        if not row.synthetic or row.status == "deleted":
            return Done(plan, "taken", 0)
        return Done(plan, "there", self._people(TenantScope(row.tenant_id, self._actor), plan, 0, people))

    def _make(self, plan: PlannedTenant, people: int) -> Done:
        at_once = min(people, BATCH)
        try:
            with self._services.database.platform(self._actor) as unit:
                tenant = self._services.tenants.create(
                    unit, slug=plan.slug, name=plan.name, tier=plan.tier, status="active", synthetic=True
                )
                scope = TenantScope(tenant.tenant_id, self._actor)
                with unit.enter(scope) as inside:
                    _write(inside, self._belongings(inside, plan), plan.people(0, at_once))
        except (IntegrityError, Conflict):
            return Done(plan, "taken", 0)
        return Done(plan, "made", at_once + self._people(scope, plan, at_once, people))

    def _people(self, scope: TenantScope, plan: PlannedTenant, first: int, last: int) -> int:
        """Those of these numbers who are not there yet. How many."""
        added = 0
        for start in range(first, last, BATCH):
            with self._services.database.tenant(scope) as unit:
                wanted = {person.email: person for person in plan.people(start, min(start + BATCH, last))}
                known = select(User.email).where(col(User.email).in_(list(wanted)))
                for email in unit.session.execute(known).scalars():
                    wanted.pop(str(email), None)
                place = _place(unit, plan) if wanted else None
                if place is not None:
                    added += _write(unit, place, wanted.values())
        return added

    def _belongings(self, unit: TenantUnit, plan: PlannedTenant) -> _Place:
        """Domain, connections, directory, groups and roles."""
        now = unit.clock.now()
        domain = {
            "id": new_id("dom"), "name": plan.domain, "status": "verified", "token": new_secret(), "include_subdomains": False,
            "created_at": now, "verified_at": now,
        }  # fmt: skip
        insert_many(unit, Domain, [domain])
        insert_many(unit, DomainIndex, [{"name": plan.domain, "include_subdomains": False}])
        connections = [self._connection(unit, plan, kind, first=not at, now=now) for at, kind in enumerate(plan.kinds)]
        insert_many(unit, Connection, connections)
        insert_many(unit, ConnectionIndex, [{"connection_id": one["id"]} for one in connections])
        place = _Place(connections[0]["id"], new_id("dir"), {group.name: new_id("grp") for group in plan.groups})
        directory = Directory(
            tenant_id=unit.scope.tenant, id=place.directory, name=f"{plan.name} SCIM", connection_id=place.connection,
            brake_minutes=BRAKE_MINUTES, created_at=now, updated_at=now,
        )  # fmt: skip
        unit.session.add(directory)
        unit.session.flush()
        _groups(unit, plan, place, now)
        roles = [
            {"id": new_id("rlm"), "group_name": group, "role": role, "app": "", "created_at": now}
            for group, role in plan.roles.items()
        ]
        insert_many(unit, RoleMapping, roles)
        return place

    def _connection(self, unit: TenantUnit, plan: PlannedTenant, kind: Kind, *, first: bool, now: datetime) -> dict[str, Any]:
        connection_id, draft = new_connection_id(), self._drafts[kind]
        return {
            "id": connection_id,
            "version": 1,
            "type": kind,
            "name": f"{plan.name} {kind.upper()}",
            "vendor": draft.vendor,
            "status": "active" if first else "test",
            "settings": dict(draft.settings),
            "secrets_sealed": self._services.connections.seal(unit, connection_id, draft.secrets),
            "options": {},
            "attribute_mapping": {},
            "routing_domains": [],
            "warnings": [{"code": one.code, "message": one.message} for one in draft.warnings],
            "created_at": now,
            "updated_at": now,
        }


def _place(unit: TenantUnit, plan: PlannedTenant) -> _Place | None:
    """As it is now; None where connection or directory have been taken away since."""
    connection = select(Connection.id).where(col(Connection.type) == plan.kinds[0]).order_by(col(Connection.id)).limit(1)
    directory = select(Directory.id).order_by(col(Directory.id)).limit(1)
    found = [unit.session.execute(one).scalars().first() for one in (connection, directory)]
    if found[0] is None or found[1] is None:
        return None
    ours = {(group.name, found[1] if group.provisioned else found[0]) for group in plan.groups}
    known = select(Group.display_name, Group.source, Group.id).where(col(Group.display_name).in_([name for name, _ in ours]))
    groups = {name: key for name, source, key in unit.session.execute(known) if (name, source) in ours}
    return _Place(found[0], found[1], groups)


def _groups(unit: TenantUnit, plan: PlannedTenant, place: _Place, now: datetime) -> None:
    rows = [
        {
            "id": place.groups[one.name], "display_name": one.name, "created_at": now,
            "source": place.directory if one.provisioned else place.connection,
            "directory_id": place.directory if one.provisioned else None,
        }
        for one in plan.groups
    ]  # fmt: skip
    insert_many(unit, Group, rows)
    resources = [
        {
            "id": place.groups[one.name], "directory_id": place.directory, "version": 1, "created_at": moment(now),
            "modified_at": moment(now),
            **group_values({"schemas": [GROUP_URN], "displayName": one.name}, STANDARD.group),
        }
        for one in plan.groups if one.provisioned
    ]  # fmt: skip
    insert_many(unit, ScimGroup, resources)
    if resources:
        unit[Resources].count("Group", place.directory, len(resources))


def _write(unit: TenantUnit, place: _Place, planned: Iterable[PlannedPerson]) -> int:
    now = moment(unit.clock.now())
    people = {new_id("usr"): one for one in planned}
    insert_many(unit, User, [_user(key, one, place, now) for key, one in people.items()])
    own = [
        {"connection_id": place.connection, "subject": f"synthetic-{one.number}", "user_id": key, "created_at": now}
        for key, one in people.items() if not one.provisioned
    ]  # fmt: skip
    insert_many(unit, Identity, own)
    documents = {key: _document(one) for key, one in people.items() if one.provisioned}
    resources = [
        {
            "id": key, "directory_id": place.directory, "version": 1, "created_at": now, "modified_at": now,
            **user_values(document, STANDARD.user),
        }
        for key, document in documents.items()
    ]  # fmt: skip
    insert_many(unit, ScimUser, resources)
    addresses = [
        {"user_id": key, "value_key": address, "directory_id": place.directory, "is_primary": primary}
        for key, document in documents.items()
        for address, primary in emails(document).items()
    ]
    insert_many(unit, ScimEmail, addresses)
    if resources:
        unit[Resources].count("User", place.directory, len(resources))
    members = [
        {
            "user_id": key, "group_id": place.groups[name], "source": "scim" if one.provisioned else "claims", "display": None,
            "display_key": None,
        }
        for key, one in people.items() for name in one.groups if name in place.groups
    ]  # fmt: skip
    insert_many(unit, Membership, members)
    return len(people)


def _user(key: str, person: PlannedPerson, place: _Place, now: datetime) -> dict[str, Any]:
    return {
        "id": key,
        "email": person.email,
        "email_verified": not person.provisioned,
        "user_name": person.email,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "display_name": person.name,
        "department": person.department,
        "employee_number": str(1000 + person.number),
        "active": person.active,
        "source": "scim" if person.provisioned else "jit",
        "created_at": now,
        "updated_at": now,
        "last_sign_in_at": None,
        "directory_id": place.directory if person.provisioned else None,
    }


def _document(person: PlannedPerson) -> dict[str, Any]:
    """As an identity provider would have sent it (RFC 7643 4.1, 4.3)."""
    return {
        "schemas": [USER_URN, ENTERPRISE.id],
        "userName": person.email,
        "externalId": f"synthetic-{person.number}",
        "name": {"givenName": person.given_name, "familyName": person.family_name},
        "displayName": person.name,
        "active": person.active,
        "emails": [{"value": person.email, "type": "work", "primary": True}],
        ENTERPRISE.id: {"department": person.department, "employeeNumber": str(1000 + person.number)},
    }
