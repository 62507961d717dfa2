"""Giving an authorization code: the one place where a signed-in person and an app's request come together."""

from __future__ import annotations

from idbroker.directory.model import Users
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.login.steps import Visitor
from idbroker.sessions.model import Sessions
from idbroker.sessions.service import SessionService, is_live
from idbroker.storage.database import Database
from oidc.provider.authorization_request import AuthorizationRequest
from oidc.provider.person import open_tenant


class CodeGiver:
    def __init__(self, database: Database, sessions: SessionService) -> None:
        self._database = database
        self._sessions = sessions

    def give(self, request: AuthorizationRequest, tenant: TenantId, session_id: str, visitor: Visitor) -> str | None:
        """The app's address with a code (RFC 6749 4.1.2). None when nobody is signed in there any more, or somebody else."""
        if open_tenant(self._database, tenant, visitor.actor) is None:
            return None
        with self._database.tenant(TenantScope(tenant, visitor.actor, visitor.request)) as unit:
            session = unit[Sessions].get(session_id)
            if session is None or not is_live(session, unit.clock.now()) or request.subject not in (None, session.user_id):
                return None
            user = unit[Users].get(session.user_id)
            if user is None or not user.active:
                return None
            code = self._sessions.grant_code(unit, session, request.client_id, request.as_grant())
        return request.answer_url(code=code)
