"""Routing an attempt: what is known → tenant → connection. Reads the indexes, then the pure rules of discovery decide."""

from __future__ import annotations

from dataclasses import dataclass

from idbroker.connections.discovery import Candidate, Route, choose_connection
from idbroker.connections.model import Connection, Connections, Whereabouts
from idbroker.kernel.ids import ConnectionId
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.model import Tenant, Tenants


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known. ``domain`` is in normal form."""

    connection: str | None = None
    tenant: str | None = None
    domain: str | None = None


def find_tenant(unit: PlatformUnit, hints: Hints) -> Tenant | None:
    """The tenant that the hints name; None when they name none, or contradict each other."""
    found: Tenant | None = None
    if hints.connection is not None:
        owner = unit[Whereabouts].connection(hints.connection)
        found = unit[Tenants].get(owner) if owner else None
        if found is None or hints.tenant in (None, found.id, found.slug):
            return found
        return None
    if hints.tenant is not None:
        return unit[Tenants].find(hints.tenant)
    if hints.domain is not None:
        entry = unit[Whereabouts].responsible(hints.domain)
        return unit[Tenants].get(entry.tenant) if entry else None
    return None


def _candidate(row: Connection) -> Candidate:
    return Candidate(ConnectionId(row.id), row.name, row.type, tuple(row.routing_domains))


def route_within(unit: TenantUnit, hints: Hints) -> Route:
    """The connection within the tenant: an active one; or one in test, where people are named who go through it, when it is
    asked for or nothing else is there. Who somebody is, and so whether he is named, is known after the answer alone: before it,
    everybody is sent the same way."""
    candidates = [_candidate(row) for row in unit[Connections].active()]
    if hints.connection not in (None, *(one.id for one in candidates)) or not candidates:
        candidates += [_candidate(row) for row in unit[Connections].in_test() if row.options.get("test_users")]
    return choose_connection(candidates, domain=hints.domain, connection=hints.connection)
