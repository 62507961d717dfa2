"""Configurations that are not live: those that stand beside a connection as candidates, and the one that it had before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, delete
from sqlmodel import Field, col, select

from idbroker.storage.rows import JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, changed

ADMIN, REFRESH = "admin", "refresh"
"""Who proposed a candidate."""


class ConnectionCandidate(TenantRow, table=True):
    """A configuration beside the live one. It never changes; a better one is another candidate."""

    __tablename__ = "connection_candidates"
    __table_args__ = (Index("ix_connection_candidates_tenant_id_connection_id", "tenant_id", "connection_id"),)

    id: str = Field(primary_key=True)
    connection_id: str
    label: str
    origin: str
    vendor: str
    settings: dict[str, Any] = Field(sa_type=JsonColumn)
    secrets_sealed: bytes
    options: dict[str, Any] = Field(sa_type=JsonColumn)
    attribute_mapping: dict[str, str] = Field(sa_type=JsonColumn)
    warnings: list[dict[str, str]] = Field(sa_type=JsonColumn)
    content_digest: str
    """Of what a refresh proposes, so that it proposes the same thing once."""
    created_at: datetime = Field(sa_type=UtcDateTime)


class PreviousConfiguration(TenantRow, table=True):
    """What a connection had before the last promotion: the one call back."""

    __tablename__ = "previous_configurations"

    connection_id: str = Field(primary_key=True)
    version: int
    vendor: str
    settings: dict[str, Any] = Field(sa_type=JsonColumn)
    secrets_sealed: bytes
    options: dict[str, Any] = Field(sa_type=JsonColumn)
    attribute_mapping: dict[str, str] = Field(sa_type=JsonColumn)
    warnings: list[dict[str, str]] = Field(sa_type=JsonColumn)
    replaced_at: datetime = Field(sa_type=UtcDateTime)


class Candidates(TenantRepository):
    def add(self, row: ConnectionCandidate) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, candidate_id: str) -> ConnectionCandidate | None:
        return self.keyed(ConnectionCandidate, candidate_id)

    def page(self, connection_id: str, *, after: str | None = None, limit: int = 50) -> Sequence[ConnectionCandidate]:
        statement = (
            select(ConnectionCandidate)
            .where(ConnectionCandidate.connection_id == connection_id)
            .order_by(col(ConnectionCandidate.id))
            .limit(limit)
        )
        if after:
            statement = statement.where(col(ConnectionCandidate.id) > after)
        return self.session.execute(statement).scalars().all()

    def held(self, connection_id: str) -> Sequence[ConnectionCandidate]:
        """Those that a refresh proposed."""
        statement = select(ConnectionCandidate).where(
            ConnectionCandidate.connection_id == connection_id, ConnectionCandidate.origin == REFRESH
        )
        return self.session.execute(statement).scalars().all()

    def take(self, candidate_id: str) -> bool:
        """Remove it, for one caller only: whoever comes second finds nothing."""
        statement = delete(ConnectionCandidate).where(col(ConnectionCandidate.id) == candidate_id)
        return changed(self.session.execute(statement.execution_options(synchronize_session=False))) == 1

    def forget(self, connection_id: str) -> None:
        """The connection is gone, and whatever it was or might have been with it."""
        for cls in (ConnectionCandidate, PreviousConfiguration):
            statement = delete(cls).where(col(cls.connection_id) == connection_id)
            self.session.execute(statement.execution_options(synchronize_session=False))


class PreviousConfigurations(TenantRepository):
    def get(self, connection_id: str) -> PreviousConfiguration | None:
        return self.keyed(PreviousConfiguration, connection_id)

    def put(self, row: PreviousConfiguration) -> None:
        """Keep it in place of an older one."""
        standing = self.get(row.connection_id)
        if standing is None:
            self.session.add(row)
        else:
            for name, value in row.model_dump(exclude={"tenant_id", "connection_id"}).items():
                setattr(standing, name, value)
        self.session.flush()
