"""From an API key or a session to a unit: who calls, may he, in which tenant. The only place where administration gets its
scope.
"""

from __future__ import annotations

from dataclasses import replace

from idbroker.access.api_keys import ApiKeys, Principal
from idbroker.access.permissions import Permission
from idbroker.admins.looking import HEADER, Looks
from idbroker.admins.sessions import AdminSessions
from idbroker.admins.visits import Visit, visit_of
from idbroker.kernel.errors import Forbidden, NotFound, Refusal
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.lifecycle import check_administration
from idbroker.tenants.model import Tenant, Tenants
from idbroker.tenants.registered import read_tenant
from idbroker.web.call import Answer, Call
from idbroker.web.cookies import AdminCookies
from idbroker.web.csrf import check_form
from idbroker.web.idempotency import Idempotency
from idbroker.web.route import KeyRoute, OpenRoute, PageRoute, PlatformRoute, Row, ScopedRoute, TenantRoute

SHOWING = ("/explain", "/dry-runs")
"""Ends of paths that are POSTed to, change nothing, and show what is kept."""


class Unauthenticated(Refusal):
    status = 401

    def __init__(self) -> None:
        super().__init__("unauthenticated", "A valid API key is needed: Authorization: Bearer <API key>.")


class NotSignedIn(Refusal):
    """A page of administration without a session."""

    status = 401

    def __init__(self) -> None:
        super().__init__("not_signed_in", "Please sign in.")


class NotEntered(Forbidden):
    """An operator at the door of a tenant. ``tenant``: its slug."""

    def __init__(self, tenant: str) -> None:
        super().__init__("tenant_not_entered", "Say first why you want to work in this tenant; its trail will hold the reason.")
        self.tenant = tenant


class Tenancy:
    """``idempotency`` is None where no answers are kept, ``looks`` where nobody is told of an operator's."""

    def __init__(
        self,
        database: Database,
        cookies: AdminCookies | None = None,
        idempotency: Idempotency | None = None,
        looks: Looks | None = None,
    ) -> None:
        self._looks = looks
        self._database = database
        self._cookies = cookies
        self._idempotency = idempotency

    def run(self, row: Row, call: Call) -> Answer:
        """Answer the call by that row. Raises Refusal."""
        if isinstance(row, OpenRoute):
            return row.handler(call)
        if isinstance(row, PageRoute):
            return self._page(row, call)
        with self._database.platform(call.actor, read_only=True) as unit:
            principal = _key_holder(unit, call)
            _charge(unit, call, principal)
            tenant = _permitted(unit, principal, row.permission, call.path_params.get("tenant"))
            _check_state(unit, principal, row)
            looked_into = _looked_into(unit, principal, row, call, tenant)
        proven = replace(call, principal=principal)
        if self._looks is not None and looked_into is not None:
            scope = TenantScope(looked_into.tenant_id, proven.actor, call.request_id)
            self._looks.note(principal, looked_into, row.permission, call.headers.get(HEADER), scope)
        if self._idempotency is None:
            return self._answered(row, proven, tenant)
        owner = tenant.tenant_id if tenant is not None else None
        return self._idempotency.answered(proven, owner, lambda: self._answered(row, proven, tenant))

    def run_as(self, row: Row, call: Call) -> Answer:
        """The same for a principal that is proven already: a page asks on behalf of whoever looks at it."""
        if isinstance(row, OpenRoute | PageRoute) or call.principal is None:
            raise TypeError("only rows of the Admin API, for somebody")
        with self._database.platform(call.actor, read_only=True) as unit:
            tenant = _permitted(unit, call.principal, row.permission, call.path_params.get("tenant"))
            _check_state(unit, call.principal, row)
        return self._answered(row, call, tenant)

    def _answered(self, row: PlatformRoute | TenantRoute | ScopedRoute | KeyRoute, call: Call, tenant: Tenant | None) -> Answer:
        read_only = row.method == "GET"
        if isinstance(row, KeyRoute):
            return row.handler(call, principal_of(call))
        if isinstance(row, PlatformRoute):
            with self._database.platform(call.actor, read_only=read_only) as unit:
                return row.handler(call, unit)
        if tenant is None:
            raise NotFound("tenant")
        scope = TenantScope(tenant.tenant_id, call.actor, call.request_id)
        if isinstance(row, ScopedRoute):
            return row.handler(call, scope)
        with self._database.tenant(scope, read_only=read_only) as inside:
            return row.handler(call, inside)

    def _page(self, row: PageRoute, call: Call) -> Answer:
        cookie = self._cookies.presented(call, row.session) if self._cookies is not None else None
        with self._database.platform(call.actor, read_only=True) as unit:
            visit = visit_of(unit, cookie, "setup" if row.session == "setup" else None) if cookie else None
            if visit is None:
                raise NotSignedIn
            if row.method == "POST":
                check_form(call, visit.form_token)
            _charge(unit, call, visit.principal)
            tenant = _permitted(unit, visit.principal, row.permission, call.path_params.get("tenant"))
            if row.inside and tenant is not None and visit.is_operator:
                _check_entered(unit, visit, tenant)
            if row.session == "setup" and visit.principal.tenant is not None:
                tenant = unit[Tenants].get(visit.principal.tenant)
        if visit.stale:
            with self._database.platform(call.actor) as unit:
                unit[AdminSessions].seen(visit.session)
        return row.handler(replace(call, principal=visit.principal), replace(visit, tenant=tenant))


