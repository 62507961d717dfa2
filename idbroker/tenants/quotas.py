"""Which numbers a tenant is limited by: its tier's, with its own over them. Kept for a moment."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM
from idbroker.limits.names import LimitName
from idbroker.limits.quota import Quota, with_own
from idbroker.storage.database import Database
from idbroker.storage.own_tenant import own_tenant
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.entitlements import Plans
from idbroker.tenants.model import Tenant
from idbroker.tenants.registered import read_tenant

REMEMBERED = timedelta(seconds=2)
"""How long another process may go on with numbers that were changed."""

NOBODY: tuple[str, None] = ("free", None)
"""The tier and the own numbers of a tenant that is not there."""


class TenantQuotas:
    def __init__(self, database: Database, clock: Clock, plans: Plans | None = None, *, cached: int = 20_000) -> None:
        self._database = database
        self._plans = plans or Plans()
        self._clock = clock
        self._cached = cached
        self._known: dict[TenantId, tuple[Mapping[LimitName, Quota], datetime]] = {}
        self._lock = threading.Lock()

    def known(self, tenant: TenantId, name: LimitName) -> Quota | None:
        """Without asking the database: None when that is needed."""
        found = self._known.get(tenant)
        return found[0][name] if found is not None and self._clock.now() < found[1] else None

    def of(self, tenant: TenantId, name: LimitName, unit: PlatformUnit | TenantUnit | None = None) -> Quota:
        """``unit`` is the one that is open already, if any: no thread waits for a second connection with one in hand."""
        known = self.known(tenant, name)
        if known is not None:
            return known
        if isinstance(unit, TenantUnit):
            return self._remember(tenant, *(own_tenant(unit, "tier", "limits") or NOBODY))[name]
        if unit is not None:
            return self._keep(tenant, read_tenant(unit, tenant))[name]
        with self._database.platform(SYSTEM, read_only=True) as own:
            return self._keep(tenant, read_tenant(own, tenant))[name]

    def changed(self, row: Tenant) -> None:
        """The tenant's tier or numbers were changed here."""
        self._keep(row.tenant_id, row)

    def _keep(self, tenant: TenantId, row: Tenant | None) -> Mapping[LimitName, Quota]:
        return self._remember(tenant, *(NOBODY if row is None else (row.tier, row.limits)))

    def _remember(self, tenant: TenantId, tier: str, own: Mapping[str, Any] | None) -> Mapping[LimitName, Quota]:
        quotas = with_own(self._plans.limits(tier), own)
        with self._lock:
            if len(self._known) >= self._cached:
                self._known.clear()
            self._known[tenant] = (quotas, self._clock.now() + REMEMBERED)
        return quotas
