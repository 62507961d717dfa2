"""A tenant's own roles for its administration, where its tier includes them: what each allows is chosen from the catalogue."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from idbroker.access.admin_roles import NAME, AdminRole, AdminRoles
from idbroker.access.permissions import TENANT_WIDE, Permission
from idbroker.admin_api.body import parse, read_body, read_object
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import PAGE_QUERY, listing, page_of, path_id
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Time
from idbroker.admin_api.versions import check_version, tagged
from idbroker.admins.admin_roles import AdminRoleService
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute, TenantRoute
from idbroker.web.tenancy import principal_of

PATH = f"{TENANT}/admin-roles"
ONE = f"{PATH}/{{admin_role}}"


def _of_tenants(value: str) -> Permission:
    if value not in TENANT_WIDE:
        raise ValueError("no permission that can be held within a tenant")
    return Permission(value)


RoleName = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
"""A built-in role or one of the tenant's own."""

Allowed = Annotated[
    list[Annotated[str, AfterValidator(_of_tenants), Field(json_schema_extra={"enum": sorted(TENANT_WIDE)})]],
    Field(min_length=1, max_length=len(Permission)),
]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class AdminRoleFields(Body):
    description: Description = ""
    permissions: Allowed


class NewAdminRole(AdminRoleFields):
    """``name`` is how the role is given; it cannot be changed later."""

    name: RoleName


class AdminRoleDocument(Document):
    id: str
    name: str
    description: str
    permissions: list[str]
    created_at: Time
    updated_at: Time


class AdminRoleCalls:
    def __init__(self, database: Database, service: AdminRoleService) -> None:
        self._database = database
        self._service = service

    def operations(self) -> list[Operation]:
        read, write = Permission.ADMINS_READ, Permission.ADMINS_WRITE
        return [
            Operation(
                name="create_admin_role",
                area="Admins",
                summary="Make a role of the tenant's own. It can allow nothing that its maker may not do.",
                row=TenantRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=write),
                body=NewAdminRole,
                answer=AdminRoleDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_admin_roles",
                area="Admins",
                summary="The tenant's own roles, oldest first. Those that every tenant has are not among them.",
                row=TenantRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read),
                query=PAGE_QUERY,
                answer=AdminRoleDocument,
                many=True,
            ),
            Operation(
                name="get_admin_role",
                area="Admins",
                summary="One of the tenant's own roles.",
                row=TenantRoute(method="GET", path=ONE, handler=self.get, limit="admin_read", permission=read),
                answer=AdminRoleDocument,
            ),
            Operation(
                name="update_admin_role",
                area="Admins",
                summary="Change what a role allows. It counts at once for whoever has it.",
                row=TenantRoute(method="PATCH", path=ONE, handler=self.update, limit="admin_write", permission=write),
                body=AdminRoleFields,
                partial=True,
                versioned=True,
                answer=AdminRoleDocument,
            ),
            Operation(
                name="delete_admin_role",
                area="Admins",
                summary="Remove a role that no admin and no API key has.",
                row=ScopedRoute(method="DELETE", path=ONE, handler=self.delete, limit="admin_write", permission=write),
                status=204,
                problems=(409,),
            ),
        ]

    def create(self, call: Call, unit: TenantUnit) -> Answer:
        form = read_body(call, NewAdminRole)
        permissions = [Permission(one) for one in form.permissions]
        row = self._service.create(unit, form.name, form.description, permissions, principal_of(call).permissions)
        return tagged(_document(row).model_dump(mode="json"), 201)

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "rol")
        return listing(unit[AdminRoles].page(after=page.after, limit=page.fetch), page, _document)

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        return tagged(_document(self._service.known(unit, _id(call))).model_dump(mode="json"))

    def update(self, call: Call, unit: TenantUnit) -> Answer:
        given = read_object(call)
        row = self._service.known(unit, _id(call))
        shown = _document(row).model_dump(mode="json")
        check_version(call, shown)
        form = parse(AdminRoleFields, {"description": row.description, "permissions": row.permissions, **given})
        row = self._service.update(unit, row, {name: getattr(form, name) for name in given}, principal_of(call).permissions)
        return tagged(_document(row).model_dump(mode="json"))

    def delete(self, call: Call, scope: TenantScope) -> Answer:
        with self._database.platform(scope.actor) as unit:
            self._service.remove(unit, scope, _id(call), principal_of(call).permissions)
        return NO_CONTENT


def _id(call: Call) -> str:
    return path_id(call, "admin_role", "rol", "role")


def _document(row: AdminRole) -> AdminRoleDocument:
    return AdminRoleDocument.model_validate(row)
