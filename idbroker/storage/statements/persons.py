"""Whom a session is of, and what a token of it may say: read at every token, userinfo and introspection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.sql.elements import ClauseElement

from idbroker.storage.rows import MAIN
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantUnit

_SESSION = ("id", "connection_id", "authenticated_at", "amr", "acr", "ended_at", "expires_at")
_USER = ("id", "email", "email_verified", "display_name", "given_name", "family_name", "active")


@dataclass(frozen=True, slots=True)
class SessionPerson:
    """A session as it is, and its person as he is now. Whether either will do is for the caller to judge."""

    session_id: str
    connection_id: str
    authenticated_at: datetime
    amr: list[str]
    acr: str | None
    ended_at: datetime | None
    expires_at: datetime
    user_id: str
    email: str | None
    email_verified: bool
    display_name: str | None
    given_name: str | None
    family_name: str | None
    active: bool


def _person() -> ClauseElement:
    sessions, users = MAIN.tables["sessions"], MAIN.tables["users"]
    joined = sessions.join(users, and_(users.c.tenant_id == scope(), users.c.id == sessions.c.user_id))
    return (
        select(*(sessions.c[name] for name in _SESSION), *(users.c[name] for name in _USER))
        .select_from(joined)
        .where(sessions.c.tenant_id == scope(), sessions.c.id == bindparam("session_id"))
    )


def _revoked() -> ClauseElement:
    tokens, families = MAIN.tables["revoked_tokens"], MAIN.tables["refresh_families"]
    by_itself = select(tokens.c.token_id).where(tokens.c.tenant_id == scope(), tokens.c.token_id == bindparam("token_id"))
    family = select(families.c.id).where(
        families.c.tenant_id == scope(), families.c.id == bindparam("family_id"), families.c.ended_at.is_not(None)
    )
    return by_itself.union_all(family)


def _standing() -> ClauseElement:
    """Groups within groups count as well; UNION ends where a circle of them would begin anew."""
    memberships, links, groups, mappings = (
        MAIN.tables[name] for name in ("memberships", "group_links", "groups", "role_mappings")
    )
    rule = and_(
        mappings.c.tenant_id == scope(),
        mappings.c.group_name == groups.c.display_name,
        or_(mappings.c.app == "", mappings.c.app == bindparam("app")),
    )
    direct = select(memberships.c.group_id.label("group_id")).where(
        memberships.c.tenant_id == scope(), memberships.c.user_id == bindparam("user_id")
    )
    reached = direct.cte("reached", recursive=True)
    outer = select(links.c.group_id).where(links.c.tenant_id == scope(), links.c.member_id == reached.c.group_id)
    reached = reached.union(outer)
    member = and_(groups.c.tenant_id == scope(), groups.c.id == reached.c.group_id)
    return select(groups.c.display_name, mappings.c.role).select_from(reached.join(groups, member).outerjoin(mappings, rule))


_PERSON, _REVOKED, _STANDING = TenantStatement(_person), TenantStatement(_revoked), TenantStatement(_standing)


def session_person(unit: TenantUnit, session_id: str) -> SessionPerson | None:
    """None when there is no such session, or nobody behind it any more."""
    found = _PERSON.first(unit, session_id=session_id)
    return None if found is None else SessionPerson(*found)


def is_revoked(unit: TenantUnit, token_id: str, family_id: str | None) -> bool:
    """Whether an access token was revoked by itself, or with the family of refresh tokens that it came from."""
    return _REVOKED.first(unit, token_id=token_id, family_id=family_id or "") is not None


def groups_and_roles(unit: TenantUnit, user_id: str, app: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The distinct names of a person's groups, and the roles that they give him in that app; both sorted."""
    found: list[tuple[Any, ...]] = _STANDING.rows(unit, user_id=user_id, app=app or "")
    groups, roles = {name for name, _ in found}, {role for _, role in found if role is not None}
    return tuple(sorted(groups)), tuple(sorted(roles))
