"""A key for each person whom a trail tells of: what is his in the records is sealed with it, and is gone when the key is.

Wrapped by the tenant's data key. An address that belongs to nobody yet has a key too, found by a digest (``mark``) that goes
with it: the chain knows such a stranger by a random id only. A destroyed key leaves its id, so that what is still on its
way into the trail is not sealed under a new one.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, col, select, update

from idbroker.audit.person_seal import Owner
from idbroker.audit.personal import ADDRESS
from idbroker.kernel.ids import new_id
from idbroker.kernel.secrets import digest
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import CannotOpen
from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.statement import insert_many
from idbroker.storage.statements.sealing import person_key
from idbroker.storage.unit import TenantRepository, TenantUnit, changed

CHUNK = 500
ONE_BY_ONE = 20
"""Up to so many are read each by a statement of its own, which costs less than one of ever another length."""

PURPOSE = "person-key:"


class PersonKey(TenantRow, table=True):
    """``sealed`` is None once the key was destroyed. ``mark``: of an address, by which it is found."""

    __tablename__ = "person_keys"
    __table_args__ = (Index("uq_person_keys_tenant_id_mark", "tenant_id", "mark", unique=True),)

    id: str = Field(primary_key=True)
    mark: str | None = None
    sealed: bytes | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    erased_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class PersonKeyRows(TenantRepository):
    def of(self, ids: Collection[str]) -> list[tuple[str, bytes | None]]:
        """(id, sealed key) of those that there are."""
        if len(ids) <= ONE_BY_ONE:
            return [row for one in ids if (row := person_key(self.unit, one)) is not None]
        found: list[tuple[str, bytes | None]] = []
        for chunk in _chunks(ids):
            statement = select(PersonKey.id, PersonKey.sealed).where(col(PersonKey.id).in_(chunk))
            found += [(row[0], row[1]) for row in self.session.execute(statement)]
        return found

    def marked(self, marks: Collection[str]) -> list[tuple[str, str, bytes | None]]:
        """(mark, id, sealed key)."""
        found: list[tuple[str, str, bytes | None]] = []
        for chunk in _chunks(marks):
            statement = select(PersonKey.mark, PersonKey.id, PersonKey.sealed).where(col(PersonKey.mark).in_(chunk))
            found += [(str(row[0]), row[1], row[2]) for row in self.session.execute(statement)]
        return found

    def add(self, row: PersonKey) -> None:
        self.session.add(row)
        self.session.flush()

    def add_all(self, found: Sequence[tuple[str, str | None, bytes]]) -> None:
        """(id, mark, sealed key) in one go. Raises IntegrityError when somebody else has made one in the same moment."""
        now = self.now()
        rows = ({"id": i, "mark": mark, "sealed": key, "created_at": now, "erased_at": None} for i, mark, key in found)
        insert_many(self.unit, PersonKey, rows)

    def destroy(self, ids: Sequence[str]) -> int:
        """Of those that live, how many there were."""
        gone = update(PersonKey).where(col(PersonKey.id).in_(ids), col(PersonKey.sealed).is_not(None))
        gone = gone.values(sealed=None, mark=None, erased_at=self.now())
        return changed(self.session.execute(gone.execution_options(synchronize_session=False)))

    def bury(self, ids: Sequence[str]) -> None:
        """Nobody of those ids gets a key any more, even if he never had one."""
        known = {person for person, _ in self.of(ids)}
        for person in ids:
            if person not in known:
                self.add(PersonKey(tenant_id=self.tenant, id=person, created_at=self.now(), erased_at=self.now()))


class KeptPersonKeys:
    """``audit.person_seal.PersonKeys`` over those rows. Nothing is kept in memory: a destroyed key is gone everywhere."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope

    def known(self, unit: TenantUnit, owners: Collection[str]) -> Mapping[str, Owner]:
        people = [owner for owner in owners if not owner.startswith(ADDRESS)]
        marks = {_mark(unit, owner.removeprefix(ADDRESS)): owner for owner in owners if owner.startswith(ADDRESS)}
        found = {person: Owner(person, self._opened(unit, person, sealed)) for person, sealed in unit[PersonKeyRows].of(people)}
        for mark, stranger, sealed in unit[PersonKeyRows].marked(list(marks)):
            found[marks[mark]] = Owner(stranger, self._opened(unit, stranger, sealed))
        return found

    def made(self, unit: TenantUnit, owners: Collection[str]) -> Mapping[str, Owner]:
        found: dict[str, Owner] = {}
        rows: list[tuple[str, str | None, bytes]] = []
        for owner in owners:
            key, address = os.urandom(32), owner.removeprefix(ADDRESS) if owner.startswith(ADDRESS) else None
            person = owner if address is None else new_id("str")
            mark = None if address is None else _mark(unit, address)
            rows.append((person, mark, self._sealed(unit, person, key)))
            found[owner] = Owner(person, key)
        unit[PersonKeyRows].add_all(rows)
        return found

    def _sealed(self, unit: TenantUnit, person: str, key: bytes) -> bytes:
        try:
            return self._envelope.seal(unit, PURPOSE + person, key)
        except CannotOpen:  # no data key yet: a trail may begin before anything else is sealed
            self._envelope.prepare(unit)
            return self._envelope.seal(unit, PURPOSE + person, key)

    def opening(self, unit: TenantUnit, ids: Collection[str]) -> Mapping[str, bytes]:
        keys = ((person, self._opened(unit, person, sealed)) for person, sealed in unit[PersonKeyRows].of(ids))
        return {person: key for person, key in keys if key is not None}

    def strangers(self, unit: TenantUnit, addresses: Iterable[str]) -> list[str]:
        """By which ids the trail knows those addresses."""
        marks = {_mark(unit, address): address for address in addresses}
        return [stranger for _, stranger, _ in unit[PersonKeyRows].marked(list(marks))]

    def _opened(self, unit: TenantUnit, person: str, sealed: bytes | None) -> bytes | None:
        return None if sealed is None else self._envelope.open(unit, PURPOSE + person, sealed)


def _mark(unit: TenantUnit, address: str) -> str:
    return digest(f"{unit.scope.tenant}\n{address.casefold()}")


def _chunks(values: Collection[str]) -> Iterator[list[str]]:
    listed = list(values)
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]
