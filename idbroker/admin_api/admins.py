"""A tenant's admins: who may sign in to its administration, and what he may do there. Nobody grants above himself."""

from __future__ import annotations

from idbroker.access.permissions import Permission
from idbroker.admin_api.admin_roles import RoleName
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import PAGE_QUERY, TEXT_QUERY, listing, page_of, path_id, read_text
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Time, shown
from idbroker.admins.sessions import AdminSessions
from idbroker.admins.tenant_admins import TenantAdmin, TenantAdmins, TenantAdminService
from idbroker.kernel.scope import TenantScope
from idbroker.sessions.handles import Handle
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute, TenantRoute
from idbroker.web.tenancy import principal_of

PATH = f"{TENANT}/admins"
ONE = f"{PATH}/{{admin}}"
INVITATION_PATH = "/admin/invitation"


class AdminWanted(Body):
    """``role``: owner, admin, member, guest, or one of the tenant's own by its name."""

    role: RoleName


class NewAdmin(AdminWanted):
    email: str


class AdminDocument(Document):
    """``user_id``: the person who signs in through the tenant's identity provider, once he has."""

    id: str
    email: str
    role: str
    user_id: str | None
    invitation_expires_at: Time | None
    created_at: Time
    last_sign_in_at: Time | None


class InvitedDocument(AdminDocument):
    """``url`` is the invitation. It is shown this once and works once."""

    url: str


class AdminCalls:
    def __init__(self, database: Database, service: TenantAdminService) -> None:
        self._database = database
        self._service = service

    def operations(self) -> list[Operation]:
        write = Permission.ADMINS_WRITE
        return [
            Operation(
                name="invite_admin",
                area="Admins",
                summary="Invite somebody to administer the tenant. The invitation signs him in once; it is shown this once.",
                row=TenantRoute(method="POST", path=PATH, handler=self.invite, limit="admin_write", permission=write),
                body=NewAdmin,
                answer=InvitedDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_admins",
                area="Admins",
                summary="The tenant's admins, oldest first.",
                row=TenantRoute(
                    method="GET", path=PATH, handler=self.all, limit="admin_read", permission=Permission.ADMINS_READ
                ),
                query=(TEXT_QUERY, *PAGE_QUERY),
                answer=AdminDocument,
                many=True,
            ),
            Operation(
                name="change_admin",
                partial=True,
                area="Admins",
                summary="Give an admin another role, at once. A tenant keeps one owner at least, if it ever had one.",
                row=TenantRoute(method="PATCH", path=ONE, handler=self.change, limit="admin_write", permission=write),
                body=AdminWanted,
                answer=AdminDocument,
                problems=(409,),
            ),
            Operation(
                name="invite_admin_again",
                area="Admins",
                summary="A fresh invitation. The one before ends.",
                row=TenantRoute(
                    method="POST", path=f"{ONE}/invitation", handler=self.again, limit="admin_write", permission=write
                ),
                answer=InvitedDocument,
                status=201,
            ),
            Operation(
                name="remove_admin",
                area="Admins",
                summary="Remove an admin. His sessions in the administration end at once.",
                row=ScopedRoute(method="DELETE", path=ONE, handler=self.remove, limit="admin_write", permission=write),
                status=204,
                problems=(409,),
            ),
        ]

    def invite(self, call: Call, unit: TenantUnit) -> Answer:
        form = read_body(call, NewAdmin)
        row, handle = self._service.invite(unit, form.email, form.role, principal_of(call).permissions)
        return _invited(call, row, handle)

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "adm")
        return listing(unit[TenantAdmins].page(text=read_text(call), after=page.after, limit=page.fetch), page, _document)

    def change(self, call: Call, unit: TenantUnit) -> Answer:
        role = read_body(call, AdminWanted).role
        return shown(_document(self._service.change_role(unit, _id(call), role, principal_of(call).permissions)))

    def again(self, call: Call, unit: TenantUnit) -> Answer:
        return _invited(call, *self._service.invite_again(unit, _id(call), principal_of(call).permissions))

    def remove(self, call: Call, scope: TenantScope) -> Answer:
        with self._database.platform(scope.actor) as unit:
            with unit.enter(scope) as inside:
                self._service.remove(inside, _id(call), principal_of(call).permissions)
            unit[AdminSessions].end_of(_id(call))
        return NO_CONTENT


def _id(call: Call) -> str:
    return path_id(call, "admin", "adm")


def _document(row: TenantAdmin) -> AdminDocument:
    return AdminDocument.model_validate(row)


def _invited(call: Call, row: TenantAdmin, handle: Handle) -> Answer:
    url = f"{call.base_url}{INVITATION_PATH}/{handle}"
    return shown(InvitedDocument(**_document(row).model_dump(), url=url), 201)
