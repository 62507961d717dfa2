"""What time does to tenants: trials end, patience ends. Each move is an event of the system's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import structlog

from idbroker.kernel.errors import Conflict
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.sessions.closing import Closing
from idbroker.storage.database import Database
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED, STEPS, Status, Terms, due_steps
from idbroker.tenants.model import Tenant, Tenants

PAGE = 200

log = structlog.get_logger("idbroker.tenants")


class LifeCycleClerk:
    def __init__(self, database: Database, closing: Closing, terms: Terms) -> None:
        self._database = database
        self._closing = closing
        self._terms = terms

    def run_due(self) -> int:
        """Move on whoever's time has come, and end what is still open where nobody may be signed in. How many were moved.

        A tenant with which it fails, because its cell is away, waits for the next time and holds up nobody else.
        """
        now, moved = self._database.clock.now(), 0
        for status, (span, to, reason) in due_steps(self._terms).items():
            moved += sum(self._moved_on(tenant, to, reason) for tenant in self._in_state(status, now - span))
        for status in set(STEPS) - SIGN_IN_ALLOWED:
            for tenant in self._in_state(status, now):
                self._close(tenant)
        return moved

    def _in_state(self, status: str, until: datetime) -> Iterator[Tenant]:
        last = None
        while True:
            with self._database.platform(SYSTEM, read_only=True) as unit:
                page = unit[Tenants].in_state(status, until, last, PAGE)
            if not page:
                return
            yield from page
            last = page[-1]

    def _moved_on(self, tenant: Tenant, to: Status, reason: str) -> int:
        def check(held: Tenant) -> None:
            if (held.status, held.status_since) != (tenant.status, tenant.status_since):
                raise Conflict("illegal_transition", "Somebody has moved it meanwhile.")

        try:
            self._closing.move(TenantScope(tenant.tenant_id, SYSTEM), to, reason, check)
        except Conflict:
            return 0
        except Exception:
            log.exception("tenant not moved on", tenant=tenant.id, to=to)
            return 0
        log.info("tenant moved on", tenant=tenant.id, to=to, reason=reason)
        return 1

    def _close(self, tenant: Tenant) -> None:
        try:
            self._closing.end_what_is_open(TenantScope(tenant.tenant_id, SYSTEM), f"tenant_{tenant.status}")
        except Exception:
            log.exception("sessions of a closed tenant not ended", tenant=tenant.id)
