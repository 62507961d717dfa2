"""Streams, their queues, their SETs and the subjects that receivers took off them, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, delete, false, func, update
from sqlmodel import Field, col, or_, select

from idbroker.kernel.ids import TenantId
from idbroker.signals.vocabulary import PUSH
from idbroker.storage.rows import IndexRow, JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.turns import Backlog, backlog, due_rows
from idbroker.storage.unit import PlatformRepository, TenantRepository, changed
from idbroker.webhooks import lanes

ENABLED, PAUSED, DISABLED = "enabled", "paused", "disabled"
ACTIVE = "active"


class SignalStream(TenantRow, table=True):
    """A stream of one app (SSF 8.1.1). ``tenant_id`` is the tenant that it tells of; ``platform``: all that the app is for."""

    __tablename__ = "signal_streams"
    __table_args__ = (Index("ix_signal_streams_tenant_id_app_id", "tenant_id", "app_id"),)

    id: str = Field(primary_key=True)
    app_id: str
    pinned: bool
    """Whether it was made at the tenant's own issuer, and is that issuer's."""
    method: str
    endpoint_url: str | None = None
    authorization_sealed: bytes | None = None
    events_requested: list[str] = Field(sa_type=JsonColumn)
    format: str = "iss_sub"
    description: str | None = None
    status: str = ENABLED
    reason: str | None = None
    failures: int = 0
    """In a row."""
    held_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_success_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_failure_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_error: str | None = None
    verified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When a verification was last asked for."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class SignalQueue(IndexRow, table=True):
    """What the worker needs to know of a stream without entering its owner."""

    __tablename__ = "signal_queues"
    __table_args__ = (
        Index("ix_signal_queues_due_at", "due_at"),
        Index("ix_signal_queues_tenant_id", "tenant_id"),
        Index("ix_signal_queues_app_id", "app_id"),
    )

    stream_id: str = Field(primary_key=True)
    app_id: str
    filling: bool
    """Whether events are queued: also while it is paused, not while it is disabled."""
    after_position: int = Field(sa_type=BigInteger)
    status: str = ACTIVE
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Of pushed streams alone."""
    lease: str | None = None
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    wakes: int = 0
    failing: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class SignalSet(TenantRow, table=True):
    """One Security Event Token (RFC 8417) for one stream, signed when it leaves. ``id`` is its ``jti``."""

    __tablename__ = "signal_sets"
    __table_args__ = (
        Index("ix_signal_sets_tenant_id_stream_id", "tenant_id", "stream_id", "status", "position"),
        Index("ix_signal_sets_tenant_id_created_at", "tenant_id", "created_at"),
    )

    id: str = Field(primary_key=True)
    stream_id: str
    event_tenant: str
    subject: str
    type: str
    position: int = Field(sa_type=BigInteger)
    control: bool
    """Of the stream itself: it goes out whatever the stream's status is."""
    claims: dict[str, Any] = Field(sa_type=JsonColumn)
    status: str = "pending"
    """``pending``; ``delivered``: taken or acknowledged; ``dead``: given up, or refused by the receiver."""
    attempts: int = 0
    due_at: datetime = Field(sa_type=UtcDateTime)
    give_up_at: datetime = Field(sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: list[dict[str, Any]] = Field(default_factory=list, sa_type=JsonColumn)


class SignalSubject(TenantRow, table=True):
    """A subject that the receiver took off a stream: ``default_subjects`` is ALL."""

    __tablename__ = "signal_subjects"

    stream_id: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    subject: dict[str, Any] = Field(sa_type=JsonColumn)
    is_complex: bool
    created_at: datetime = Field(sa_type=UtcDateTime)


def _waiting(row: SignalStream) -> lanes.Mine:
    """On a stream that is not enabled, only what it says of itself."""
    mine = [col(SignalSet.stream_id) == row.id, col(SignalSet.status) == "pending"]
    return mine if row.status == ENABLED else [*mine, col(SignalSet.control)]


class SignalQueues(PlatformRepository):
    def get(self, stream_id: str) -> SignalQueue | None:
        return self.keyed(SignalQueue, stream_id)

    def filling(self) -> Sequence[SignalQueue]:
        return self.session.execute(select(SignalQueue).where(col(SignalQueue.filling))).scalars().all()

    def of_app(self, app_id: str) -> Sequence[SignalQueue]:
        statement = select(SignalQueue).where(SignalQueue.app_id == app_id).order_by(col(SignalQueue.stream_id))
        return self.session.execute(statement).scalars().all()

    def all(self, limit: int = 5000) -> Sequence[SignalQueue]:
        return self.session.execute(select(SignalQueue).limit(limit)).scalars().all()

    def due(self, limit: int = 500) -> Sequence[SignalQueue]:
        return due_rows(self.unit, SignalQueue, limit, col(SignalQueue.status) == ACTIVE)

    def backlog(self) -> Backlog:
        return backlog(self.session, SignalQueue, self.now(), col(SignalQueue.status) == ACTIVE)


class SignalStreams(TenantRepository):
    """The streams of one owner."""

    def add(self, row: SignalStream, position: int) -> None:
        """A stream that is told what comes after that position."""
        queue = SignalQueue(stream_id=row.id, tenant_id=row.tenant_id, app_id=row.app_id, filling=True, after_position=position)
        self.session.add(row)
        self.session.add(queue)
        self.session.flush()

    def get(self, stream_id: str) -> SignalStream | None:
        return self.keyed(SignalStream, stream_id)

    def of_app(self, app_id: str) -> Sequence[SignalStream]:
        statement = select(SignalStream).where(SignalStream.app_id == app_id).order_by(col(SignalStream.id))
        return self.session.execute(statement).scalars().all()

    def queue(self, stream_id: str) -> SignalQueue | None:
        """Locked until this transaction is over."""
        statement = select(SignalQueue).where(SignalQueue.stream_id == stream_id, SignalQueue.tenant_id == self.tenant)
        fresh = {"populate_existing": True}
        return self.session.execute(statement.with_for_update(), execution_options=fresh).scalars().first()

    def wake(self, stream_ids: Sequence[str]) -> None:
        """Something was put into these streams; those that are pushed are due."""
        pushed = select(SignalStream.id).where(col(SignalStream.id).in_(stream_ids), SignalStream.method == PUSH)
        names = sorted(self.session.execute(pushed).scalars())
        mine = (col(SignalQueue.stream_id).in_(names), col(SignalQueue.tenant_id) == self.tenant)
        quiet = {"synchronize_session": False}
        self.session.execute(update(SignalQueue).where(*mine).values(wakes=SignalQueue.wakes + 1), execution_options=quiet)
        due = update(SignalQueue).where(*mine, col(SignalQueue.due_at).is_(None)).values(due_at=self.now())
        self.session.execute(due, execution_options=quiet)

    def delete(self, row: SignalStream) -> None:
        self.session.execute(delete(SignalSet).where(col(SignalSet.stream_id) == row.id))
        self.session.execute(delete(SignalSubject).where(col(SignalSubject.stream_id) == row.id))
        self.session.execute(delete(SignalQueue).where(col(SignalQueue.stream_id) == row.id))
        self.session.delete(row)
        self.session.flush()


class SignalSets(TenantRepository):
    def add(self, row: SignalSet) -> None:
        self.session.add(row)

    def some(self, ids: Sequence[str]) -> Sequence[SignalSet]:
        """Those that there are, in any order."""
        return self.session.execute(select(SignalSet).where(col(SignalSet.id).in_(ids))).scalars().all()

    def placed(self, stream_id: str, position: int) -> set[tuple[int, str, str]]:
        """(position, type, subject) of what the stream has from that position on."""
        statement = select(SignalSet.position, SignalSet.type, SignalSet.subject).where(
            SignalSet.stream_id == stream_id, col(SignalSet.position) >= position
        )
        return {(row[0], row[1], row[2]) for row in self.session.execute(statement)}

    def waiting(self, row: SignalStream, limit: int) -> Sequence[SignalSet]:
        """What may be taken now and has not been yet, in the order of the feed."""
        ordered = select(SignalSet).where(*_waiting(row)).order_by(col(SignalSet.position), col(SignalSet.id)).limit(limit)
        return self.session.execute(ordered).scalars().all()

    def ready(self, row: SignalStream, limit: int) -> Sequence[SignalSet]:
        """What may be pushed now."""
        return lanes.ready(self.session, SignalSet, _waiting(row), self.now(), limit)

    def next_due(self, row: SignalStream) -> datetime | None:
        """When there is something to push, be it long ago; None when nothing waits."""
        return lanes.next_due(self.session, SignalSet, _waiting(row))

    def named(self, stream_id: str, ids: Sequence[str]) -> Sequence[SignalSet]:
        statement = select(SignalSet).where(SignalSet.stream_id == stream_id, col(SignalSet.id).in_(ids))
        return self.session.execute(statement.where(SignalSet.status == "pending")).scalars().all()

    def page(self, stream_id: str, *, before: str | None = None, limit: int = 50) -> Sequence[SignalSet]:
        """The newest first."""
        statement = select(SignalSet).where(SignalSet.stream_id == stream_id)
        if before is not None:
            statement = statement.where(col(SignalSet.id) < before)
        return self.session.execute(statement.order_by(col(SignalSet.id).desc()).limit(limit)).scalars().all()

    def counts(self, stream_id: str) -> dict[str, int]:
        """How many are pending and dead."""
        statement = (
            select(SignalSet.status, func.count())
            .where(SignalSet.stream_id == stream_id, col(SignalSet.status) != "delivered")
            .group_by(col(SignalSet.status))
        )
        return {str(row[0]): int(row[1]) for row in self.session.execute(statement)}

    def drop_waiting(self, stream_id: str) -> None:
        """Let go of what a stream held (SSF 8.1.2.1: a disabled one holds nothing)."""
        gone = delete(SignalSet).where(col(SignalSet.stream_id) == stream_id, col(SignalSet.status) == "pending")
        self.session.execute(gone.where(~col(SignalSet.control)), execution_options={"synchronize_session": False})

    def purge(self, until: datetime) -> int:
        old = delete(SignalSet).where(col(SignalSet.created_at) < until)
        return changed(self.session.execute(old, execution_options={"synchronize_session": False}))


class SignalSubjects(TenantRepository):
    def get(self, stream_id: str, digest: str) -> SignalSubject | None:
        return self.keyed(SignalSubject, stream_id, digest)

    def add(self, row: SignalSubject) -> None:
        self.session.add(row)
        self.session.flush()

    def remove(self, row: SignalSubject) -> None:
        self.session.delete(row)
        self.session.flush()

    def is_full(self, stream_id: str, at_most: int, *, is_complex: bool) -> bool:
        """Whether so many were taken off already."""
        statement = select(func.count()).select_from(SignalSubject).where(SignalSubject.stream_id == stream_id)
        found = self.session.execute(statement.where(col(SignalSubject.is_complex) == is_complex)).scalar_one()
        return int(found) >= at_most

    def concerning(self, stream_id: str, digests: Sequence[str]) -> Sequence[SignalSubject]:
        """The simple ones with one of these digests, and all complex ones."""
        mine = or_(col(SignalSubject.digest).in_(digests), col(SignalSubject.is_complex))
        statement = select(SignalSubject).where(SignalSubject.stream_id == stream_id, mine)
        return self.session.execute(statement).scalars().all()


def owner_of(queue: SignalQueue) -> TenantId:
    return TenantId(queue.tenant_id)
