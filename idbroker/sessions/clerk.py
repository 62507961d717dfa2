"""What time does to tenants: trials end, patience ends. Each move is an event of the system's."""

from __future__ import annotations

import structlog

from idbroker.kernel.errors import Conflict
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.sessions.closing import Closing
from idbroker.storage.database import Database
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED, STEPS, Terms, due_step
from idbroker.tenants.model import Tenant, Tenants

log = structlog.get_logger("idbroker.tenants")


class LifeCycleClerk:
    def __init__(self, database: Database, closing: Closing, terms: Terms) -> None:
        self._database = database
        self._closing = closing
        self._terms = terms

    def run_due(self) -> int:
        """Move on whoever's time has come, and end what is still open where nobody may be signed in. How many were moved."""
        moved = sum(self._moved_on(tenant) for status in STEPS for tenant in self._longest_in(status))
        for status in set(STEPS) - SIGN_IN_ALLOWED:
            for tenant in self._longest_in(status):
                self._closing.end_sessions(TenantScope(tenant.tenant_id, SYSTEM), f"tenant_{status}")
        return moved

    def _longest_in(self, status: str) -> list[Tenant]:
        now = self._database.clock.now()
        with self._database.platform(SYSTEM, read_only=True) as unit:
            return list(unit[Tenants].in_state(status, now))

    def _moved_on(self, tenant: Tenant) -> int:
        step = due_step(tenant.status, tenant.status_since, self._database.clock.now(), self._terms)
        if step is None:
            return 0
        try:
            self._closing.move(TenantScope(tenant.tenant_id, SYSTEM), *step)
        except Conflict:
            return 0  # somebody has moved it in the meantime
        log.info("tenant moved on", tenant=tenant.id, to=step[0], reason=step[1])
        return 1
