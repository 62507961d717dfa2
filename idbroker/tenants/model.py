"""Tenants: the rows and the questions asked of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, false, func, or_, tuple_
from sqlmodel import Field, col, select

from idbroker.kernel.ids import TenantId, is_id
from idbroker.storage.cells import HOME
from idbroker.storage.rows import JsonColumn, PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository

SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Tenant(PlatformRow, table=True):
    """A customer of the SaaS company."""

    __tablename__ = "tenants"
    __table_args__ = (Index("ix_tenants_status_status_since", "status", "status_since"),)

    id: str = Field(primary_key=True)
    slug: str = Field(unique=True)
    name: str
    tier: str
    region: str | None = None
    cell: str | None = None
    """Where its rows are; None is home, the platform's own database."""
    status: str
    status_since: datetime = Field(sa_type=UtcDateTime, sa_column_kwargs={"nullable": True})
    frozen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Since when its own people may change nothing."""
    synthetic: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Made by ``tenant synth``, for load, chaos and demonstrations; counted apart."""
    limits: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    """Route class → ``{"per_minute", "burst"}``, in place of the tier's."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def tenant_id(self) -> TenantId:
        return TenantId(self.id)


class Tenants(PlatformRepository):
    def add(self, tenant: Tenant) -> None:
        self.session.add(tenant)
        self.session.flush()

    def get(self, tenant_id: str) -> Tenant | None:
        return self.keyed(Tenant, tenant_id)

    def held(self, tenant_id: str) -> Tenant | None:
        """The tenant as it is now, for this transaction alone."""
        statement = select(Tenant).where(Tenant.id == tenant_id).with_for_update()
        return self.session.execute(statement, execution_options={"populate_existing": True}).scalars().first()

    def by_slug(self, slug: str) -> Tenant | None:
        return self.session.execute(select(Tenant).where(Tenant.slug == slug)).scalars().first()

    def find(self, slug_or_id: str, *, erased: bool = False) -> Tenant | None:
        """By id when it has the shape of one, else by slug. ``erased``: the tombstones of erased ones too, of which nothing
        can be made or read any more."""
        if is_id(slug_or_id, "tnt"):
            found = self.get(slug_or_id)
        else:
            found = self.by_slug(slug_or_id) if SLUG.fullmatch(slug_or_id) else None
        return None if found is not None and found.status == "erased" and not erased else found

    def existing(self, tenant_ids: Sequence[str]) -> set[str]:
        """Which of those ids are a tenant's that is not erased."""
        found = self.session.execute(select(Tenant).where(col(Tenant.id).in_(tenant_ids), col(Tenant.status) != "erased"))
        return {row.id for row in found.scalars()}

    def in_state(self, status: str, until: datetime, after: Tenant | None = None, limit: int = 200) -> Sequence[Tenant]:
        """Those that came into that state at ``until`` or before, the longest first; behind ``after``, the last of a page."""
        statement = select(Tenant).where(col(Tenant.status) == status, col(Tenant.status_since) <= until)
        order = (col(Tenant.status_since), col(Tenant.id))
        if after is not None:
            statement = statement.where(tuple_(*order) > (after.status_since, after.id))
        return self.session.execute(statement.order_by(*order).limit(limit)).scalars().all()

    def page(
        self, *, text: str | None = None, status: str | None = None, after: str | None = None, limit: int = 50
    ) -> Sequence[Tenant]:
        """``text`` is looked for in slug and name, whatever the case."""
        statement = select(Tenant).order_by(col(Tenant.id)).limit(limit)
        if text:
            columns = (Tenant.slug, Tenant.name)
            statement = statement.where(or_(*(col(column).icontains(text, autoescape=True) for column in columns)))
        # Of an erased tenant there is nothing left to work on: it is listed where it is asked for.
        statement = statement.where(Tenant.status == status if status else Tenant.status != "erased")
        if after:
            statement = statement.where(col(Tenant.id) > after)
        return self.session.execute(statement).scalars().all()

    def count_by_status(self) -> dict[str, int]:
        """Of real ones: synthetic tenants are nobody's customers."""
        statement = select(Tenant.status, func.count()).where(~col(Tenant.synthetic)).group_by(col(Tenant.status))
        return {row[0]: row[1] for row in self.session.execute(statement)}

    def count_synthetic(self) -> int:
        statement = select(func.count()).select_from(Tenant).where(col(Tenant.synthetic), col(Tenant.status) != "erased")
        return int(self.session.execute(statement).scalar_one())

    def synthetic(self, *, after: str | None = None, limit: int = 50) -> Sequence[Tenant]:
        """Those that bear the mark and are not erased."""
        statement = select(Tenant).where(col(Tenant.synthetic), col(Tenant.status) != "erased")
        if after:
            statement = statement.where(col(Tenant.id) > after)
        return self.session.execute(statement.order_by(col(Tenant.id)).limit(limit)).scalars().all()

    def real_among(self, tenant_ids: Sequence[str]) -> list[Tenant]:
        """Those of the ids that are tenants, and not synthetic."""
        statement = select(Tenant).where(col(Tenant.id).in_(tenant_ids), ~col(Tenant.synthetic))
        return list(self.session.execute(statement.order_by(col(Tenant.id))).scalars())

    def count_by_cell(self) -> dict[str, int]:
        statement = select(Tenant.cell, func.count()).group_by(col(Tenant.cell))
        return {row[0] or HOME: row[1] for row in self.session.execute(statement)}
