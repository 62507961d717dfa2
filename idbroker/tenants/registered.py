"""A tenant as the endpoints read it at every request: shared, read-only, and as new as the transaction."""

from __future__ import annotations

from typing import cast

from idbroker.kernel.ids import is_id
from idbroker.storage.statements import clients
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import SLUG, Tenant


def read_tenant(unit: PlatformUnit, slug_or_id: str) -> Tenant | None:
    """To be read and never changed: what changes a tenant goes through ``Tenants``."""
    if is_id(slug_or_id, "tnt"):
        return cast("Tenant | None", clients.tenant(unit, slug_or_id))
    return cast("Tenant | None", clients.tenant(unit, slug_or_id, by_slug=True)) if SLUG.fullmatch(slug_or_id) else None
