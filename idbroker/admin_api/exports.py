"""Taking away all that is kept: of a tenant, of one of its people. Streamed; a cancelled tenant may still do it."""

from __future__ import annotations

from collections.abc import Iterator

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import path_id
from idbroker.exports.document import Exporter
from idbroker.kernel.scope import TenantScope
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute

MEDIA = "application/json"


class ExportCalls:
    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter

    def operations(self) -> list[Operation]:
        may = Permission.TENANT_EXPORT
        return [
            Operation(
                name="export_tenant",
                area="Tenants",
                summary="All that is kept of the tenant, as one JSON document; see the reference of exports.",
                row=ScopedRoute(method="GET", path=f"{TENANT}/export", handler=self.tenant, limit="admin_read", permission=may),
                media=(MEDIA,),
            ),
            Operation(
                name="export_user",
                area="People",
                summary="All that is kept of one person, in the same shape.",
                row=ScopedRoute(
                    method="GET",
                    path=f"{TENANT}/users/{{user}}/export",
                    handler=self.person,
                    limit="admin_read",
                    permission=may,
                ),
                media=(MEDIA,),
            ),
        ]

    def tenant(self, call: Call, scope: TenantScope) -> Answer:
        del call
        return _file(self._exporter.tenant(scope), scope.tenant)

    def person(self, call: Call, scope: TenantScope) -> Answer:
        user_id = path_id(call, "user", "usr")
        return _file(self._exporter.person(scope, user_id), user_id)


def _file(pieces: Iterator[bytes], name: str) -> Answer:
    return Answer(200, b"", MEDIA, (("content-disposition", f'attachment; filename="{name}.json"'),), stream=pieces)
