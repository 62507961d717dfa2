"""People as provisioning reads and writes them: statements made once, past the ORM (decision 0016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Table, bindparam, delete, select, update

from idbroker.directory.model import Identity, User
from idbroker.storage.statement import EngineStatement, TenantStatement, among, insert_many, scope
from idbroker.storage.unit import TenantRepository, TenantUnit

USERS: Table = User.__table__  # type: ignore[attr-defined] # set by SQLModel
IDENTITIES: Table = Identity.__table__  # type: ignore[attr-defined] # set by SQLModel


@dataclass(frozen=True, slots=True)
class Person:
    """A row of ``users`` as it was read."""

    tenant_id: str
    id: str
    email: str | None
    email_verified: bool
    user_name: str | None
    given_name: str | None
    family_name: str | None
    display_name: str | None
    department: str | None
    employee_number: str | None
    active: bool
    source: str
    created_at: datetime
    updated_at: datetime
    last_sign_in_at: datetime | None
    directory_id: str | None


NAMES = tuple(field.name for field in fields(Person))
CHANGING = frozenset(NAMES) - {"tenant_id", "id", "created_at"}


def _read() -> Any:
    return select(*(USERS.c[name] for name in NAMES)).where(USERS.c.tenant_id == scope())


def _one() -> Any:
    return _read().where(USERS.c.id == bindparam("id_"))


_ONE = TenantStatement(_one)
_HELD = TenantStatement(lambda: _one().with_for_update())
_WITH_EMAIL = TenantStatement(lambda: _read().where(USERS.c.email == bindparam("address")).limit(20))
_KNOWN_BY = TenantStatement(
    lambda: (
        select(IDENTITIES.c.connection_id, IDENTITIES.c.user_id)
        .where(IDENTITIES.c.tenant_id == scope(), IDENTITIES.c.subject == bindparam("name"))
        .limit(20)
    )
)
_SUBJECTS = EngineStatement(
    lambda engine: (
        select(IDENTITIES.c.subject)
        .where(IDENTITIES.c.tenant_id == scope(), among(IDENTITIES.c.subject, "names", engine))
        .distinct()
    )
)
_EMAILS = EngineStatement(
    lambda engine: select(USERS.c.email).where(USERS.c.tenant_id == scope(), among(USERS.c.email, "names", engine)).distinct()
)
_REMOVE = TenantStatement(lambda: delete(USERS).where(USERS.c.tenant_id == scope(), USERS.c.id == bindparam("id_")))


@cache
def _change(names: tuple[str, ...]) -> TenantStatement:
    """One for each set of columns that have ever changed together."""

    def build() -> Any:
        given: dict[str, Any] = {name: bindparam(f"v_{name}", type_=USERS.c[name].type) for name in names}
        return update(USERS).where(USERS.c.tenant_id == scope(), USERS.c.id == bindparam("id_")).values(given)

    return TenantStatement(build)


class People(TenantRepository):
    """Whoever is held or made here is this transaction's alone, and is not read again. It is not for a unit that changes the
    same person through the session."""

    def __init__(self, unit: TenantUnit) -> None:
        super().__init__(unit)
        self._ours: dict[str, Person] = {}

    def get(self, user_id: str) -> Person | None:
        known = self._ours.get(user_id)
        row = _ONE.first(self.unit, id_=user_id) if known is None else None
        return known if row is None else Person(*row)

    def held(self, user_id: str) -> Person | None:
        """The person as he is now, for this transaction alone."""
        row = _HELD.first(self.unit, id_=user_id)
        if row is None:
            return None
        self._ours[user_id] = person = Person(*row)
        return person

    def insert(self, person: Person) -> None:
        self.insert_all([person])

    def insert_all(self, people: Sequence[Person]) -> None:
        rows = ({name: getattr(person, name) for name in NAMES if name != "tenant_id"} for person in people)
        insert_many(self.unit, User, rows)
        self._ours.update((person.id, person) for person in people)

    def change(self, user_id: str, values: Mapping[str, Any]) -> None:
        """Those columns and no other."""
        names = tuple(sorted(CHANGING.intersection(values)))
        given = {name: values[name] for name in names}
        if names:
            _change(names).change(self.unit, id_=user_id, **{f"v_{name}": value for name, value in given.items()})
        if user_id in self._ours:
            self._ours[user_id] = replace(self._ours[user_id], **given)

    def remove(self, user_id: str) -> None:
        _REMOVE.change(self.unit, id_=user_id)
        self._ours.pop(user_id, None)

    def with_emails(self, emails: list[str]) -> list[Person]:
        """Everyone with one of those addresses in normal form."""
        return [Person(*row) for address in emails for row in _WITH_EMAIL.rows(self.unit, address=address)]

    def names_taken(self, subjects: Sequence[str], emails: Sequence[str]) -> set[str]:
        """Those of the names, subjects and addresses in normal form, by which anybody is known at all."""
        found = _SUBJECTS.rows(self.unit, names=list(subjects)) + _EMAILS.rows(self.unit, names=list(emails))
        return {row[0] for row in found}

    def known_by(self, subject: str) -> list[tuple[str, str]]:
        """(connection, person) of whoever is known by that subject, at whatever connection."""
        return [(row[0], row[1]) for row in _KNOWN_BY.rows(self.unit, name=subject)]
