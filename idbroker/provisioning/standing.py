"""Switching people off and on. What a person has open ends in the transaction that switches him off."""

from __future__ import annotations

from typing import Protocol

from idbroker.audit.outbox import Outbox
from idbroker.directories.resources import Resources
from idbroker.directory.people import People, Person
from idbroker.kernel.event import Event, Resource
from idbroker.sessions.service import SessionService
from idbroker.storage.unit import TenantUnit

DEACTIVATED = "user_deactivated"
DELETED = "user_deleted"


class Named(Protocol):
    """What an event says of a person."""

    @property
    def id(self) -> str: ...
    @property
    def email(self) -> str | None: ...
    @property
    def user_name(self) -> str | None: ...


def deactivate(unit: TenantUnit, sessions: SessionService, person: Person, *, connection_id: str | None = None) -> None:
    """No sign-in any more, and nothing that an earlier one gave: sessions, codes, refresh families. The row is held: a sign-in
    that was under way has been waited for, and its session is seen. ``connection_id``: whose provider asked by a signal."""
    if not person.active:
        return
    unit[People].change(person.id, {"active": False, "updated_at": unit.clock.now()})
    unit[Resources].stand(person.id, active=False)
    sessions.end_all(unit, person.id, DEACTIVATED)
    unit[Outbox].record(Event("user.deactivated", resource(person), context=_who(person, connection_id)))


def reactivate(unit: TenantUnit, person: Person, *, connection_id: str | None = None) -> None:
    if person.active:
        return
    unit[People].change(person.id, {"active": True, "updated_at": unit.clock.now()})
    unit[Resources].stand(person.id, active=True)
    unit[Outbox].record(Event("user.reactivated", resource(person), context=_who(person, connection_id)))


def _who(person: Person, connection_id: str | None) -> dict[str, str | None]:
    about = {"directory_id": person.directory_id}
    return about if connection_id is None else {**about, "connection_id": connection_id}


def resource(user: Named) -> Resource:
    return Resource("user", user.id, user.email or user.user_name)
