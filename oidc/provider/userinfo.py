"""Userinfo (OIDC Core 5.3): what is true of the person now. A token is dead here as soon as its session is."""

from __future__ import annotations

from idbroker.kernel.clock import Clock
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.sessions.model import AuthorizationCodes
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call, json_answer
from oidc.provider.bearer import AccessToken, InvalidToken, presented_token, read_access_token
from oidc.provider.claims import Person, userinfo_claims
from oidc.provider.errors import NEVER_STORED, OAuthError
from oidc.provider.issuer import Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.person import open_tenant, read_person


class Userinfo:
    def __init__(self, database: Database, issuers: Issuers, keys: IssuerKeys, clock: Clock) -> None:
        self._database = database
        self._issuers = issuers
        self._keys = keys
        self._clock = clock

    def answer(self, call: Call) -> Answer:
        """Raises NoToken, InvalidToken, OAuthError."""
        issuer = self._issuers.of(call)
        token = read_access_token(self._keys, issuer, presented_token(call), self._clock)
        if "openid" not in token.scope:
            raise OAuthError("insufficient_scope", "The access token was given without the scope openid.", status=403)
        person = self._person(token, call)
        return json_answer(userinfo_claims(token.scope, person), 200, *NEVER_STORED)

    def _person(self, token: AccessToken, call: Call) -> Person:
        actor = Actor(type="app", id=token.client_id, ip=call.client_ip, user_agent=call.actor.user_agent)
        tenant = open_tenant(self._database, token.tenant, token.client_id, actor)
        if tenant is None:
            raise InvalidToken("the tenant or the app is closed")
        with self._database.tenant(TenantScope(token.tenant, actor, call.request_id), read_only=True) as unit:
            person = read_person(unit, tenant, token.session_id, token.client_id)
            if person is None or person.user_id != token.subject:
                raise InvalidToken("the session is over or the person is switched off")
            if unit[AuthorizationCodes].token_is_revoked(token.session_id, token.token_id):
                raise InvalidToken("revoked")
        return person
