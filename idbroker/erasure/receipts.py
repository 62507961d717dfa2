"""What was erased, where, and how far it has come: rows that outlive what they tell of, and hold ids and counts alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, col, select

from idbroker.kernel.clock import rfc3339
from idbroker.storage.rows import JsonColumn, PlatformRow, TenantRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, TenantRepository


class PersonErasure(TenantRow, table=True):
    """One person's. ``owners``: the ids by which the trail knew him; ``stores``: what was done where, in order."""

    __tablename__ = "person_erasures"
    __table_args__ = (
        Index("ix_person_erasures_tenant_id_user_id", "tenant_id", "user_id"),
        Index("ix_person_erasures_tenant_id_completed_at", "tenant_id", "completed_at"),
    )

    id: str = Field(primary_key=True)
    user_id: str
    requested_at: datetime = Field(sa_type=UtcDateTime)
    requested_by: str
    """Type and id of whoever wanted it."""
    reason: str | None = None
    owners: list[str] = Field(sa_type=JsonColumn)
    strangers: list[str] = Field(sa_type=JsonColumn)
    """The ids by which the operators' own trail knew his addresses."""
    stores: list[dict[str, Any]] = Field(sa_type=JsonColumn)
    completed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def noted(self, store: str) -> bool:
        return any(one["store"] == store for one in self.stores)

    def note(self, store: str, at: datetime, **found: Any) -> None:
        self.stores = [*self.stores, {"store": store, "at": rfc3339(at), **found}]


class PersonErasures(TenantRepository):
    def add(self, row: PersonErasure) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, erasure_id: str) -> PersonErasure | None:
        return self.keyed(PersonErasure, erasure_id)

    def of_person(self, user_id: str) -> PersonErasure | None:
        statement = select(PersonErasure).where(PersonErasure.user_id == user_id).order_by(col(PersonErasure.id)).limit(1)
        return self.session.execute(statement).scalars().first()

    def unfinished(self, limit: int = 20) -> Sequence[PersonErasure]:
        statement = select(PersonErasure).where(col(PersonErasure.completed_at).is_(None)).order_by(col(PersonErasure.id))
        return self.session.execute(statement.limit(limit)).scalars().all()

    def page(self, *, after: str | None = None, limit: int = 50) -> Sequence[PersonErasure]:
        """Newest first; ``after`` is the last id of the page before."""
        statement = select(PersonErasure).order_by(col(PersonErasure.id).desc()).limit(limit)
        if after is not None:
            statement = statement.where(col(PersonErasure.id) < after)
        return self.session.execute(statement).scalars().all()


class TenantErasure(PlatformRow, table=True):
    """A whole tenant's: what is left of it beside its tombstone. ``receipt`` is signed when all of it is done."""

    __tablename__ = "tenant_erasures"
    __table_args__ = (Index("ix_tenant_erasures_completed_at", "completed_at"),)

    tenant_id: str = Field(primary_key=True)
    begun_at: datetime = Field(sa_type=UtcDateTime)
    requested_by: str
    reason: str | None = None
    stores: list[dict[str, Any]] = Field(sa_type=JsonColumn)
    waiting_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Until when the audit store keeps the youngest records, whatever is asked."""
    completed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    receipt: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)

    def done(self, store: str) -> bool:
        return any(one["store"] == store for one in self.stores)

    def note(self, store: str, at: datetime, **found: Any) -> None:
        self.stores = [*self.stores, {"store": store, "at": rfc3339(at), **found}]


class TenantErasures(PlatformRepository):
    def add(self, row: TenantErasure) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, tenant_id: str) -> TenantErasure | None:
        return self.keyed(TenantErasure, tenant_id)

    def held(self, tenant_id: str) -> TenantErasure | None:
        """The row, for this transaction alone."""
        statement = select(TenantErasure).where(TenantErasure.tenant_id == tenant_id).with_for_update()
        return self.session.execute(statement.execution_options(populate_existing=True)).scalars().first()

    def unfinished(self, now: datetime, limit: int = 20) -> Sequence[TenantErasure]:
        """Those that can go on now."""
        statement = select(TenantErasure).where(col(TenantErasure.completed_at).is_(None)).limit(limit)
        rows = self.session.execute(statement.order_by(col(TenantErasure.begun_at))).scalars().all()
        return [row for row in rows if row.waiting_until is None or row.waiting_until <= now]
