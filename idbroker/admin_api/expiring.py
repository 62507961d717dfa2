"""What of a tenant ends soon, and then something stops working: certificates, client secrets, directory tokens."""

from __future__ import annotations

from typing import Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.shapes import Document, Time, shown
from idbroker.connections.service import ConnectionService
from idbroker.storage.unit import TenantUnit
from idbroker.survey.endings import endings
from idbroker.web.call import Answer, Call
from idbroker.web.route import TenantRoute


class EndingDocument(Document):
    """``days`` is below zero for what has ended. ``of``: the connection or directory."""

    kind: Literal["certificate", "client_secret", "directory_token"]
    of: str
    name: str
    what: str
    ends_at: Time
    days: int


class ExpiringDocument(Document):
    """The soonest first; what ended is there as long as it is in use."""

    data: list[EndingDocument]


class ExpiringCall:
    def __init__(self, connections: ConnectionService) -> None:
        self._connections = connections

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="list_expiring",
                area="Connections",
                summary="Certificates, client secrets and directory tokens that end within sixty days, or have ended.",
                row=TenantRoute(
                    method="GET",
                    path=f"{TENANT}/expiring",
                    handler=self.show,
                    limit="admin_read",
                    permission=Permission.CONNECTIONS_READ,
                ),
                answer=ExpiringDocument,
            )
        ]

    def show(self, call: Call, unit: TenantUnit) -> Answer:
        del call
        now = unit.clock.now()
        found = [
            EndingDocument(
                kind=one.kind, of=one.of, name=one.name, what=one.what, ends_at=one.ends_at, days=(one.ends_at - now).days
            )
            for one in endings(unit, self._connections)
        ]
        return shown(ExpiringDocument(data=found))
