"""How a tenant looks to its own people: a name, a logo, a colour. Shown where the tenant is known, and nowhere before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Field, select

from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.storage.database import Database
from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, TenantUnit
from idbroker.tenants.images import Image

PATH = "/branding"


class Branding(TenantRow, table=True):
    """One row of each tenant that has chosen something. ``version`` is made of the content: addresses carry it."""

    __tablename__ = "brandings"

    name: str | None = None
    colour: str | None = None
    logo: bytes | None = None
    logo_type: str | None = None
    logo_width: int | None = None
    logo_height: int | None = None
    version: str
    updated_at: datetime = Field(sa_type=UtcDateTime)


class Brandings(TenantRepository):
    def get(self) -> Branding | None:
        return self.session.execute(select(Branding)).scalars().first()

    def mine(self) -> Branding:
        """The row, a fresh one if need be."""
        row = self.get()
        if row is None:
            row = Branding(tenant_id=self.tenant, version="", updated_at=self.now())
            self.session.add(row)
        return row


@dataclass(frozen=True, slots=True)
class Brand:
    """As a page shows it. ``sheet`` and ``logo`` are addresses, None where nothing was chosen."""

    name: str | None
    sheet: str | None
    logo: str | None


class BrandingService:
    def change(self, unit: TenantUnit, changes: Mapping[str, Any]) -> Branding:
        """``name``, ``colour`` and ``logo`` (an Image) as given; None takes away."""
        row = unit[Brandings].mine()
        told: dict[str, Change] = {}
        for name in ("name", "colour"):
            if name in changes and changes[name] != getattr(row, name):
                told[name] = Change(getattr(row, name), changes[name])
                setattr(row, name, changes[name])
        if "logo" in changes:
            before = _sum(row.logo)
            _put(row, changes["logo"])
            if _sum(row.logo) != before:
                told["logo"] = Change(before, _sum(row.logo))
        if told or not row.version:
            row.version = _sum(repr((row.name, row.colour)).encode() + (row.logo or b"")) or ""
            row.updated_at = unit.clock.now()
        if told:
            changes_told = {f"branding.{name}": change for name, change in told.items()}
            unit[Outbox].record(Event("tenant.updated", Resource("tenant", unit.scope.tenant), changes_told))
        return row


class Brands:
    """Brands by tenant, for the pages that people see."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, tenant: TenantId | str | None) -> Brand | None:
        """None where the tenant is not known or has chosen nothing."""
        row = self.row(tenant) if tenant else None
        if row is None:
            return None
        address = f"{PATH}/{row.tenant_id}/{row.version}"
        return Brand(row.name, f"{address}/style.css" if row.colour else None, f"{address}/logo" if row.logo else None)

    def row(self, tenant: TenantId | str) -> Branding | None:
        with self._database.tenant(TenantScope(TenantId(tenant), SYSTEM), read_only=True) as unit:
            return unit[Brandings].get()


def _put(row: Branding, image: Image | None) -> None:
    row.logo, row.logo_type = (image.body, image.media_type) if image else (None, None)
    row.logo_width, row.logo_height = (image.width, image.height) if image else (None, None)


def _sum(body: bytes | None) -> str | None:
    return hashlib.sha256(body).hexdigest()[:16] if body is not None else None
