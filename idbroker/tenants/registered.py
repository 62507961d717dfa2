"""A tenant as the endpoints read it at every request: shared, read-only, and as new as the transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from idbroker.kernel.ids import is_id
from idbroker.storage.own_tenant import own_tenant
from idbroker.storage.statements import clients
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.model import SLUG, Tenant


def read_tenant(unit: PlatformUnit, slug_or_id: str) -> Tenant | None:
    """To be read and never changed: what changes a tenant goes through ``Tenants``."""
    if is_id(slug_or_id, "tnt"):
        return cast("Tenant | None", clients.tenant(unit, slug_or_id))
    return cast("Tenant | None", clients.tenant(unit, slug_or_id, by_slug=True)) if SLUG.fullmatch(slug_or_id) else None


@dataclass(frozen=True, slots=True)
class OwnTenant:
    """What a tenant's unit may know of the tenant itself."""

    tier: str
    status: str


def read_own_tenant(unit: TenantUnit) -> OwnTenant | None:
    """None for the platform's own trail."""
    found = own_tenant(unit, "tier", "status")
    return None if found is None else OwnTenant(*found)
