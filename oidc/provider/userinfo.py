"""Userinfo (OIDC Core 5.3): what is true of the person now. A token is dead here as soon as its session is."""

from __future__ import annotations

from idbroker.kernel.clock import Clock
from idbroker.kernel.scope import Actor
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call, json_answer
from oidc.provider.bearer import InvalidToken, check_possession, presented_token, read_access_token
from oidc.provider.claims import Person, userinfo_claims
from oidc.provider.errors import NEVER_STORED, OAuthError
from oidc.provider.issuer import Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.living import living


class Userinfo:
    def __init__(self, database: Database, issuers: Issuers, keys: IssuerKeys, clock: Clock) -> None:
        self._database = database
        self._issuers = issuers
        self._keys = keys
        self._clock = clock

    def answer(self, call: Call) -> Answer:
        """Raises NoToken, InvalidToken, OAuthError."""
        issuer = self._issuers.of(call)
        presented = presented_token(call)
        token = read_access_token(self._keys, issuer, presented.text, self._clock)
        proof = check_possession(token, presented, call, self._clock.now())
        if "openid" not in token.scope:
            raise OAuthError("insufficient_scope", "The access token was given without the scope openid.", status=403)
        if token.audience != token.client_id:  # RFC 9068 4: it is for another resource server
            raise InvalidToken("the token is for another resource")
        actor = Actor(type="app", id=token.client_id, ip=call.client_ip, user_agent=call.actor.user_agent)
        with self._database.platform(actor, read_only=proof is None) as unit:
            if proof is not None:
                proof.claim(unit)
            person = living(unit, token, actor, call.request_id)
            if person is not None:
                call.meter.proven(token.tenant, unit)
        if not isinstance(person, Person):
            raise InvalidToken("revoked, or nobody is there any more")
        return json_answer(userinfo_claims(token.scope, person, token.userinfo_claims), 200, *NEVER_STORED)
