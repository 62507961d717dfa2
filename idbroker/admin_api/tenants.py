"""Tenants: made and moved through their life cycle by operators; a tenant's own keys see theirs and may name it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import merged, parse, read_body, read_object
from idbroker.admin_api.operation import API, TENANT, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, TEXT_QUERY, listing, page_of, read_text
from idbroker.admin_api.shapes import Body, Document, Name, Text, Time, shown
from idbroker.admin_api.versions import check_version, tagged
from idbroker.kernel.errors import Forbidden, NotFound, invalid_field
from idbroker.kernel.scope import TenantScope
from idbroker.limits.quota import MAX_PER_MINUTE, Quota, with_usual_burst
from idbroker.sessions.closing import Closing
from idbroker.storage.cells import HOME
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.entitlements import Plans, as_document
from idbroker.tenants.lifecycle import STEPS, Status, Tier
from idbroker.tenants.model import Tenant, Tenants
from idbroker.tenants.service import TenantService
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute, ScopedRoute

PATH = f"{API}/tenants"
Region = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
STATUS_QUERY = QueryParameter(
    name="status", description="Only those in that state.", schema={"type": "string", "enum": [*STEPS, "erased"]}
)
OPERATORS_FIELDS = frozenset({"tier", "region", "limits"})
PerMinute = Annotated[int, Field(ge=1, le=MAX_PER_MINUTE)]


class OwnLimit(Body):
    """``burst`` is a quarter of a minute's worth, at least 20, unless it is given."""

    per_minute: PerMinute
    burst: PerMinute | None = None

    def quota(self) -> Quota:
        return Quota(self.per_minute, self.burst) if self.burst else with_usual_burst(self.per_minute)


class OwnLimits(Body):
    """What the tenant is limited by in place of its tier's numbers."""

    sign_in: OwnLimit | None = None
    token: OwnLimit | None = None
    scim_read: OwnLimit | None = None
    scim_write: OwnLimit | None = None
    admin_read: OwnLimit | None = None
    admin_write: OwnLimit | None = None

    def stored(self) -> dict[str, Any] | None:
        quotas = {name: limit.quota() for name, limit in self if limit is not None}
        return {name: asdict(quota) for name, quota in quotas.items()} or None


class TenantFields(Body):
    """What can be changed later."""

    name: Name
    tier: Tier
    region: Region | None = None
    limits: OwnLimits | None = None


class NewTenant(TenantFields):
    slug: str
    cell: Annotated[str, StringConstraints(max_length=40)] | None = None
    status: Literal["prospect", "trial", "active"] = "trial"


class Transition(Body):
    to: Status
    reason: Text


class EntitlementsDocument(Document):
    tier: str
    connections: int | None
    domains: int | None
    directories: int | None
    log_streams: int | None
    custom_roles: int | None
    retention_days: int | None
    limits: dict[str, dict[str, int]]


class TenantDocument(Document):
    """``cell`` is told to operators alone."""

    id: str
    slug: str
    name: str
    tier: Tier
    status: Status
    region: str | None
    cell: str | None
    limits: dict[str, dict[str, int]] | None
    status_since: Time
    frozen_at: Time | None
    synthetic: bool
    created_at: Time
    updated_at: Time


