"""Giving an authorization code: the one place where a signed-in person and an app's request come together."""

from __future__ import annotations

from idbroker.audit.outbox import Outbox
from idbroker.directory.model import User, Users
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.login.steps import Visitor
from idbroker.sessions.model import Session, Sessions
from idbroker.sessions.service import SessionService, is_live
from idbroker.storage.database import Database
from oidc.provider.authorization_request import AuthorizationRequest
from oidc.provider.person import open_tenant


class CodeGiver:
    def __init__(self, database: Database, sessions: SessionService) -> None:
        self._database = database
        self._sessions = sessions

    def give(
        self, request: AuthorizationRequest, tenant: TenantId, session_id: str, visitor: Visitor, *, reused: bool
    ) -> str | None:
        """A code (RFC 6749 4.1.2). None when nobody is signed in there any more, or somebody else.

        ``reused``: nobody was asked, the session was there; the first time that it opens an app, the trail hears of it.
        """
        if open_tenant(self._database, tenant, request.client_id, visitor.actor) is None:
            return None
        if reused:
            visitor.count(tenant)
        with self._database.tenant(TenantScope(tenant, visitor.actor, visitor.request)) as unit:
            session = unit[Sessions].get(session_id)
            if session is None or not is_live(session, unit.clock.now()) or request.subject not in (None, session.user_id):
                return None
            if request.acr and session.acr not in request.acr:  # OIDC Core 5.5.1.1
                return None
            user = unit[Users].get(session.user_id)
            if user is None or not user.active:
                return None
            if reused and request.client_id not in unit[Sessions].apps([session.id]).get(session.id, ()):
                unit[Outbox].record(_signed_in(user, session, request.client_id))
            return self._sessions.grant_code(unit, session, request.client_id, request.as_grant())


def _signed_in(user: User, session: Session, client_id: str) -> Event:
    context = {"connection_id": session.connection_id, "app": client_id, "route": "session"}
    resource = Resource("user", user.id, user.email)
    return Event("sign_in.succeeded", resource, context=context, auth_method="session", session_id=session.id)
