"""Operators: the people who run the broker. They sign in by links that work once."""

from __future__ import annotations

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import API, Operation
from idbroker.admin_api.paging import PAGE_QUERY, TEXT_QUERY, listing, page_of, path_id, read_text
from idbroker.admin_api.shapes import Body, Document, Time, shown
from idbroker.admins.operator_tenant import OperatorTenants
from idbroker.admins.operators import LINK_LIFE, Operator, Operators, OperatorService
from idbroker.kernel.errors import Conflict
from idbroker.storage.unit import PlatformUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute

PATH = f"{API}/operators"
ONE = f"{PATH}/{{operator}}"
LOGIN_PATH = "/admin/login"


class NewOperator(Body):
    email: str


class OperatorDocument(Document):
    """``user_id``: who he is in the operators' tenant, once he has signed in through it."""

    id: str
    email: str
    user_id: str | None
    created_at: Time
    last_sign_in_at: Time | None
    disabled_at: Time | None


class LinkDocument(OperatorDocument):
    """``url`` is shown this once, works once, and until ``expires_at``."""

    url: str
    expires_at: Time


class OperatorTenantDocument(Document):
    """All null where there is none. ``open``: whether people may sign in to it, in the state in which it is."""

    tenant_id: str | None
    tenant: str | None
    tenant_name: str | None
    open: bool


class OperatorCalls:
    def __init__(self, service: OperatorService) -> None:
        self._service = service

    def operations(self) -> list[Operation]:
        operate = Permission.OPERATE_OPERATORS
        return [
            Operation(
                name="create_login_link",
                area="Operators",
                summary="A link that signs an operator in, once. Somebody who is none yet becomes one. Older links end.",
                row=PlatformRoute(method="POST", path=PATH, handler=self.invite, limit="admin_write", permission=operate),
                body=NewOperator,
                answer=LinkDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_operators",
                area="Operators",
                summary="The operators, oldest first, those who are switched off among them.",
                row=PlatformRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=operate),
                query=(TEXT_QUERY, *PAGE_QUERY),
                answer=OperatorDocument,
                many=True,
            ),
            Operation(
                name="get_operator_tenant",
                area="Operators",
                summary="The tenant through whose identity provider operators may sign in. It is named at the command line.",
                row=PlatformRoute(
                    method="GET", path=f"{API}/operator-tenant", handler=self.tenant, limit="admin_read", permission=operate
                ),
                answer=OperatorTenantDocument,
            ),
            Operation(
                name="disable_operator",
                area="Operators",
                summary="Switch an operator off. His sessions and links end at once.",
                row=PlatformRoute(
                    method="POST", path=f"{ONE}/disable", handler=self.disable, limit="admin_write", permission=operate
                ),
                answer=OperatorDocument,
                problems=(409,),
            ),
            Operation(
                name="enable_operator",
                area="Operators",
                summary="Switch an operator on again.",
                row=PlatformRoute(
                    method="POST", path=f"{ONE}/enable", handler=self.enable, limit="admin_write", permission=operate
                ),
                answer=OperatorDocument,
            ),
        ]

    def invite(self, call: Call, unit: PlatformUnit) -> Answer:
        row, secret = self._service.invite(unit, read_body(call, NewOperator).email)
        url, until = f"{call.base_url}{LOGIN_PATH}/{secret}", unit.clock.now() + LINK_LIFE
        return shown(LinkDocument(**_document(row).model_dump(), url=url, expires_at=until), 201)

    def all(self, call: Call, unit: PlatformUnit) -> Answer:
        page = page_of(call, "opr")
        return listing(unit[Operators].page(text=read_text(call), after=page.after, limit=page.fetch), page, _document)

    def tenant(self, call: Call, unit: PlatformUnit) -> Answer:
        del call
        named = unit[OperatorTenants].named()
        if named is None:
            return shown(OperatorTenantDocument(tenant_id=None, tenant=None, tenant_name=None, open=False))
        is_open = unit[OperatorTenants].open() is not None
        return shown(OperatorTenantDocument(tenant_id=named.id, tenant=named.slug, tenant_name=named.name, open=is_open))

    def disable(self, call: Call, unit: PlatformUnit) -> Answer:
        operator_id = path_id(call, "operator", "opr")
        if call.principal is not None and call.principal.key == operator_id:
            raise Conflict("own_account", "Nobody switches himself off. Ask another operator.")
        return shown(_document(self._service.disable(unit, operator_id)))

    def enable(self, call: Call, unit: PlatformUnit) -> Answer:
        return shown(_document(self._service.enable(unit, path_id(call, "operator", "opr"))))


def _document(row: Operator) -> OperatorDocument:
    return OperatorDocument.model_validate(row)
