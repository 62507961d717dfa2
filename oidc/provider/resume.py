"""Where the browser comes back after a sign-in: with a session it takes a code to the app, without one an error."""

from __future__ import annotations

from idbroker.apps.model import Apps
from idbroker.kernel.errors import Refusal
from idbroker.kernel.ids import TenantId
from idbroker.login.attempt import Attempt
from idbroker.login.attempt_checks import START_AGAIN
from idbroker.login.flow import LoginFlow
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call
from idbroker.web.sign_in import SignInFace
from oidc.provider.authorization_request import AuthorizationRequest, from_origin
from oidc.provider.code import CodeGiver
from oidc.provider.errors import OAuthError
from oidc.provider.issuer import Issuer, Issuers
from oidc.provider.redirect_uri import is_registered
from oidc.provider.response_mode import ResponseModes


class Resume:
    def __init__(
        self,
        *,
        database: Database,
        issuers: Issuers,
        codes: CodeGiver,
        flow: LoginFlow,
        sign_in: SignInFace,
        modes: ResponseModes,
    ) -> None:
        self._database = database
        self._issuers = issuers
        self._codes = codes
        self._flow = flow
        self._sign_in = sign_in
        self._modes = modes

    def answer(self, call: Call) -> Answer:
        """Raises Refusal, which is a page, when the attempt is not this browser's, not this issuer's, or over."""
        issuer = self._issuers.of(call)
        attempt = self._flow.resume(call.query.get("attempt", ""), self._sign_in.visitor(call))
        request = from_origin(attempt.origin, issuer.url)
        self._check_app(request, call)
        try:
            return self._modes.code(request, self._code(request, issuer, attempt, call))
        except OAuthError as error:
            return self._modes.error(request, error)

    def _code(self, request: AuthorizationRequest, issuer: Issuer, attempt: Attempt, call: Call) -> str:
        if attempt.state != "done" or attempt.session_id is None or attempt.tenant_id is None:
            raise OAuthError("access_denied", "the sign-in was given up")
        tenant = TenantId(attempt.tenant_id)
        if not issuer.serves(tenant):
            raise OAuthError("access_denied", "this issuer serves another tenant")
        code = self._codes.give(request, tenant, attempt.session_id, self._sign_in.visitor(call), reused=False)
        if code is None:
            # OIDC Core 3.1.2.1: so too when another person signed in than the one of the id_token_hint.
            raise OAuthError("login_required", "the person who was asked for is not signed in")
        return code

    def _check_app(self, request: AuthorizationRequest, call: Call) -> None:
        """A sign-in takes minutes: the app may have been removed, or its address, and then nothing may go there."""
        with self._database.platform(call.actor, read_only=True) as unit:
            app = unit[Apps].get(request.client_id)
        if app is None or not is_registered(request.redirect_uri, app.redirect_uris, public=app.is_public):
            raise Refusal("app_gone", START_AGAIN, detail=f"{request.client_id} or its redirect URI was removed")
