"""The token endpoint (RFC 6749 3.2): who calls, by which grant, and is he allowed to. One transaction, then signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from idbroker.apps.model import App
from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import Actor
from idbroker.storage.cells import TenantMoving
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.web.call import Answer, Call, json_answer
from oidc.provider.client_auth import ClientAuthentication, UnverifiedClient
from oidc.provider.dpop import Proof, presented_proof
from oidc.provider.errors import NEVER_STORED, OAuthError
from oidc.provider.grants.contract import Exchange, Grant
from oidc.provider.issue import Granted, TokenIssuer
from oidc.provider.issuer import Issuer, Issuers
from oidc.provider.parameters import form_of


class Token:
    """``grants`` maps a ``grant_type`` to what answers it; discovery lists the same names."""

    def __init__(
        self,
        *,
        database: Database,
        issuers: Issuers,
        clients: ClientAuthentication,
        tokens: TokenIssuer,
        grants: Mapping[str, Grant],
        clock: Clock,
        issued: Callable[[TenantId], None] | None = None,
    ) -> None:
        """``issued`` is told of every answer with a token, for whoever counts."""
        self._issued = issued
        self._database = database
        self._clock = clock
        self._issuers = issuers
        self._clients = clients
        self._tokens = tokens
        self._grants = grants

    def answer(self, call: Call) -> Answer:
        """RFC 6749 5.1. Raises OAuthError, or BadRequest unless the body is a form."""
        issuer = self._issuers.of(call)
        values = form_of(call)
        claimed = self._clients.claimed(call, values, issuer)
        proof = presented_proof(call, self._clock.now())
        self._tokens.ready(issuer)
        try:
            app, outcome = self._decided(call, issuer, values, claimed, proof)
        except TenantMoving as moving:  # nothing was written; the app that is told to come again would not
            self._database.await_move(moving.tenant)
            app, outcome = self._decided(call, issuer, values, claimed, proof)
        if not isinstance(outcome, Granted):
            raise outcome
        answer = json_answer(self._tokens.answer(issuer, app, outcome), 200, *NEVER_STORED)
        if self._issued is not None and outcome.subject.tenant_id is not None:
            self._issued(TenantId(outcome.subject.tenant_id))
        return answer

    def _decided(
        self, call: Call, issuer: Issuer, values: Mapping[str, str], claimed: UnverifiedClient, proof: Proof | None
    ) -> tuple[App, Granted | OAuthError]:
        """In one transaction: (who asks, what it is given or why it is not)."""
        writes = self._writes(values.get("grant_type"), claimed, proof)
        with self._database.platform(call.actor, read_only=not writes) as unit:
            app = self._clients.proven(unit, claimed)
            grant = self._grant(app, values.get("grant_type"))
            _claim_proof(unit, app, proof)
            jkt = None if proof is None else proof.jkt
            outcome = grant.decide(Exchange(unit, issuer, app, values, acting(app, call), call.request_id, jkt))
            if isinstance(outcome, Granted) and outcome.subject.tenant_id is not None:
                call.meter.proven(TenantId(outcome.subject.tenant_id), unit)
        return app, outcome

    def _writes(self, name: str | None, claimed: UnverifiedClient, proof: Proof | None) -> bool:
        """Proofs and assertions count once, which must be written down."""
        grant = self._grants.get(name or "")
        return proof is not None or claimed.assertion is not None or (grant is not None and grant.writes)

    def _grant(self, app: App, name: str | None) -> Grant:
        if name is None:
            raise OAuthError("invalid_request", "grant_type is missing")
        grant = self._grants.get(name)
        if grant is None:
            raise OAuthError("unsupported_grant_type", f"the grant types are: {' '.join(sorted(self._grants))}")
        if name not in app.grant_types:
            raise OAuthError("unauthorized_client", "this app may not use this grant type")
        return grant


def _claim_proof(unit: PlatformUnit, app: App, proof: Proof | None) -> None:
    if proof is not None:
        proof.claim(unit)
    elif app.dpop_bound_access_tokens:  # RFC 9449 5.2
        raise OAuthError("invalid_dpop_proof", "this app must send a DPoP proof")


def acting(app: App, call: Call) -> Actor:
    """The app as the trail names it."""
    return Actor(type="app", id=app.id, name=app.name, ip=call.client_ip, user_agent=call.actor.user_agent)