def principal_of(call: Call) -> Principal:
    """Of a call whose caller has been proven."""
    if call.principal is None:
        raise Unauthenticated
    return call.principal


def _check_state(unit: PlatformUnit, principal: Principal, row: PlatformRoute | TenantRoute | ScopedRoute | KeyRoute) -> None:
    """Raise Forbidden when the state of the tenant whose principal this is does not let it do that. Operators always may."""
    home = read_tenant(unit, principal.tenant) if principal.tenant is not None else None
    if home is not None:
        check_administration(
            home.status,
            home.status_since,
            unit.clock.now(),
            writes=row.method != "GET",
            exports=row.method == "GET" and row.path.endswith(("/export", "/{tenant}")),
            frozen=home.frozen_at is not None,
        )


def _looked_into(
    unit: PlatformUnit,
    principal: Principal,
    row: PlatformRoute | TenantRoute | ScopedRoute | KeyRoute,
    call: Call,
    tenant: Tenant | None,
) -> Tenant | None:
    """The tenant into which an operator's key looks with this call; None when it does not."""
    if principal.tenant is not None or not (row.method == "GET" or row.path.endswith(SHOWING)):
        return None
    if tenant is None and isinstance(row, PlatformRoute | KeyRoute) and row.whose is not None:
        return _visible_tenant(unit, principal, row.whose(unit, call))
    return tenant


def _charge(unit: PlatformUnit, call: Call, principal: Principal) -> None:
    """Raises TooMany."""
    if principal.tenant is None:
        call.meter.proven_operator(principal.key)
    else:
        call.meter.proven(principal.tenant, unit)


def _key_holder(unit: PlatformUnit, call: Call) -> Principal:
    scheme, _, presented = call.headers.get("authorization", "").partition(" ")
    principal = unit[ApiKeys].authenticate(presented.strip()) if scheme.lower() == "bearer" else None
    if principal is None:
        raise Unauthenticated
    return principal


def _permitted(unit: PlatformUnit, principal: Principal, permission: Permission, wanted: str | None) -> Tenant | None:
    """The tenant of ``wanted``. Raises NotFound for any that this principal may not know of, then Forbidden."""
    tenant = _visible_tenant(unit, principal, wanted)
    if wanted is not None and tenant is None:
        raise NotFound("tenant")
    if permission not in principal.permissions:
        raise Forbidden("forbidden", f"The permission {permission} is needed for this, and you do not have it.")
    return tenant


def _visible_tenant(unit: PlatformUnit, principal: Principal, wanted: str | None) -> Tenant | None:
    if wanted is None:
        return None
    tenant = unit[Tenants].find(wanted)
    if tenant is None or principal.tenant not in (None, tenant.id) or tenant.status == "erased":
        return None
    return tenant


def _check_entered(unit: PlatformUnit, visit: Visit, tenant: Tenant) -> None:
    if unit[AdminSessions].entry(visit.session, TenantId(tenant.id)) is None:
        raise NotEntered(tenant.slug)