class TenantCalls:
    def __init__(self, database: Database, service: TenantService, closing: Closing, plans: Plans) -> None:
        self._database = database
        self._service = service
        self._closing = closing
        self._plans = plans

    def operations(self) -> list[Operation]:
        operate = Permission.OPERATE_TENANTS
        return [
            Operation(
                name="create_tenant",
                area="Tenants",
                summary="Make a tenant. It begins as a trial, in which everything works, unless the body says otherwise.",
                row=PlatformRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=operate),
                body=NewTenant,
                answer=TenantDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_tenants",
                area="Tenants",
                summary="All tenants, oldest first.",
                row=PlatformRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=operate),
                query=(TEXT_QUERY, STATUS_QUERY, *PAGE_QUERY),
                answer=TenantDocument,
                many=True,
            ),
            Operation(
                name="get_tenant",
                area="Tenants",
                summary="One tenant, by id or slug.",
                row=ScopedRoute(
                    method="GET", path=TENANT, handler=self.get, limit="admin_read", permission=Permission.TENANT_READ
                ),
                answer=TenantDocument,
            ),
            Operation(
                name="update_tenant",
                area="Tenants",
                summary="Change a tenant's name; operators also its tier, region and limits.",
                row=ScopedRoute(
                    method="PATCH", path=TENANT, handler=self.update, limit="admin_write", permission=Permission.TENANT_WRITE
                ),
                body=TenantFields,
                partial=True,
                versioned=True,
                answer=TenantDocument,
            ),
            Operation(
                name="get_entitlements",
                area="Tenants",
                summary="What the tenant's tier includes; null is any number. A trial includes everything.",
                row=ScopedRoute(
                    method="GET",
                    path=f"{TENANT}/entitlements",
                    handler=self.entitlements,
                    limit="admin_read",
                    permission=Permission.TENANT_READ,
                ),
                answer=EntitlementsDocument,
            ),
            Operation(
                name="move_tenant_to_state",
                area="Tenants",
                summary="Move a tenant to another state of its life cycle, saying why.",
                row=ScopedRoute(
                    method="POST",
                    path=f"{TENANT}/transitions",
                    handler=self.transition,
                    limit="admin_write",
                    permission=operate,
                ),
                body=Transition,
                versioned=True,
                answer=TenantDocument,
                problems=(409,),
            ),
        ]

    def create(self, call: Call, unit: PlatformUnit) -> Answer:
        form = read_body(call, NewTenant)
        tenant = self._service.create(
            unit, slug=form.slug, name=form.name, tier=form.tier, status=form.status, region=form.region, cell=form.cell
        )
        if form.limits is not None:
            self._service.update(unit, tenant.tenant_id, {"limits": form.limits.stored()})
        return tagged(document(tenant, call), 201)

    def all(self, call: Call, unit: PlatformUnit) -> Answer:
        page = page_of(call, "tnt")
        return listing(
            unit[Tenants].page(text=read_text(call), status=_status(call), after=page.after, limit=page.fetch),
            page,
            lambda tenant: shown_tenant(tenant, call),
        )

    def get(self, call: Call, scope: TenantScope) -> Answer:
        with self._database.platform(scope.actor, read_only=True) as unit:
            return tagged(document(_known(unit, scope), call))

    def update(self, call: Call, scope: TenantScope) -> Answer:
        given = read_object(call)
        if not _is_operator(call) and OPERATORS_FIELDS & set(given):
            raise Forbidden("operators_only", "Tier, region and limits of a tenant are changed by operators only.")
        with self._database.platform(scope.actor) as unit:
            row = unit[Tenants].held(scope.tenant)
            if row is None:
                raise NotFound("tenant")
            check_version(call, document(row, call))
            current = {"name": row.name, "tier": row.tier, "region": row.region, "limits": row.limits or {}}
            form = parse(TenantFields, merged(current, given, deep=["limits"]))
            changes = {field: getattr(form, field) for field in given}
            if "limits" in changes:
                changes["limits"] = form.limits.stored() if form.limits is not None else None
            return tagged(document(self._service.update(unit, scope.tenant, changes), call))

    def transition(self, call: Call, scope: TenantScope) -> Answer:
        form = read_body(call, Transition)

        def check(row: Tenant) -> None:
            check_version(call, document(row, call))

        return tagged(document(self._closing.move(scope, form.to, form.reason, check), call))

    def entitlements(self, call: Call, scope: TenantScope) -> Answer:
        del call
        with self._database.platform(scope.actor, read_only=True) as unit:
            tenant = _known(unit, scope)
        included = self._plans.of(tenant.tier, tenant.status)
        return shown(EntitlementsDocument(tier=tenant.tier, **as_document(included)))


def _is_operator(call: Call) -> bool:
    return call.principal is not None and call.principal.tenant is None


def document(tenant: Tenant, call: Call) -> dict[str, Any]:
    return shown_tenant(tenant, call).model_dump(mode="json")


def shown_tenant(tenant: Tenant, call: Call) -> TenantDocument:
    cell = tenant.cell or HOME
    return TenantDocument.model_validate({**tenant.model_dump(), "cell": cell if _is_operator(call) else None})


def _status(call: Call) -> str | None:
    text = call.query.get("status") or None
    if text is not None and text not in (*STEPS, "erased"):
        raise invalid_field("/status", f"The states are: {', '.join(STEPS)}.")
    return text


def _known(unit: PlatformUnit, scope: TenantScope) -> Tenant:
    tenant = unit[Tenants].get(scope.tenant)
    if tenant is None:
        raise NotFound("tenant")
    return tenant
