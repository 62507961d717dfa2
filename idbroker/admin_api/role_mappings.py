"""Which roles the members of a group have, in one app or in all."""

from __future__ import annotations

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import PAGE_QUERY, TEXT_QUERY, listing, page_of, path_id, read_text
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Name, Time
from idbroker.admin_api.versions import check_version, tagged
from idbroker.apps.model import Apps
from idbroker.directory.model import RoleMapping, RoleMappings
from idbroker.directory.roles import add_mapping, remove_mapping
from idbroker.kernel.errors import NotFound, invalid_field
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute, TenantRoute

PATH = f"{TENANT}/role-mappings"
ONE = f"{PATH}/{{mapping}}"


class NewRoleMapping(Body):
    group: Name
    role: Name
    app: str | None = None


class RoleMappingDocument(Document):
    id: str
    group: str
    role: str
    app: str | None
    created_at: Time


class RoleMappingCalls:
    def __init__(self, database: Database) -> None:
        self._database = database

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="create_role_mapping",
                area="Roles",
                summary="Give the members of a group, by its display name, a role: in one app (its client_id) or in all.",
                row=ScopedRoute(
                    method="POST", path=PATH, handler=self.create, limit="admin_write", permission=Permission.ROLES_WRITE
                ),
                body=NewRoleMapping,
                answer=RoleMappingDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_role_mappings",
                area="Roles",
                summary="The tenant's role mappings, oldest first.",
                row=TenantRoute(
                    method="GET", path=PATH, handler=self.all, limit="admin_read", permission=Permission.PEOPLE_READ
                ),
                query=(TEXT_QUERY, *PAGE_QUERY),
                answer=RoleMappingDocument,
                many=True,
            ),
            Operation(
                name="get_role_mapping",
                area="Roles",
                summary="One role mapping.",
                row=TenantRoute(
                    method="GET", path=ONE, handler=self.get, limit="admin_read", permission=Permission.PEOPLE_READ
                ),
                answer=RoleMappingDocument,
            ),
            Operation(
                name="delete_role_mapping",
                area="Roles",
                summary="Take a role mapping away.",
                row=TenantRoute(
                    method="DELETE",
                    path=ONE,
                    handler=self.delete,
                    limit="admin_write",
                    permission=Permission.ROLES_WRITE,
                ),
                versioned=True,
                status=204,
            ),
        ]

    def create(self, call: Call, scope: TenantScope) -> Answer:
        form = read_body(call, NewRoleMapping)
        with self._database.platform(scope.actor) as unit:
            app = unit[Apps].get(form.app) if form.app is not None else None
            if form.app is not None and (app is None or not app.serves(scope.tenant)):
                raise invalid_field("/app", "There is no such app for this tenant.")
            with unit.enter(scope) as inside:
                made = add_mapping(inside, form.group, form.role, form.app)
                return tagged(_document(made).model_dump(mode="json"), 201)

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        return tagged(_document(_known(call, unit)).model_dump(mode="json"))

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "rlm")
        return listing(unit[RoleMappings].page(text=read_text(call), after=page.after, limit=page.fetch), page, _document)

    def delete(self, call: Call, unit: TenantUnit) -> Answer:
        row = _known(call, unit)
        check_version(call, _document(row).model_dump(mode="json"))
        remove_mapping(unit, row.id)
        return NO_CONTENT


def _known(call: Call, unit: TenantUnit) -> RoleMapping:
    row = unit[RoleMappings].get(path_id(call, "mapping", "rlm", "role mapping"))
    if row is None:
        raise NotFound("role mapping")
    return row


def _document(row: RoleMapping) -> RoleMappingDocument:
    return RoleMappingDocument(id=row.id, group=row.group_name, role=row.role, app=row.app or None, created_at=row.created_at)
