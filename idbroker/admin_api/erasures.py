"""Erasing people, and the receipts of it: what was erased where. An erased tenant's receipt stays with the operator."""

from __future__ import annotations

from typing import Any

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import API, TENANT, Operation
from idbroker.admin_api.paging import PAGE_QUERY, listing, page_of, path_id
from idbroker.admin_api.shapes import Body, Document, Text, Time, shown
from idbroker.erasure.people import PersonEraser
from idbroker.erasure.receipts import PersonErasure, PersonErasures, TenantErasures
from idbroker.kernel.errors import NotFound
from idbroker.kernel.scope import TenantScope
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute, ScopedRoute, TenantRoute


class Erasing(Body):
    """``reason``: a number of yours; it must not name the person."""

    reason: Text | None = None


class ErasureDocument(Document):
    """``stores``: in order, what was done where. ``completed_at`` is null while the worker still has to go on with it."""

    id: str
    user_id: str
    requested_at: Time
    requested_by: str
    reason: str | None
    stores: list[dict[str, Any]]
    completed_at: Time | None


class TenantErasureDocument(Document):
    """``waiting_until``: when the worker asks the audit store again, which keeps the youngest records for thirty days."""

    tenant_id: str
    begun_at: Time
    requested_by: str
    reason: str | None
    stores: list[dict[str, Any]]
    waiting_until: Time | None
    completed_at: Time | None
    receipt: dict[str, Any] | None


class ErasureCalls:
    """Of tenants only what is left is shown: their erasure begins at the command line, or with time."""

    def __init__(self, eraser: PersonEraser) -> None:
        self._eraser = eraser

    def operations(self) -> list[Operation]:
        erase, path = Permission.PEOPLE_ERASE, f"{TENANT}/erasures"
        return [
            Operation(
                name="erase_user",
                area="People",
                summary="Erase a person: all that is kept of him goes for ever. Answers the receipt, sent again the same one.",
                row=ScopedRoute(
                    method="POST",
                    path=f"{TENANT}/users/{{user}}/erase",
                    handler=self.erase,
                    limit="admin_write",
                    permission=erase,
                ),
                body=Erasing,
                answer=ErasureDocument,
                problems=(409,),
            ),
            Operation(
                name="list_erasures",
                area="People",
                summary="The receipts of erasures, newest first.",
                row=TenantRoute(method="GET", path=path, handler=self.all, limit="admin_read", permission=erase),
                query=PAGE_QUERY,
                answer=ErasureDocument,
                many=True,
            ),
            Operation(
                name="get_erasure",
                area="People",
                summary="One receipt.",
                row=TenantRoute(
                    method="GET", path=f"{path}/{{erasure}}", handler=self.get, limit="admin_read", permission=erase
                ),
                answer=ErasureDocument,
            ),
            Operation(
                name="get_tenant_erasure",
                area="Tenants",
                summary="The receipt of a tenant that is erased, signed with the trail's key once all of it is done.",
                row=PlatformRoute(
                    method="GET",
                    path=f"{API}/tenant-erasures/{{erased}}",
                    handler=self.tenant,
                    limit="admin_read",
                    permission=Permission.OPERATE_TENANTS,
                ),
                answer=TenantErasureDocument,
            ),
        ]

    def erase(self, call: Call, scope: TenantScope) -> Answer:
        user_id, form = path_id(call, "user", "usr"), read_body(call, Erasing)
        return shown(_document(self._eraser.erase(scope, user_id, form.reason)))

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "ers")
        return listing(unit[PersonErasures].page(after=page.after, limit=page.fetch), page, _document)

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        return shown(_document(self._eraser.known(unit, path_id(call, "erasure", "ers"))))

    def tenant(self, call: Call, unit: PlatformUnit) -> Answer:
        row = unit[TenantErasures].get(path_id(call, "erased", "tnt"))
        if row is None:
            raise NotFound("erasure")
        return shown(TenantErasureDocument.model_validate(row))


def _document(row: PersonErasure) -> ErasureDocument:
    return ErasureDocument.model_validate(row)
