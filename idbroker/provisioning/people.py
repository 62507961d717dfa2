"""What a directory does to people: makes them or finds them among those known from sign-in, changes, switches off, removes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from idbroker.audit.outbox import Outbox
from idbroker.directory.members import GroupMembers
from idbroker.directory.model import User, Users
from idbroker.kernel.addresses import BadAddress, normal_email
from idbroker.kernel.event import Change, Event
from idbroker.kernel.ids import new_id
from idbroker.provisioning.brake import Brake
from idbroker.provisioning.linking import known_from_sign_in, owned
from idbroker.provisioning.standing import DELETED, deactivate, reactivate, resource
from idbroker.sessions.service import SessionService
from idbroker.storage.unit import TenantUnit

MAX_VALUE = 1024


@dataclass(frozen=True, slots=True)
class Source:
    """The directory that speaks, and the connection through which its people sign in, if it is bound to one."""

    directory_id: str
    connection_id: str | None
    brake: Brake


@dataclass(frozen=True, slots=True)
class Facts:
    """What a directory says of a person, as the broker keeps it. ``email``: the primary one as it came."""

    user_name: str
    external_id: str | None
    email: str | None
    given_name: str | None
    family_name: str | None
    display_name: str | None
    department: str | None
    employee_number: str | None
    active: bool | None
    """None: not said. Somebody new is active, whoever is there stays as he is."""


class DirectoryPeople:
    def __init__(self, sessions: SessionService) -> None:
        self._sessions = sessions

    def create(self, unit: TenantUnit, source: Source, facts: Facts) -> str:
        """The person's id: a new one, or that of somebody known from sign-in who is meant by the rule of the connection."""
        found = known_from_sign_in(unit, source.connection_id, facts.external_id, (facts.user_name, facts.email))
        user = unit[Users].held(found.user_id) if found is not None else None
        if found is None or user is None:
            return self._new(unit, source, facts)
        user.source, user.directory_id = "scim", source.directory_id
        context = {"directory_id": source.directory_id, "by": found.by}
        unit[Outbox].record(Event("user.linked", resource(user), context=context))
        self._apply(unit, source, user, facts)
        return user.id

    def update(self, unit: TenantUnit, source: Source, user_id: str, facts: Facts) -> None:
        user = unit[Users].held(user_id)
        if user is not None:
            self._apply(unit, source, user, facts)

    def remove(self, unit: TenantUnit, source: Source, user_id: str) -> None:
        """Gone, with all that was open. How he was known at connections is kept, so that a sign-in does not bring him back."""
        user = unit[Users].held(user_id)
        if user is None:
            return
        if user.active:
            source.brake.press(unit, source.directory_id, user.id)
        user.active = False
        unit.session.flush()
        self._sessions.end_all(unit, user.id, DELETED)
        unit[Outbox].record(Event("user.deleted", resource(user), context={"directory_id": source.directory_id}))
        unit[GroupMembers].forget("User", user.id)
        unit[Users].delete(user)

    def _new(self, unit: TenantUnit, source: Source, facts: Facts) -> str:
        now = unit.clock.now()
        user = User(
            tenant_id=unit.scope.tenant,
            id=new_id("usr"),
            source="scim",
            directory_id=source.directory_id,
            active=facts.active is not False,
            created_at=now,
            updated_at=now,
            **_wanted(unit, facts),
        )
        unit[Users].add(user)
        context = {"source": "scim", "directory_id": source.directory_id}
        unit[Outbox].record(Event("user.created", resource(user), context=context))
        return user.id

    def _apply(self, unit: TenantUnit, source: Source, user: User, facts: Facts) -> None:
        wanted = _wanted(unit, facts)
        told = {name: Change(getattr(user, name), value) for name, value in wanted.items() if getattr(user, name) != value}
        if told:
            for name, change in told.items():
                setattr(user, name, change.after)
            user.updated_at = unit.clock.now()
            context = {"directory_id": source.directory_id}
            unit[Outbox].record(Event("user.updated", resource(user), told, context=context))
        if facts.active:
            reactivate(unit, user)
        elif facts.active is False and user.active:
            source.brake.press(unit, source.directory_id, user.id)
            deactivate(unit, self._sessions, user)


def _wanted(unit: TenantUnit, facts: Facts) -> dict[str, Any]:
    """The columns of the person. An address is verified when the tenant has proven its domain."""
    email = _email(facts)
    return {
        "user_name": facts.user_name,
        "email": email,
        "email_verified": email is not None and owned(unit, email),
        "given_name": _cut(facts.given_name),
        "family_name": _cut(facts.family_name),
        "display_name": _cut(facts.display_name),
        "department": _cut(facts.department),
        "employee_number": _cut(facts.employee_number),
    }


def _email(facts: Facts) -> str | None:
    """The primary address, else a userName that is one; None when neither is."""
    for text in (facts.email, facts.user_name):
        try:
            if text:
                return normal_email(text)
        except BadAddress:
            continue
    return None


def _cut(text: str | None) -> str | None:
    return text[:MAX_VALUE] if text else None
