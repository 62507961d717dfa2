"""How long records are kept, and letting them go: first a signed cut says what they were, then they are removed.

On PostgreSQL the server's role has no right to delete: it may only ask the database to apply the newest cut, and the database
removes nothing that is younger than 30 days, whatever is asked (``storage/rls.py``).
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from idbroker.audit.heads import AuditHeads
from idbroker.audit.notary import Notary, TrailBroken
from idbroker.audit.search import TrailSearch
from idbroker.audit.trail import Trail
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope

PIECES = 200
"""Transactions in a row, so that one tenant's old records do not hold up the next one's."""

log = structlog.get_logger("idbroker.audit")


class Retention:
    def __init__(self, trail: Trail, notary: Notary) -> None:
        self._trail = trail
        self._notary = notary

    def apply(self, tenant: TenantId, tier: str, days: int | None) -> int:
        """Cut what is older than ``days``, None cutting nothing, and remove what a cut stands for. How many records went.

        ``tier`` is for the cut to name: why it is these days.
        """
        scope = TenantScope(tenant, SYSTEM)
        now = self._trail.store.clock.now()
        with self._trail.store.tenant(scope, read_only=True) as unit:
            size = 0 if days is None else unit[TrailSearch].all_older_than(now - timedelta(days=days))
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
