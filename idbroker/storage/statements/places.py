"""Where a person stands: the connections that know him, his groups, the roles that these give; and the proven domains."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Text, and_, bindparam, cast, null, select
from sqlalchemy.sql.elements import ClauseElement

from idbroker.storage.rows import MAIN
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantUnit


@dataclass(frozen=True, slots=True)
class Places:
    """``groups``: (id, name), by name. ``roles``: (role, ""), those that hold in every app."""

    connection_ids: list[str]
    groups: list[tuple[str, str]]
    roles: list[tuple[str, str]]


def _places() -> ClauseElement:
    """One question: rows of (connection, nothing, nothing, nothing) and of (nothing, group, its name, a role or nothing)."""
    identities, memberships, groups, mappings = (
        MAIN.tables[name] for name in ("identities", "memberships", "groups", "role_mappings")
    )
    nothing = cast(null(), Text)
    known = select(identities.c.connection_id, nothing, nothing, nothing).where(
        identities.c.tenant_id == scope(), identities.c.user_id == bindparam("user_id")
    )
    of_him = and_(groups.c.tenant_id == scope(), groups.c.id == memberships.c.group_id)
    rule = and_(mappings.c.tenant_id == scope(), mappings.c.group_name == groups.c.display_name, mappings.c.app == "")
    member = (
        select(nothing, groups.c.id, groups.c.display_name, mappings.c.role)
        .select_from(memberships.join(groups, of_him).outerjoin(mappings, rule))
        .where(memberships.c.tenant_id == scope(), memberships.c.user_id == bindparam("user_id"))
    )
    return known.union_all(member)


def _verified() -> ClauseElement:
    domains = MAIN.tables["domains"]
    return select(domains.c.name, domains.c.include_subdomains).where(
        domains.c.tenant_id == scope(), domains.c.status == "verified"
    )


_PLACES, _VERIFIED = TenantStatement(_places), TenantStatement(_verified)


def places_of(unit: TenantUnit, user_id: str) -> Places:
    found = _PLACES.rows(unit, user_id=user_id)
    groups = sorted({(group_id, name) for _, group_id, name, _ in found if group_id is not None}, key=lambda group: group[1])
    connections = [connection_id for connection_id, _, _, _ in found if connection_id is not None]
    return Places(connections, groups, [(role, "") for _, _, _, role in found if role is not None])


def verified_domains(unit: TenantUnit) -> list[tuple[str, bool]]:
    """(name, whether its subdomains are the tenant's too)."""
    return [(name, below) for name, below in _VERIFIED.rows(unit)]
