"""What of a tenant ends, and then something stops working: certificates, client secrets, directory tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from idbroker.connections.model import Connections
from idbroker.connections.service import ConnectionService
from idbroker.directories.model import Directories, DirectoryTokens
from idbroker.storage.unit import TenantUnit

SOON = timedelta(days=60)
LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Ending:
    """``of``: the connection or directory. ``what``: the certificate's fingerprint, the token's beginning."""

    kind: Literal["certificate", "client_secret", "directory_token"]
    of: str
    name: str
    what: str
    ends_at: datetime


def endings(unit: TenantUnit, connections: ConnectionService) -> list[Ending]:
    """What ends within ``SOON``, or has ended and is in use all the same; the soonest first."""
    found = [*_of_connections(unit, connections), *_of_directories(unit)]
    return sorted(found, key=lambda one: one.ends_at)


def _of_connections(unit: TenantUnit, connections: ConnectionService) -> list[Ending]:
    """Of several certificates the last one to end counts: as long as one is good, sign-ins work."""
    soon, found = unit.clock.now() + SOON, []
    for row in unit[Connections].page(limit=LOOKED_AT):
        if row.status == "disabled":
            continue
        upkeep = connections.upkeep(row.type)
        last = max(upkeep.certificates(row.settings), key=lambda one: one.not_after, default=None)
        secret = upkeep.secret_ends(row.settings)
        if last is not None and last.not_after < soon:
            found.append(Ending("certificate", row.id, row.name, last.sha256, last.not_after))
        if secret is not None and secret < soon:
            found.append(Ending("client_secret", row.id, row.name, "client secret", secret))
    return found


def _of_directories(unit: TenantUnit) -> list[Ending]:
    names = {row.id: row.name for row in unit[Directories].page(limit=LOOKED_AT) if row.status == "active"}
    return [
        Ending("directory_token", token.directory_id, names[token.directory_id], f"{token.prefix}…", token.expires_at)
        for token in unit[DirectoryTokens].ending(unit.clock.now() + SOON)
        if token.directory_id in names and token.expires_at is not None
    ]
