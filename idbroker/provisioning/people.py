"""What a directory does to people: makes them or finds them among those known from sign-in, changes, switches off, removes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from idbroker.audit.outbox import Outbox
from idbroker.directory.people import People, Person
from idbroker.kernel.event import Change, Event
from idbroker.kernel.ids import new_id
from idbroker.provisioning.brake import Brake
from idbroker.provisioning.linking import ProvenDomains, addresses_of, known_from_sign_in, one_at_a_time
from idbroker.provisioning.memberships import leave_all, renamed
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
        proven, addresses = ProvenDomains(unit), addresses_of((facts.user_name, facts.email))
        one_at_a_time(unit, (facts.external_id, *addresses))
        found = known_from_sign_in(unit, source.connection_id, facts.external_id, addresses, proven)
        known = unit[People].held(found.user_id) if found is not None else None
        if found is None or known is None or known.directory_id is not None:  # another directory's since he was found
            person = _person(unit, source, facts, proven)
            self._enter(unit, source, [person])
            return person.id
        mine = {"source": "scim", "directory_id": source.directory_id}
        unit[People].change(known.id, mine)
        context = {"directory_id": source.directory_id, "by": found.by}
        unit[Outbox].record(Event("user.linked", resource(known), context=context))
        self._apply(unit, source, replace(known, source="scim", directory_id=source.directory_id), facts)
        return known.id

    def create_all(self, unit: TenantUnit, source: Source, everybody: Sequence[Facts]) -> list[str]:
        """Each as ``create`` does, in their order; those by whose names nobody is known yet are written together."""
        proven = ProvenDomains(unit)
        addresses = [addresses_of((facts.user_name, facts.email)) for facts in everybody]
        subjects = [facts.external_id for facts in everybody if facts.external_id is not None]
        emails = [address for several in addresses for address in several]
        one_at_a_time(unit, (*subjects, *emails))
        taken = unit[People].names_taken(subjects, emails)
        ids: list[str] = []
        strangers: list[Person] = []
        for facts, names in zip(everybody, addresses, strict=True):
            if taken.isdisjoint((facts.external_id, *names)):
                strangers.append(_person(unit, source, facts, proven))
                ids.append(strangers[-1].id)
            else:
                ids.append(self.create(unit, source, facts))
        self._enter(unit, source, strangers)
        return ids

    def update(self, unit: TenantUnit, source: Source, user_id: str, facts: Facts) -> None:
        person = unit[People].held(user_id)
        if person is not None:
            self._apply(unit, source, person, facts)

    def remove(self, unit: TenantUnit, source: Source, user_id: str) -> None:
        """Gone, with all that was open. How he was known at connections is kept, so that a sign-in does not bring him back."""
        person = unit[People].held(user_id)
        if person is None:
            return
        if person.active:
            source.brake.press(unit, source.directory_id, person.id)
            unit[People].change(person.id, {"active": False})
        self._sessions.end_all(unit, person.id, DELETED)
        leave_all(unit, "User", person.id)
        unit[Outbox].record(Event("user.deleted", resource(person), context={"directory_id": source.directory_id}))
        unit[People].remove(person.id)

    def _enter(self, unit: TenantUnit, source: Source, people: Sequence[Person]) -> None:
        unit[People].insert_all(people)
        context = {"source": "scim", "directory_id": source.directory_id}
        for person in people:
            unit[Outbox].record(Event("user.created", resource(person), context=context))

    def _apply(self, unit: TenantUnit, source: Source, person: Person, facts: Facts) -> None:
        wanted = _wanted(facts, ProvenDomains(unit))
        told = {name: Change(getattr(person, name), value) for name, value in wanted.items() if getattr(person, name) != value}
        if told:
            changed = {name: change.after for name, change in told.items()}
            unit[People].change(person.id, {**changed, "updated_at": unit.clock.now()})
            was_called, person = _name_in_groups(person), replace(person, **changed)
            if _name_in_groups(person) != was_called:
                renamed(unit, "User", person.id)
            context = {"directory_id": source.directory_id}
            unit[Outbox].record(Event("user.updated", resource(person), told, context=context))
        if facts.active:
            reactivate(unit, person)
        elif facts.active is False and person.active:
            source.brake.press(unit, source.directory_id, person.id)
            deactivate(unit, self._sessions, person)


def _person(unit: TenantUnit, source: Source, facts: Facts, proven: ProvenDomains) -> Person:
    """Somebody new."""
    now = unit.clock.now()
    return Person(
        tenant_id=unit.scope.tenant,
        id=new_id("usr"),
        source="scim",
        directory_id=source.directory_id,
        active=facts.active is not False,
        created_at=now,
        updated_at=now,
        last_sign_in_at=None,
        **_wanted(facts, proven),
    )


def _wanted(facts: Facts, proven: ProvenDomains) -> dict[str, Any]:
    """The columns of the person. An address is verified when the tenant has proven its domain."""
    email = next(iter(addresses_of((facts.email, facts.user_name))), None)
    return {
        "user_name": facts.user_name,
        "email": email,
        "email_verified": email is not None and proven.own(email),
        "given_name": _cut(facts.given_name),
        "family_name": _cut(facts.family_name),
        "display_name": _cut(facts.display_name),
        "department": _cut(facts.department),
        "employee_number": _cut(facts.employee_number),
    }


def _name_in_groups(person: Person) -> str | None:
    return person.display_name if person.display_name is not None else person.user_name


def _cut(text: str | None) -> str | None:
    return text[:MAX_VALUE] if text else None
