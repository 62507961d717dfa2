"""When a connection's metadata is read again, and how that went the last time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Index, delete, update
from sqlmodel import Field, col, select

from idbroker.storage.rows import IndexRow, TenantRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, TenantRepository, changed


class RefreshSchedule(IndexRow, table=True):
    """Whose connection is due when: what workers look through without opening a single tenant."""

    __tablename__ = "refresh_schedule"
    __table_args__ = (Index("ix_refresh_schedule_next_at", "next_at"),)

    connection_id: str = Field(primary_key=True)
    next_at: datetime = Field(sa_type=UtcDateTime)


class MetadataRefresh(TenantRow, table=True):
    """How reading went. ``failures`` counts since it last went well."""

    __tablename__ = "metadata_refreshes"

    connection_id: str = Field(primary_key=True)
    failures: int = 0
    etag: str | None = None
    last_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_error: str | None = None
    dismissed: str | None = None
    """The digest of a proposal that an admin has removed: it is not made again."""


class MetadataRefreshes(TenantRepository):
    def get(self, connection_id: str) -> MetadataRefresh | None:
        return self.keyed(MetadataRefresh, connection_id)

    def next_at(self, connection_id: str) -> datetime | None:
        row = self._scheduled(connection_id)
        return row.next_at if row is not None else None

    def plan(self, connection_id: str, at: datetime) -> None:
        """The next time, in place of the one that was planned."""
        row = self._scheduled(connection_id)
        if row is None:
            self.session.add(RefreshSchedule(tenant_id=self.tenant, connection_id=connection_id, next_at=at))
        else:
            row.next_at = at
        self.session.flush()

    def claim(self, connection_id: str, seen: datetime, until: datetime) -> bool:
        """Take a due refresh until then, for one worker only."""
        statement = (
            update(RefreshSchedule)
            .where(col(RefreshSchedule.connection_id) == connection_id, col(RefreshSchedule.next_at) == seen)
            .values(next_at=until)
        )
        return changed(self.session.execute(statement.execution_options(synchronize_session=False))) == 1

    def kept(self, connection_id: str) -> MetadataRefresh:
        """The record of that connection, made when there is none."""
        row = self.get(connection_id)
        if row is None:
            row = MetadataRefresh(tenant_id=self.tenant, connection_id=connection_id)
            self.session.add(row)
            self.session.flush()
        return row

    def forget(self, connection_id: str) -> None:
        for cls in (RefreshSchedule, MetadataRefresh):
            statement = delete(cls).where(col(cls.connection_id) == connection_id)
            self.session.execute(statement.execution_options(synchronize_session=False))

    def _scheduled(self, connection_id: str) -> RefreshSchedule | None:
        statement = select(RefreshSchedule).where(
            RefreshSchedule.connection_id == connection_id, RefreshSchedule.tenant_id == self.tenant
        )
        return self.session.execute(statement).scalars().first()


class DueRefreshes(PlatformRepository):
    """Asks the schedule; nothing else of a tenant is seen."""

    def due(self, limit: int) -> Sequence[RefreshSchedule]:
        statement = (
            select(RefreshSchedule)
            .where(col(RefreshSchedule.next_at) <= self.now())
            .order_by(col(RefreshSchedule.next_at))
            .limit(limit)
        )
        return self.session.execute(statement).scalars().all()
