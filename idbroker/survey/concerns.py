"""Looking, tenant by tenant, for what wants attention, and writing down where it has changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import IntegrityError

from idbroker.connections.service import ConnectionService
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.survey.endings import endings
from idbroker.survey.groups import in_groups
from idbroker.survey.model import Concerns, Kind
from idbroker.tenants.model import Tenant, Tenants
from idbroker.webhooks.model import WebhookDeliveries, Webhooks

WEBHOOKS = 200
TRIAL_SOON = timedelta(days=14)
"""A trial lasts a month or so: it is no news in the first half of it that it ends."""

Wanted = dict[tuple[Kind, str], tuple[datetime, int]]
"""(kind, of) → (when it ends or since when it is so, how many)."""

log = structlog.get_logger("idbroker.survey")


class ConcernWatch:
    """``trial``: how long trials last; None for ever."""

    def __init__(self, database: Database, connections: ConnectionService, trial: timedelta | None) -> None:
        self._database = database
        self._connections = connections
        self._trial = trial

    def look_at_each(self, tenants: Iterable[TenantId]) -> int:
        """At those tenants, the operator's own (``PLATFORM_TRAIL``) among them. Of how many something has changed."""
        count = 0
        for group in in_groups(tenants):
            with self._database.platform(SYSTEM, read_only=True) as unit:
                ends = {one.tenant_id: self._trial_ends(one) for one in unit[Tenants].real_among(group)}
            if PLATFORM_TRAIL in group:
                ends[PLATFORM_TRAIL] = None
            for tenant, trial_ends in ends.items():
                try:
                    count += self._look(tenant, trial_ends)
                except IntegrityError:
                    continue  # another worker is at it
                except Exception:
                    log.exception("concerns could not be looked for", tenant_id=tenant)
        return count

    def _look(self, tenant: TenantId, trial_ends: datetime | None) -> int:
        scope = TenantScope(tenant, SYSTEM)
        with self._database.tenant(scope, read_only=True) as unit:
            wanted = self._wanted(unit, trial_ends)
            if {(row.kind, row.of_id): (row.at, row.number) for row in unit[Concerns].all()} == wanted:
                return 0
        with self._database.tenant(scope) as unit:
            unit[Concerns].replace(wanted)
        return 1

    def _wanted(self, unit: TenantUnit, trial_ends: datetime | None) -> Wanted:
        wanted: Wanted = {}
        for one in endings(unit, self._connections):  # the soonest first
            at, number = wanted.get((one.kind, one.of), (one.ends_at, 0))
            wanted[one.kind, one.of] = (at, number + 1)
        for webhook in unit[Webhooks].page(limit=WEBHOOKS):
            number, since = unit[WebhookDeliveries].dead(webhook.id)
            if since is not None:
                wanted["dead_deliveries", webhook.id] = (since, number)
            if webhook.status == "parked":
                wanted["parked_webhook", webhook.id] = (webhook.last_failure_at or webhook.updated_at, webhook.failures)
        if trial_ends is not None and trial_ends < unit.clock.now() + TRIAL_SOON:
            wanted["trial", unit.scope.tenant] = (trial_ends, 1)
        return wanted

    def _trial_ends(self, tenant: Tenant) -> datetime | None:
        return tenant.status_since + self._trial if tenant.status == "trial" and self._trial is not None else None
