"""API keys: the operator's own and any tenant's by operators, a tenant's by its owners.

Nobody makes or revokes a key that can do more than himself."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from idbroker.access.admin_roles import check_grant, check_not_above
from idbroker.access.api_keys import OPERATORS, ApiKey, ApiKeys
from idbroker.access.permissions import Permission
from idbroker.admin_api.admin_roles import RoleName
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import API, TENANT, Operation
from idbroker.admin_api.paging import PAGE_QUERY, TEXT_QUERY, listing, page_of, path_id, read_text
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Name, Time, shown
from idbroker.audit.outbox import Outbox
from idbroker.kernel.errors import NotFound, invalid_field
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL, RequestId, TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute, ScopedRoute
from idbroker.web.tenancy import principal_of

PATH = f"{API}/api-keys"
OWN = f"{TENANT}/api-keys"
DEFAULT_ROLE = "admin"


class NewTenantKey(Body):
    name: Name
    role: RoleName = DEFAULT_ROLE


class NewKey(Body):
    """``tenant`` is an id or slug. ``tenant`` and ``role`` go with the scope tenant."""

    name: Name
    scope: Literal["operator", "tenant"]
    tenant: str | None = None
    role: RoleName | None = None

    @model_validator(mode="after")
    def _fits(self) -> NewKey:
        if self.scope == "operator" and (self.tenant is not None or self.role is not None):
            raise ValueError("an operator's key has neither tenant nor role")
        if self.scope == "tenant" and self.tenant is None:
            raise ValueError("a key of the scope tenant needs the tenant")
        return self


class KeyDocument(Document):
    id: str
    name: str
    scope: Literal["operator", "tenant"]
    tenant_id: str | None
    role: str
    created_at: Time
    revoked_at: Time | None


class NewKeyDocument(KeyDocument):
    """``key`` is shown this once."""

    key: str


class ApiKeyCalls:
    def __init__(self, database: Database) -> None:
        self._database = database

    def operations(self) -> list[Operation]:
        return [*self._of_operators(), *self._of_tenants()]

    def _of_operators(self) -> list[Operation]:
        operate = Permission.OPERATE_KEYS
        return [
            Operation(
                name="create_api_key",
                area="API keys",
                summary="Make an operator's key, or a key of any tenant. It is shown this once.",
                row=PlatformRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=operate),
                body=NewKey,
                answer=NewKeyDocument,
                status=201,
            ),
            Operation(
                name="list_api_keys",
                area="API keys",
                summary="The operators' keys, oldest first, revoked ones included. A tenant's are below the tenant.",
                row=PlatformRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=operate),
                query=(TEXT_QUERY, *PAGE_QUERY),
                answer=KeyDocument,
                many=True,
            ),
            Operation(
                name="revoke_api_key",
                area="API keys",
                summary="Revoke any key, at once.",
                row=PlatformRoute(
                    method="DELETE", path=f"{PATH}/{{key}}", handler=self.revoke, limit="admin_write", permission=operate
                ),
                status=204,
            ),
        ]

    def _of_tenants(self) -> list[Operation]:
        write = Permission.API_KEYS_WRITE
        return [
            Operation(
                name="create_tenant_api_key",
                area="API keys",
                summary="Make a key of this tenant. It is shown this once, and never can more than its maker's.",
                row=ScopedRoute(method="POST", path=OWN, handler=self.create_own, limit="admin_write", permission=write),
                body=NewTenantKey,
                answer=NewKeyDocument,
                status=201,
            ),
            Operation(
                name="list_tenant_api_keys",
                area="API keys",
                summary="The tenant's keys, oldest first, revoked ones included.",
                row=ScopedRoute(method="GET", path=OWN, handler=self.all_own, limit="admin_read", permission=write),
                query=(TEXT_QUERY, *PAGE_QUERY),
                answer=KeyDocument,
                many=True,
            ),
            Operation(
                name="revoke_tenant_api_key",
                area="API keys",
                summary="Revoke a key of this tenant, at once.",
                row=ScopedRoute(
                    method="DELETE", path=f"{OWN}/{{key}}", handler=self.revoke_own, limit="admin_write", permission=write
                ),
                status=204,
            ),
        ]

    def create(self, call: Call, unit: PlatformUnit) -> Answer:
        form = read_body(call, NewKey)
        if form.tenant is None:
            return _made(unit, call.request_id, form.name, None, OPERATORS)
        tenant = unit[Tenants].find(form.tenant)
        if tenant is None:
            raise invalid_field("/tenant", "There is no such tenant.")
        role = form.role or DEFAULT_ROLE
        with unit.enter(TenantScope(tenant.tenant_id, unit.actor, call.request_id)) as inside:
            check_grant(inside, role, principal_of(call).permissions)
        return _made(unit, call.request_id, form.name, tenant.tenant_id, role)

    def all(self, call: Call, unit: PlatformUnit) -> Answer:
        return _page(call, unit, None)

    def revoke(self, call: Call, unit: PlatformUnit) -> Answer:
        row = unit[ApiKeys].get(_id(call))
        if row is None:
            raise NotFound("key")
        return _revoked(unit, call.request_id, row)

    def create_own(self, call: Call, scope: TenantScope) -> Answer:
        form = read_body(call, NewTenantKey)
        with self._database.platform(scope.actor) as unit:
            with unit.enter(scope) as inside:
                check_grant(inside, form.role, principal_of(call).permissions)
            return _made(unit, scope.request, form.name, scope.tenant, form.role)

    def all_own(self, call: Call, scope: TenantScope) -> Answer:
        with self._database.platform(scope.actor, read_only=True) as unit:
            return _page(call, unit, scope.tenant)

    def revoke_own(self, call: Call, scope: TenantScope) -> Answer:
        with self._database.platform(scope.actor) as unit:
            row = unit[ApiKeys].get(_id(call))
            if row is None or row.tenant_id != scope.tenant:
                raise NotFound("key")
            with unit.enter(scope) as inside:
                check_not_above(inside, row.role, principal_of(call).permissions)
            return _revoked(unit, scope.request, row)


def _id(call: Call) -> str:
    return path_id(call, "key", "key")


def _page(call: Call, unit: PlatformUnit, tenant: TenantId | None) -> Answer:
    page = page_of(call, "key")
    return listing(unit[ApiKeys].page(tenant, text=read_text(call), after=page.after, limit=page.fetch), page, _document)


def _made(unit: PlatformUnit, request: RequestId, name: str, tenant: TenantId | None, role: str) -> Answer:
    row, key = unit[ApiKeys].create(name, tenant, role)
    _record(unit, request, "api_key.created", row)
    return shown(NewKeyDocument(**_document(row).model_dump(), key=key), 201)


def _revoked(unit: PlatformUnit, request: RequestId, row: ApiKey) -> Answer:
    if row.revoked_at is None:
        row.revoked_at = unit.clock.now()
        _record(unit, request, "api_key.revoked", row)
    return NO_CONTENT


def _record(unit: PlatformUnit, request: RequestId, action: str, row: ApiKey) -> None:
    """Into the trail of the tenant whose key it is, else into the operator's own."""
    event = Event(action, Resource("api_key", row.id, row.name), context={"role": row.role})
    tenant = TenantId(row.tenant_id) if row.tenant_id is not None else PLATFORM_TRAIL
    with unit.enter(TenantScope(tenant, unit.actor, request)) as inside:
        inside[Outbox].record(event)


def _document(row: ApiKey) -> KeyDocument:
    return KeyDocument(
        id=row.id,
        name=row.name,
        scope="operator" if row.tenant_id is None else "tenant",
        tenant_id=row.tenant_id,
        role=row.role,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
