"""An operator's key looks into a tenant: the tenant's trail says so, with the reason that came along, once an hour for each.

Pages ask for the reason first (``entering``). A program says it with every request, in ``X-Reason``; whether it must is the
operator's to choose. What an operator changes is an event of its own, and no look.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from idbroker.access.api_keys import Principal
from idbroker.access.permissions import Permission
from idbroker.audit.outbox import Outbox
from idbroker.kernel.errors import Forbidden
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.tenants.model import Tenant

HEADER = "x-reason"
MAX_REASON = 1000
EVERY = timedelta(hours=1)
KEPT = 10_000
OUTSIDE = frozenset(
    {Permission.TENANT_READ, Permission.USAGE_READ, Permission.OPERATE_TENANTS, Permission.OPERATE_SIGNING_KEYS}
)
"""What an operator's own business needs of a tenant: its name, state, tier and numbers, and public keys. All else is inside."""


class Looks:
    """Thread-safe. Remembers what was told already; another process tells it once more."""

    def __init__(self, database: Database, *, required: bool) -> None:
        self._database = database
        self._required = required
        self._told: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, principal: Principal, tenant: Tenant, permission: Permission, said: str | None, scope: TenantScope) -> None:
        """Before the look. Raises Forbidden when a reason is required and none came."""
        if permission in OUTSIDE:
            return
        reason = " ".join((said or "").split())[:MAX_REASON]
        if self._required and len(reason) < 3:
            raise Forbidden("reason_needed", "Say why in the header X-Reason, in 3 characters or more. The tenant can read it.")
        if not self._is_news((principal.key, tenant.id, reason), self._database.clock.now()):
            return
        context = {"by": "api_key", "reason": reason or None, "permission": str(permission)}
        with self._database.tenant(scope) as unit:
            unit[Outbox].record(Event("tenant.entered", Resource("tenant", tenant.id, tenant.name), context=context))

    def _is_news(self, look: tuple[str, str, str], now: datetime) -> bool:
        with self._lock:
            before = self._told.get(look)
            if before is not None and now - before < EVERY:
                return False
            self._told[look] = now
            self._told.move_to_end(look)
            if len(self._told) > KEPT:
                self._told.popitem(last=False)
            return True
