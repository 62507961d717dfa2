"""From an API key to a unit: who calls, may he, in which tenant. The only place where administration gets its scope."""

from __future__ import annotations

from dataclasses import replace

from idbroker.access.api_keys import ApiKeys, Principal
from idbroker.access.permissions import Permission
from idbroker.kernel.errors import Forbidden, NotFound, Refusal
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from idbroker.web.route import KeyRoute, PlatformRoute, Row, ScopedRoute, TenantRoute


class Unauthenticated(Refusal):
    status = 401

    def __init__(self) -> None:
        super().__init__("unauthenticated", "A valid API key is needed: Authorization: Bearer <API key>.")


class Tenancy:
    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, row: Row, call: Call) -> Answer:
        """Answer the call by that row. Raises Refusal."""
        if isinstance(row, PlatformRoute):
            proven, _ = self._prove(row.permission, call, None)
            with self._database.platform(proven.actor, read_only=row.method == "GET") as unit:
                return row.handler(proven, unit)
        if isinstance(row, TenantRoute):
            proven, scope = self._prove_tenant(row.permission, call)
            with self._database.tenant(scope, read_only=row.method == "GET") as inside:
                return row.handler(proven, inside)
        if isinstance(row, ScopedRoute):
            return row.handler(*self._prove_tenant(row.permission, call))
        if isinstance(row, KeyRoute):
            proven, _ = self._prove(row.permission, call, None)
            return row.handler(proven, principal_of(proven))
        return row.handler(call)

    def _prove_tenant(self, permission: Permission, call: Call) -> tuple[Call, TenantScope]:
        wanted = call.path_params["tenant"]
        proven, tenant = self._prove(permission, call, wanted)
        if tenant is None:
            raise NotFound("tenant")
        return proven, TenantScope(tenant, proven.actor, call.request_id)

    def _prove(self, permission: Permission, call: Call, wanted: str | None) -> tuple[Call, TenantId | None]:
        """(the call with its principal, the tenant of ``wanted`` as far as this principal may know of it)."""
        scheme, _, presented = call.headers.get("authorization", "").partition(" ")
        with self._database.platform(call.actor, read_only=True) as unit:
            principal = unit[ApiKeys].authenticate(presented.strip()) if scheme.lower() == "bearer" else None
            if principal is None:
                raise Unauthenticated
            tenant = _visible_tenant(unit, principal, wanted)
        if wanted is not None and tenant is None:
            raise NotFound("tenant")
        if permission not in principal.permissions:
            raise Forbidden("forbidden", f"This API key does not have the permission {permission}.")
        return replace(call, principal=principal), tenant


def principal_of(call: Call) -> Principal:
    """Of a call whose key has been proven."""
    if call.principal is None:
        raise Unauthenticated
    return call.principal


def _visible_tenant(unit: PlatformUnit, principal: Principal, wanted: str | None) -> TenantId | None:
    if wanted is None:
        return None
    tenant = unit[Tenants].find(wanted)
    if tenant is None or principal.tenant not in (None, tenant.id):
        return None
    return tenant.tenant_id
