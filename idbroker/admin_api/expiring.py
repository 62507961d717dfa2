"""What of a tenant ends soon, and then something stops working: certificates, client secrets, directory tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.shapes import Document, Time, shown
from idbroker.connections.model import Connections
from idbroker.connections.service import ConnectionService
from idbroker.directories.model import Directories, DirectoryTokens
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import TenantRoute

Kind = Literal["certificate", "client_secret", "directory_token"]
SOON = timedelta(days=60)
LOOKED_AT = 500


class EndingDocument(Document):
    """``days`` is below zero for what has ended. ``of``: the connection or directory."""

    kind: Kind
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
        found = [*self._of_connections(unit), *_of_directories(unit)]
        return shown(ExpiringDocument(data=sorted(found, key=lambda one: one.ends_at)))

    def _of_connections(self, unit: TenantUnit) -> list[EndingDocument]:
        """Of several certificates the last one to end counts: as long as one is good, sign-ins work."""
        now, found = unit.clock.now(), []
        for row in unit[Connections].page(limit=LOOKED_AT):
            if row.status == "disabled":
                continue
            upkeep = self._connections.upkeep(row.type)
            last = max(upkeep.certificates(row.settings), key=lambda one: one.not_after, default=None)
            secret = upkeep.secret_ends(row.settings)
            if last is not None and last.not_after - now < SOON:
                found.append(_ending("certificate", (row.id, row.name), last.sha256, last.not_after, now))
            if secret is not None and secret - now < SOON:
                found.append(_ending("client_secret", (row.id, row.name), "client secret", secret, now))
        return found


def _of_directories(unit: TenantUnit) -> list[EndingDocument]:
    now, found = unit.clock.now(), []
    names = {row.id: row.name for row in unit[Directories].page(limit=LOOKED_AT) if row.status == "active"}
    for token in unit[DirectoryTokens].ending(now + SOON):
        if token.directory_id in names and token.expires_at is not None:
            of = (token.directory_id, names[token.directory_id])
            found.append(_ending("directory_token", of, f"{token.prefix}…", token.expires_at, now))
    return found


def _ending(kind: Kind, of: tuple[str, str], what: str, ends_at: datetime, now: datetime) -> EndingDocument:
    return EndingDocument(kind=kind, of=of[0], name=of[1], what=what, ends_at=ends_at, days=(ends_at - now).days)
