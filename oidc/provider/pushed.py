"""Pushed authorization requests (RFC 9126): judged when pushed, so that the app and not the person sees what is wrong."""

from __future__ import annotations

from collections.abc import Mapping

from idbroker.apps.model import App
from idbroker.kernel.clock import Clock
from idbroker.kernel.errors import Refusal
from idbroker.sessions.pushed import LIFETIME, PushedRequests
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call, Params, json_answer
from oidc.provider.authorization_checks import CHECKS, Asked
from oidc.provider.authorization_request import AuthorizationRequest
from oidc.provider.client_auth import ClientAuthentication
from oidc.provider.dpop import presented_proof
from oidc.provider.errors import NEVER_STORED, OAuthError
from oidc.provider.issuer import Issuer, Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.parameters import form_of
from oidc.provider.redirect_uri import is_registered

PREFIX = "urn:ietf:params:oauth:request_uri:"
MAX_REQUEST = 16_000
_NOT_KEPT = frozenset({"client_secret", "client_assertion", "client_assertion_type"})
_GONE = "This sign-in request has expired or was used before. Please go back to the application and start again."


class PushedAuthorization:
    def __init__(
        self, database: Database, issuers: Issuers, clients: ClientAuthentication, keys: IssuerKeys, clock: Clock
    ) -> None:
        self._database = database
        self._issuers = issuers
        self._clients = clients
        self._keys = keys
        self._clock = clock

    def answer(self, call: Call) -> Answer:
        """RFC 9126 2.2. Raises OAuthError: here its own JSON form, never a redirect (section 2.3)."""
        issuer, form = self._issuers.of(call), form_of(call)
        claimed = self._clients.claimed(call, form, issuer)
        proof = presented_proof(call, self._clock.now())
        self._keys.ready(issuer)
        values = {name: value for name, value in form.items() if name not in _NOT_KEPT}
        if "request_uri" in values:
            raise OAuthError("invalid_request", "a request_uri cannot be pushed")  # RFC 9126 2.1
        if proof is not None and values.setdefault("dpop_jkt", proof.jkt) != proof.jkt:  # RFC 9449 10.1
            raise OAuthError("invalid_dpop_proof", "dpop_jkt is not the key of the proof")
        with self._database.platform(call.actor) as unit:
            app = self._clients.proven(unit, claimed)
            if issuer.pinned is not None and app.serves(issuer.pinned) and not app.is_public:  # whose id anybody can send
                call.meter.proven(issuer.pinned, unit)
            if proof is not None:
                proof.claim(unit)
            self._judge(issuer, app, {**values, "client_id": app.id})
            reference = unit[PushedRequests].push(app.id, issuer.url, {**values, "client_id": app.id})
        document = {"request_uri": f"{PREFIX}{reference}", "expires_in": int(LIFETIME.total_seconds())}
        return json_answer(document, 201, *NEVER_STORED)

    def _judge(self, issuer: Issuer, app: App, values: Mapping[str, str]) -> None:
        redirect_uri = values.get("redirect_uri", "")
        if not is_registered(redirect_uri, app.redirect_uris, public=app.is_public):
            raise OAuthError("invalid_request", "redirect_uri is not one that the app has registered")
        if sum(len(name) + len(value) for name, value in values.items()) > MAX_REQUEST:
            raise OAuthError("invalid_request", "the request is too long")
        request = AuthorizationRequest(issuer.url, app.id, redirect_uri)
        asked = Asked(values, frozenset(), issuer, app, self._keys, pushed=True)
        for check in CHECKS:
            request = check(asked, request)

    def fetch(self, params: Params, issuer: Issuer, call: Call) -> Params | None:
        """The request behind a ``request_uri`` of ours, once; None when the parameters name none.

        RFC 9126 4: whatever else stands in the query counts for nothing. Raises Refusal, which is a page.
        """
        request_uri = _ours(params)
        if request_uri is None:
            return None
        client_id = "" if "client_id" in params.repeated else params.get("client_id", "")
        with self._database.platform(call.actor) as unit:
            found = unit[PushedRequests].take(request_uri.removeprefix(PREFIX), client_id, issuer.url)
        if found is None:
            raise Refusal("bad_request_uri", _GONE, detail="unknown, used, expired, or another client's request_uri")
        return Params(list(found.items()))


def _ours(params: Params) -> str | None:
    if "request_uri" in params.repeated or not params.get("request_uri", "").startswith(PREFIX):
        return None
    return params["request_uri"]


def names_pushed(params: Params) -> bool:
    return _ours(params) is not None
