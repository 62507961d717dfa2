"""Sealed records as rows, and the index of their words. The worker is the only one who adds any.

``tenant, sequence`` leads every index, so that a page of any filter is a short walk backwards from where the last one ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text, case, func
from sqlmodel import Field, col, select

from idbroker.audit.chain import Head
from idbroker.audit.person_seal import Indexed
from idbroker.audit.terms import searchable, term_key, terms_of, words
from idbroker.kernel.clock import Day
from idbroker.storage.guard import IsolationBreach
from idbroker.storage.rows import AuditRow, UtcDateTime
from idbroker.storage.statement import insert_many
from idbroker.storage.unit import TenantRepository

COUNTED = 10_000
"""Records that a chart looks at: a page stays fast however long the trail is."""

ERA_BITS = 16
"""An era is 65,536 records. The index of words is kept era by era, so that old ones go in one piece."""


class AuditRecord(AuditRow, table=True):
    """One sealed record. ``document`` is the canonical JSON that the hash covers; the columns beside it only find it."""

    __tablename__ = "audit_records"
    __table_args__ = (
        Index("uq_audit_records_tenant_id_id", "tenant_id", "id", unique=True),
        Index("ix_audit_records_tenant_id_action_sequence", "tenant_id", "action", "sequence"),
        Index("ix_audit_records_tenant_id_actor_id_sequence", "tenant_id", "actor_id", "sequence"),
        Index("ix_audit_records_tenant_id_resource_id_sequence", "tenant_id", "resource_id", "sequence"),
        Index("ix_audit_records_tenant_id_at_sequence", "tenant_id", "at", "sequence"),
    )

    sequence: int = Field(primary_key=True)
    id: str
    at: datetime = Field(sa_type=UtcDateTime)
    action: str
    actor_id: str | None = None
    resource_id: str
    search: str = Field(sa_type=Text)
    hash: str
    document: str = Field(sa_type=Text)


class AuditTerm(AuditRow, table=True):
    """That a word stands in a record."""

    __tablename__ = "audit_terms"
    __table_args__ = ({"sqlite_with_rowid": False},)

    era: int = Field(primary_key=True)
    term: int = Field(primary_key=True, sa_type=BigInteger)
    sequence: int = Field(primary_key=True)


class AuditPersonal(AuditRow, table=True):
    """Text of a sealed item of a record, for search alone: no part of the chain, and removed with the person's key.

    ``text`` stands with the first of the item's owners; the others' rows say whose it is too.
    """

    __tablename__ = "audit_personal"
    __table_args__ = (
        Index("ix_audit_personal_tenant_id_person_id", "tenant_id", "person_id", "sequence"),
        {"sqlite_with_rowid": False},
    )

    sequence: int = Field(primary_key=True)
    item: int = Field(primary_key=True)
    person_id: str = Field(primary_key=True)
    text: str = Field(sa_type=Text)


class AuditRecords(TenantRepository):
    """Adding and reading in order; ``search.TrailSearch`` finds."""

    def counts(self, actions: Sequence[str], days: Sequence[Day]) -> dict[str, list[int]]:
        """Action → how many on each day, among the newest records of the trail (``COUNTED``)."""
        at = col(AuditRecord.at)
        # The newest day first: most records of a long trail that is looked at are young, and the first match ends it.
        number = case(*((at >= day.begins, place) for place, day in reversed(list(enumerate(days)))))
        statement = select(AuditRecord.action, number, func.count()).where(
            col(AuditRecord.sequence) > self.last().sequence - COUNTED,
            at >= days[0].begins,
            at < days[-1].ends,
            col(AuditRecord.action).in_(actions),
        )
        found: dict[str, list[int]] = {}
        for action, place, count in self.session.execute(statement.group_by(col(AuditRecord.action), number)):
            found.setdefault(action, [0] * len(days))[place] = count
        return found

    def last(self) -> Head:
        statement = select(AuditRecord.sequence, AuditRecord.hash).order_by(col(AuditRecord.sequence).desc()).limit(1)
        row = self.session.execute(statement).first()
        return Head(row[0], row[1]) if row else Head()

    def get(self, record_id: str) -> dict[str, Any] | None:
        found = self.session.execute(select(AuditRecord.document).where(AuditRecord.id == record_id)).scalar()
        return None if found is None else json.loads(found)

    def known(self, ids: Sequence[str]) -> set[str]:
        return set(self.session.execute(select(AuditRecord.id).where(col(AuditRecord.id).in_(ids))).scalars())

    def append(
        self,
        records: Sequence[tuple[Mapping[str, Any], str, datetime]],
        personal: Mapping[int, Sequence[Indexed]] | None = None,
    ) -> None:
        """Add (record, its canonical JSON, when). ``personal``: sequence → what search may know of its sealed items. Raises
        IsolationBreach for a record that tells of another tenant."""
        rows, terms, texts = [], [], []
        for record, text, at in records:
            if record["tenant_id"] != self.tenant:
                raise IsolationBreach("a record of another tenant cannot be sealed into this chain")
            sequence = record["sequence"]
            rows.append(
                {
                    "sequence": sequence,
                    "id": record["id"],
                    "at": at,
                    "action": record["action"],
                    "actor_id": record["actor"]["id"],
                    "resource_id": record["resource"]["id"],
                    "search": searchable(record),
                    "hash": record["hash"],
                    "document": text,
                }
            )
            items = (personal or {}).get(sequence, ())
            terms += [
                {"era": sequence >> ERA_BITS, "term": key, "sequence": sequence}
                for key in {term_key(self.tenant, term) for term in terms_of(record, [item.text for item in items])}
            ]
            texts += [
                {"sequence": sequence, "item": number, "person_id": owner, "text": "" if later else item.text}
                for number, item in enumerate(items)
                for later, owner in enumerate(item.owners)
            ]
        insert_many(self.unit, AuditRecord, rows)
        insert_many(self.unit, AuditTerm, terms)
        insert_many(self.unit, AuditPersonal, texts)

    def of_persons(self, ids: Sequence[str], behind: int, limit: int) -> list[int]:
        """The sequences of records by them, about them, or with a part of theirs, oldest first."""
        found: set[int] = set()
        for cls, column in (
            (AuditRecord, AuditRecord.actor_id),
            (AuditRecord, AuditRecord.resource_id),
            (AuditPersonal, AuditPersonal.person_id),
        ):
            place: Any = col(cls.sequence)
            statement = select(cls.sequence).where(col(column).in_(ids), place > behind).order_by(place).limit(limit)
            found |= set(self.session.execute(statement).scalars())
        return sorted(found)[:limit]

    def forget_person(self, person_id: str, limit: int) -> int:
        """Take the text of up to ``limit`` of a person's items out of the index, with the words that stood in them alone.
        How many items they were."""
        mine = select(AuditPersonal.sequence, AuditPersonal.item).where(AuditPersonal.person_id == person_id)
        found = [(row[0], row[1]) for row in self.session.execute(mine.order_by(col(AuditPersonal.sequence)).limit(limit))]
        for sequence, item in found:
            self._forget_item(sequence, item)
        return len(found)

    def _forget_item(self, sequence: int, item: int) -> None:
        here = select(AuditPersonal.item, AuditPersonal.text).where(AuditPersonal.sequence == sequence)
        rows = self.session.execute(here).all()
        document = self.session.execute(select(AuditRecord.document).where(AuditRecord.sequence == sequence)).scalar()
        texts = [text for number, text in rows if number != item]
        stays = set() if document is None else set(terms_of(json.loads(document), texts, at_most=None))
        goes = {term_key(self.tenant, term) for number, text in rows if number == item for term in words(text)}
        goes -= {term_key(self.tenant, term) for term in stays}
        self.unit.dialect.forget_item(self.unit.transaction.connection, self.tenant, sequence, item, sorted(goes))

    def following(self, behind: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """The next records behind a sequence, in order, as stored: each with its place in the store, which a record that was
        tampered with may not tell."""
        statement = select(AuditRecord.sequence, AuditRecord.document).where(col(AuditRecord.sequence) > behind)
        found = self.session.execute(statement.order_by(col(AuditRecord.sequence)).limit(limit))
        return [(place, json.loads(document)) for place, document in found]

    def walk(self, batch: int = 500) -> Iterator[dict[str, Any]]:
        """All that is kept of the chain, oldest first, as stored."""
        after = 0
        while page := self.following(after, batch):
            yield from (record for _, record in page)
            after = page[-1][0]
