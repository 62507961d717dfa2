"""Streams as rows, and where the worker sees which are due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, delete, false
from sqlmodel import Field, col, select

from idbroker.storage.rows import IndexRow, JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.turns import Backlog, backlog, due_rows
from idbroker.storage.unit import PlatformRepository, TenantRepository


class LogStream(TenantRow, table=True):
    """``cursor`` is the last sequence that has arrived. ``attempting`` is the last one of a batch that was begun and
    may have arrived or not: it is sent again with the same bounds."""

    __tablename__ = "log_streams"

    id: str = Field(primary_key=True)
    type: str
    name: str
    settings: dict[str, Any] = Field(sa_type=JsonColumn)
    secret_names: list[str] = Field(sa_type=JsonColumn)
    secrets_sealed: bytes
    status: str = "active"
    """``active``; ``parked`` after failures; ``disabled`` by an admin."""
    cursor: int = Field(sa_type=BigInteger)
    attempting: int | None = Field(default=None, sa_type=BigInteger)
    failures: int = 0
    """In a row."""
    held_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_success_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_failure_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_error: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class LogStreamTurn(IndexRow, table=True):
    """When a stream is due, and who is at it: known without entering its tenant."""

    __tablename__ = "log_stream_turns"
    __table_args__ = (Index("ix_log_stream_turns_due_at", "due_at"), Index("ix_log_stream_turns_tenant_id", "tenant_id"))

    stream_id: str = Field(primary_key=True)
    status: str = "active"
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """None: it has all there is."""
    lease: str | None = None
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    wakes: int = 0
    """How often something was sealed: a worker that leaves sees whether it looked at all of it."""
    failing: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class LogStreamTurns(PlatformRepository):
    def due(self, limit: int = 500) -> Sequence[LogStreamTurn]:
        return due_rows(self.unit, LogStreamTurn, limit, col(LogStreamTurn.status) == "active")

    def backlog(self) -> Backlog:
        return backlog(self.session, LogStreamTurn, self.now(), col(LogStreamTurn.status) == "active")

    def of(self, tenants: Sequence[str]) -> Sequence[tuple[str, str]]:
        """(tenant, stream) of all streams of those tenants, in one order everywhere, so that nobody waits in a ring."""
        statement = select(LogStreamTurn.tenant_id, LogStreamTurn.stream_id).where(
            col(LogStreamTurn.tenant_id).in_(tenants), LogStreamTurn.status == "active"
        )
        return [(row[0], row[1]) for row in self.session.execute(statement.order_by(col(LogStreamTurn.stream_id)))]


class LogStreams(TenantRepository):
    def add(self, row: LogStream) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, stream_id: str) -> LogStream | None:
        return self.keyed(LogStream, stream_id)

    def page(self, *, after: str | None = None, limit: int = 50) -> Sequence[LogStream]:
        statement = select(LogStream).order_by(col(LogStream.id)).limit(limit)
        if after:
            statement = statement.where(col(LogStream.id) > after)
        return self.session.execute(statement).scalars().all()

    def turn(self, stream_id: str) -> LogStreamTurn | None:
        """Locked until this transaction is over."""
        statement = select(LogStreamTurn).where(LogStreamTurn.stream_id == stream_id, LogStreamTurn.tenant_id == self.tenant)
        return self.session.execute(statement.with_for_update()).scalars().first()

    def fresh(self, stream_id: str) -> LogStream | None:
        """As it is now, for whoever holds its turn."""
        statement = select(LogStream).where(LogStream.id == stream_id)
        return self.session.execute(statement, execution_options={"populate_existing": True}).scalars().first()

    def delete(self, row: LogStream) -> None:
        mine = (col(LogStreamTurn.stream_id) == row.id, col(LogStreamTurn.tenant_id) == self.tenant)
        self.session.execute(delete(LogStreamTurn).where(*mine))
        self.session.delete(row)
