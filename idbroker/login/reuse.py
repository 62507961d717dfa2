"""Single sign-on: whether a session that the browser already has serves this request, without asking the IdP again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from idbroker.directory.model import Users
from idbroker.kernel.addresses import BadAddress, normal_email
from idbroker.kernel.ids import SessionId, TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.login.steps import Visitor
from idbroker.sessions.handles import Handle
from idbroker.sessions.service import SessionService
from idbroker.storage.database import Database
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED
from idbroker.tenants.model import Tenants


@dataclass(frozen=True, slots=True)
class Wish:
    """What the request demands of a session. ``tenant`` is a slug or an id."""

    tenant: str | None = None
    connection: str | None = None
    email: str | None = None
    max_age: int | None = None
    app_tenants: tuple[str, ...] | None = None
    subject: str | None = None
    """The user that an ``id_token_hint`` names."""


@dataclass(frozen=True, slots=True)
class Found:
    tenant: TenantId
    session: SessionId


class SessionFinder:
    def __init__(self, database: Database, sessions: SessionService) -> None:
        self._database = database
        self._sessions = sessions

    def find(self, handles: Sequence[Handle], wish: Wish, visitor: Visitor) -> Found | Literal["several"] | None:
        """The one live session that meets the wish; ``"several"`` when sessions of more than one tenant do."""
        found = [match for handle in handles if (match := self._match(handle, wish, visitor)) is not None]
        if len({match.tenant for match in found}) > 1:
            return "several"
        return found[0] if found else None

    def _match(self, handle: Handle, wish: Wish, visitor: Visitor) -> Found | None:
        if wish.app_tenants is not None and handle.tenant not in wish.app_tenants:
            return None
        with self._database.platform(visitor.actor, read_only=True) as platform:
            tenant = platform[Tenants].get(handle.tenant)
        if tenant is None or tenant.status not in SIGN_IN_ALLOWED:
            return None
        if wish.tenant is not None and wish.tenant not in (tenant.id, tenant.slug):
            return None
        scope = TenantScope(handle.tenant, visitor.actor, visitor.request)
        with self._database.tenant(scope, read_only=True) as unit:
            session = self._sessions.find(unit, handle)
            if session is None or wish.connection not in (None, session.connection_id):
                return None
            user = unit[Users].get(session.user_id)
            if user is None or not user.active or wish.subject not in (None, user.id):
                return None
            if wish.email and _normal(wish.email) != user.email:
                return None
            age = timedelta(seconds=wish.max_age) if wish.max_age is not None else None
            if age is not None and session.authenticated_at + age <= unit.clock.now():
                return None
            return Found(handle.tenant, SessionId(session.id))


def _normal(email: str) -> str | None:
    try:
        return normal_email(email)
    except BadAddress:
        return None
