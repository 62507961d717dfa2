"""The trail: sealed records in a store of their own. The worker is its only writer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Index, Text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, col, select

from idbroker.audit.chain import Head, canonical, head_of, link
from idbroker.audit.events import is_told
from idbroker.audit.feed import Feed, FeedOrder, told_event
from idbroker.audit.outbox import MAX_TEXT, Outbox, OutboxRow
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.storage.database import Database
from idbroker.storage.guard import IsolationBreach
from idbroker.storage.rows import AuditRow, TenantRow, UtcDateTime
from idbroker.storage.unit import PlatformUnit, TenantRepository, changed

SEAL_BATCH = 200

log = structlog.get_logger("idbroker.audit")


class AuditRecord(AuditRow, table=True):
    """One sealed record. ``document`` is the canonical JSON that the hash covers; the columns beside it only find it."""

    __tablename__ = "audit_records"
    __table_args__ = (Index("uq_audit_records_tenant_id_id", "tenant_id", "id", unique=True),)

    sequence: int = Field(primary_key=True)
    id: str
    at: datetime = Field(sa_type=UtcDateTime)
    action: str
    actor_id: str | None = None
    resource_id: str
    search: str = Field(sa_type=Text)
    hash: str
    document: str = Field(sa_type=Text)


class TrailHead(TenantRow, table=True):
    """The end of a tenant's chain, kept in the main database: a trail that was cut short does not match it."""

    __tablename__ = "trail_heads"

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class TrailQuery:
    """What to look for; all given conditions must hold. ``before`` is a sequence: newest first, that one excluded."""

    action: str | None = None
    actor: str | None = None
    resource: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    before: int | None = None
    limit: int = 50


class AuditRecords(TenantRepository):
    def last(self) -> Head:
        statement = select(AuditRecord).order_by(col(AuditRecord.sequence).desc()).limit(1)
        row = self.session.execute(statement).scalars().first()
        return Head(row.sequence, row.hash) if row else Head()

    def known(self, ids: Sequence[str]) -> set[str]:
        statement = select(AuditRecord).where(col(AuditRecord.id).in_(ids))
        return {row.id for row in self.session.execute(statement).scalars()}

    def append(self, record: dict[str, Any], at: datetime) -> None:
        """Raises IsolationBreach for a record that tells of another tenant."""
        if record["tenant_id"] != self.tenant:
            raise IsolationBreach("a record of another tenant cannot be sealed into this chain")
        self.session.add(
            AuditRecord(
                tenant_id=self.tenant,
                sequence=record["sequence"],
                id=record["id"],
                at=at,
                action=record["action"],
                actor_id=record["actor"]["id"],
                resource_id=record["resource"]["id"],
                search=_searchable(record),
                hash=record["hash"],
                document=canonical(record).decode(),
            )
        )

    def search(self, query: TrailQuery) -> list[dict[str, Any]]:
        """Matching records, newest first."""
        if query.text and (len(query.text) > MAX_TEXT or "\x00" in query.text):
            return []  # longer than what is kept, or what is never kept: no engine need be asked
        statement = select(AuditRecord)
        exact = (
            (AuditRecord.action, query.action),
            (AuditRecord.actor_id, query.actor),
            (AuditRecord.resource_id, query.resource),
        )
        for column, wanted in exact:
            if wanted is not None:
                statement = statement.where(col(column) == wanted)
        if query.since is not None:
            statement = statement.where(col(AuditRecord.at) >= query.since)
        if query.until is not None:
            statement = statement.where(col(AuditRecord.at) < query.until)
        if query.before is not None:
            statement = statement.where(col(AuditRecord.sequence) < query.before)
        if query.text:
            statement = statement.where(col(AuditRecord.search).contains(query.text.casefold(), autoescape=True))
        statement = statement.order_by(col(AuditRecord.sequence).desc()).limit(query.limit)
        return [json.loads(row.document) for row in self.session.execute(statement).scalars()]

    def walk(self, batch: int = 500) -> Iterator[dict[str, Any]]:
        """The whole chain, oldest first, as stored."""
        after = 0
        while True:
            statement = select(AuditRecord).where(col(AuditRecord.sequence) > after)
            rows = self.session.execute(statement.order_by(col(AuditRecord.sequence)).limit(batch)).scalars().all()
            if not rows:
                return
            for row in rows:
                yield json.loads(row.document)
            after = rows[-1].sequence
            self.session.expunge_all()


