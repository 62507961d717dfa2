"""Break-glass: an operator works in a tenant's administration for an hour, saying why, and the tenant's trail holds it."""

from __future__ import annotations

from idbroker.admins.sessions import AdminSessions
from idbroker.admins.visits import Visit
from idbroker.audit.outbox import Outbox
from idbroker.kernel.errors import invalid_field
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.scope import TenantScope
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenant

MAX_REASON = 1000


def enter(unit: PlatformUnit, visit: Visit, tenant: Tenant, reason: str) -> None:
    """Raises Invalid without a reason."""
    said = reason.strip()
    if not 3 <= len(said) <= MAX_REASON:
        raise invalid_field("/reason", f"Say why, in 3 to {MAX_REASON} characters. The tenant can read it.")
    unit[AdminSessions].enter(visit.session, tenant.tenant_id, said)
    with unit.enter(TenantScope(tenant.tenant_id, unit.actor)) as inside:
        inside[Outbox].record(Event("tenant.entered", Resource("tenant", tenant.id, tenant.name), context={"reason": said}))
