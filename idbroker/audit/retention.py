"""How long records are kept, and letting them go: first a signed cut says what they were, then they are removed.

On PostgreSQL the server's role has no right to delete: it may only ask the database to apply the newest cut, and the database
removes nothing that is younger than 30 days, whatever is asked (``storage/rls.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog

from idbroker.audit.heads import AuditHeads
from idbroker.audit.notary import Notary, TrailBroken
from idbroker.audit.search import TrailSearch
from idbroker.audit.trail import Trail
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope

DAYS_KEPT: Mapping[str, int] = {"free": 30, "growth": 365, "enterprise": 7 * 365}
"""By tier. An unknown tier keeps the longest."""

PIECES = 200
"""Transactions in a row, so that one tenant's old records do not hold up the next one's."""

log = structlog.get_logger("idbroker.audit")


class Retention:
    def __init__(self, trail: Trail, notary: Notary, days_kept: Mapping[str, int] = DAYS_KEPT) -> None:
        self._trail = trail
        self._notary = notary
        self._days = days_kept

    def apply(self, tenant: TenantId, tier: str) -> int:
        """Cut what is older than the tier keeps. How many records were removed."""
        days = self._days.get(tier, max(self._days.values()))
        scope = TenantScope(tenant, SYSTEM)
        horizon = self._trail.store.clock.now() - timedelta(days=days)
        with self._trail.store.tenant(scope, read_only=True) as unit:
            size = unit[TrailSearch].all_older_than(horizon)
            cut = unit[AuditHeads].last_cut()
        if size > (cut.size if cut else 0):
            try:
                self._notary.cut(tenant, size, {"tier": tier, "days": days})
            except TrailBroken:
                log.exception("nothing was cut", tenant=tenant)
                return 0
        elif cut is None:
            return 0
        return self._remove(scope)

    def _remove(self, scope: TenantScope) -> int:
        removed = 0
        for _ in range(PIECES):
            with self._trail.store.tenant(scope) as unit:
                count = unit.dialect.apply_cut(unit.transaction.connection, scope.tenant)
            removed += count
            if not count:
                break
        return removed
