"""Home-realm discovery: from what is known of a person to the connection that signs them in. Pure.

The order: an explicit connection, else an explicit tenant, else the e-mail's domain (exact, then the most specific
verified parent that speaks for its subdomains). Within the tenant: the routing rule of a connection for that domain,
else the only connection, else a choice. It says where a domain signs in, never whether a person exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from idbroker.kernel.ids import ConnectionId, TenantId


@dataclass(frozen=True, slots=True)
class DomainEntry:
    """One line of the domain index."""

    name: str
    tenant: TenantId
    include_subdomains: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """An active connection as discovery sees it. ``routing_domains`` are the domains whose people it alone takes."""

    id: ConnectionId
    name: str
    type: str
    routing_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Where to go. ``connection``: there is one; ``choose``: the person picks; ``none``: nobody is responsible."""

    outcome: Literal["connection", "choose", "none"]
    connections: tuple[Candidate, ...] = ()
    rule: str = ""
    """Why, for the tenant's admins."""


def owner_of(domain: str, entries: Sequence[DomainEntry]) -> DomainEntry | None:
    """The index entry responsible for a domain: itself, else its nearest parent that includes subdomains."""
    by_name = {entry.name: entry for entry in entries}
    if domain in by_name:
        return by_name[domain]
    parents = [e for e in entries if e.include_subdomains and domain.endswith("." + e.name)]
    return max(parents, key=lambda entry: len(entry.name), default=None)


def choose_connection(candidates: Sequence[Candidate], *, domain: str | None = None, connection: str | None = None) -> Route:
    """The route within one tenant, whose active connections are given."""
    if connection is not None:
        named = tuple(c for c in candidates if c.id == connection)
        return Route("connection", named, "the app named the connection") if named else Route("none", rule="no such connection")
    if domain is not None:
        routed = tuple(c for c in candidates if domain in c.routing_domains)
        if len(routed) == 1:
            return Route("connection", routed, f"routing rule for {domain}")
        if routed:
            return Route("choose", routed, f"several routing rules for {domain}")
    open_to_all = tuple(c for c in candidates if not c.routing_domains) or tuple(candidates)
    if len(open_to_all) == 1:
        return Route("connection", open_to_all, "the only active connection")
    if open_to_all:
        return Route("choose", open_to_all, "several active connections")
    return Route("none", rule="no active connection")
