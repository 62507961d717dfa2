"""Receivers: the identity provider of a connection as a transmitter of signals. What it is called, whose keys it has, and
where it is polled when it does not push."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import Index, delete
from sqlmodel import Field as Column
from sqlmodel import col, select

from idbroker.audit.outbox import Outbox
from idbroker.connections.model import Connection, Connections
from idbroker.kernel.addresses import BadAddress, checked_url
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.storage.database import Database
from idbroker.storage.rows import IndexRow, JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, TenantRepository, TenantUnit

POLL_EVERY = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
TOKEN_PURPOSE = "signal-source-token:"


class SignalSource(TenantRow, table=True):
    """One for a connection at most."""

    __tablename__ = "signal_sources"

    connection_id: str = Column(primary_key=True)
    enabled: bool
    issuer: str
    jwks_uri: str
    audience: list[str] = Column(sa_type=JsonColumn)
    poll_url: str | None = None
    poll_token_sealed: bytes | None = None
    failures: int = 0
    """Polls in a row."""
    last_received_at: datetime | None = Column(default=None, sa_type=UtcDateTime)
    last_refused_at: datetime | None = Column(default=None, sa_type=UtcDateTime)
    last_error: str | None = None
    created_at: datetime = Column(sa_type=UtcDateTime)
    updated_at: datetime = Column(sa_type=UtcDateTime)


class SignalPoll(IndexRow, table=True):
    """Which connection's provider is to be polled, and when."""

    __tablename__ = "signal_polls"
    __table_args__ = (Index("ix_signal_polls_due_at", "due_at"), Index("ix_signal_polls_tenant_id", "tenant_id"))

    connection_id: str = Column(primary_key=True)
    due_at: datetime = Column(sa_type=UtcDateTime)


class SignalPolls(PlatformRepository):
    def due(self, limit: int = 200) -> Sequence[SignalPoll]:
        statement = select(SignalPoll).where(col(SignalPoll.due_at) <= self.now()).order_by(col(SignalPoll.due_at))
        return self.session.execute(statement.limit(limit)).scalars().all()


class SignalSources(TenantRepository):
    def get(self, connection_id: str) -> SignalSource | None:
        return self.keyed(SignalSource, connection_id)

    def add(self, row: SignalSource) -> None:
        self.session.add(row)
        self.session.flush()

    def all(self) -> Sequence[SignalSource]:
        return self.session.execute(select(SignalSource)).scalars().all()

    def poll(self, connection_id: str) -> SignalPoll | None:
        """Locked until this transaction is over."""
        statement = select(SignalPoll).where(SignalPoll.connection_id == connection_id, SignalPoll.tenant_id == self.tenant)
        return self.session.execute(statement.with_for_update()).scalars().first()

    def plan(self, connection_id: str, due_at: datetime | None) -> None:
        """When it is polled next; None for never."""
        row = self.poll(connection_id)
        if due_at is None and row is not None:
            self.session.delete(row)
        elif due_at is not None and row is not None:
            row.due_at = due_at
        elif due_at is not None:
            self.session.add(SignalPoll(tenant_id=self.tenant, connection_id=connection_id, due_at=due_at))
        self.session.flush()

    def delete(self, row: SignalSource) -> None:
        self.session.execute(delete(SignalPoll).where(col(SignalPoll.connection_id) == row.connection_id))
        self.session.delete(row)
        self.session.flush()


class SignalSourceForm(BaseModel):
    """What an admin says of his provider. Without ``jwks_uri`` it is found at the issuer; without ``poll_token`` the one that
    is kept stays."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    enabled: bool = True
    issuer: Annotated[str, Field(max_length=2048)] | None = None
    jwks_uri: Annotated[str, Field(max_length=2048)] | None = None
    audience: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=500)]], Field(min_length=1, max_length=10)] | None
    ) = None
    poll_url: Annotated[str, Field(max_length=2048)] | None = None
    poll_token: Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[\x21-\x7e]+$")] | None = None

    @field_validator("issuer", "jwks_uri", "poll_url")
    @classmethod
    def _checked(cls, url: str | None) -> str | None:
        try:
            return None if url is None else checked_url(url)
        except BadAddress as error:
            raise ValueError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Expected:
    """What a SET of that provider must say, and where its keys are."""

    issuer: str
    jwks_uri: str
    audience: Sequence[str]


class SignalSourceService:
    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope

    def put(self, unit: TenantUnit, connection: Connection, form: SignalSourceForm, expected: Expected) -> SignalSource:
        """Set or change it."""
        row, now = unit[SignalSources].get(connection.id), unit.clock.now()
        wanted: dict[str, Any] = {
            "enabled": form.enabled,
            "issuer": expected.issuer,
            "jwks_uri": expected.jwks_uri,
            "audience": list(expected.audience),
            "poll_url": form.poll_url,
        }
        if row is None:
            row = SignalSource(
                tenant_id=unit.scope.tenant, connection_id=connection.id, created_at=now, updated_at=now, **wanted
            )
            told = {name: Change(None, value) for name, value in wanted.items() if value is not None}
            unit[SignalSources].add(row)
        else:
            told = {name: Change(getattr(row, name), value) for name, value in wanted.items() if getattr(row, name) != value}
            for name, change in told.items():
                setattr(row, name, change.after)
        if form.poll_token is not None:
            row.poll_token_sealed = self._envelope.seal(unit, TOKEN_PURPOSE + connection.id, form.poll_token.encode())
            told["poll_token"] = Change(None, "set")
        if form.poll_url is None:
            row.poll_token_sealed = None
        row.failures, row.updated_at = 0, now
        unit[SignalSources].plan(connection.id, now if form.enabled and form.poll_url is not None else None)
        if told:
            unit[Outbox].record(Event("signal_source.configured", about(connection), told))
        return row

    def delete(self, unit: TenantUnit, connection: Connection, row: SignalSource) -> None:
        unit[Outbox].record(Event("signal_source.removed", about(connection)))
        unit[SignalSources].delete(row)

    def poll_token(self, unit: TenantUnit, row: SignalSource) -> str | None:
        sealed = row.poll_token_sealed
        return None if sealed is None else self._envelope.open(unit, TOKEN_PURPOSE + row.connection_id, sealed).decode()


def about(connection: Connection) -> Resource:
    return Resource("connection", connection.id, connection.name)


def forget_sources(database: Database, scope: TenantScope) -> int:
    """Those whose connection is gone."""
    with database.tenant(scope, read_only=True) as unit:
        orphans = [row.connection_id for row in unit[SignalSources].all() if unit[Connections].get(row.connection_id) is None]
    for connection_id in orphans:
        with database.tenant(scope) as unit:
            row = unit[SignalSources].get(connection_id)
            if row is not None:
                unit[SignalSources].delete(row)
    return len(orphans)