class TrailHeads(TenantRepository):
    def get(self) -> Head:
        row = self.keyed(TrailHead)
        return Head(row.sequence, row.hash) if row else Head()

    def advance(self, head: Head) -> None:
        """Never backwards: a slower sealer may come after a faster one."""
        forward = update(TrailHead).where(col(TrailHead.sequence) < head.sequence)
        moved = changed(self.session.execute(forward.values(sequence=head.sequence, hash=head.hash)))
        if not moved and self.keyed(TrailHead) is None:
            self.session.add(TrailHead(tenant_id=self.tenant, sequence=head.sequence, hash=head.hash))


class Trail:
    """Seals what waits in the outbox, and reads what was sealed."""

    def __init__(self, database: Database, store: Database) -> None:
        self._database = database
        self.store = store

    def seal_all(self) -> int:
        """Seal everything that waits, tenant by tenant. Returns how many records were sealed.

        A tenant that cannot be sealed is left for the next time and stops no other.
        """
        sealed = 0
        for tenant in self._database.tenants_in(OutboxRow.__table__):  # type: ignore[attr-defined] # set by SQLModel
            try:
                while count := self.seal(tenant):
                    sealed += count
            except IntegrityError:
                continue  # another sealer is at this tenant's chain in the same moment
            except Exception:
                log.exception("not sealed", tenant=tenant)
        return sealed

    def seal(self, tenant: TenantId, limit: int = SEAL_BATCH) -> int:
        """Move up to ``limit`` events of one tenant into its chain, in order. Returns how many left the outbox.

        The store is written first, then the outbox is emptied: a kill in between repeats the batch, and what the store
        already has is passed over. Two sealers at once collide on the sequence and one of them starts over.
        """
        scope = TenantScope(tenant, SYSTEM)
        with self._database.tenant(scope, read_only=True) as unit:
            rows = unit[Outbox].oldest(limit)
        if not rows:
            return 0
        with self.store.tenant(scope) as sealed:
            records = sealed[AuditRecords]
            head, known = records.last(), records.known([row.id for row in rows])
            for row in rows:
                if row.id not in known:
                    record = link(row.document, head)
                    records.append(record, row.at)
                    head = head_of(record)
        with self._database.platform(SYSTEM) as platform:
            with platform.enter(scope) as unit:
                removed = unit[Outbox].remove([row.id for row in rows])
                unit[TrailHeads].advance(head)
            self._tell(platform, scope, [row for row in rows if row.id in removed])
        return len(rows)

    def _tell(self, platform: PlatformUnit, scope: TenantScope, rows: Sequence[OutboxRow]) -> None:
        """What has left the outbox for the trail enters the feed in the same transaction: once, and in its order."""
        told = [told_event(row) for row in rows if is_told(row.document["action"])]
        if told:
            positions = platform[FeedOrder].take(len(told))
            with platform.enter(scope) as unit:
                unit[Feed].append(told, positions)

    def search(self, scope: TenantScope, query: TrailQuery) -> list[dict[str, Any]]:
        with self.store.tenant(scope, read_only=True) as unit:
            return unit[AuditRecords].search(query)

    def head(self, scope: TenantScope) -> Head:
        with self._database.tenant(scope, read_only=True) as unit:
            return unit[TrailHeads].get()


def _searchable(record: dict[str, Any]) -> str:
    """What ``q`` looks through: action, actor, resource and context (which holds the reference)."""
    parts = (record["action"], *record["actor"].values(), *record["resource"].values(), canonical(record["context"]).decode())
    return "\n".join(str(part) for part in parts if part).casefold()
