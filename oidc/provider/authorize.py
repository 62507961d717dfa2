"""The authorization endpoint (RFC 6749 4.1.1, OIDC Core 3.1.2): prove the request, then answer from a session or sign in."""

from __future__ import annotations

from idbroker.apps.model import App, Apps
from idbroker.kernel.errors import Refusal
from idbroker.login.flow import LoginFlow
from idbroker.login.reuse import Found, SessionFinder, Wish
from idbroker.login.steps import LoginRequest
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call, Params
from idbroker.web.cookies import Cookies
from idbroker.web.sign_in import SignInFace
from oidc.provider.authorization_checks import CHECKS, MAX_STATE, Asked
from oidc.provider.authorization_request import AuthorizationRequest
from oidc.provider.code import CodeGiver
from oidc.provider.errors import OAuthError
from oidc.provider.issuer import Issuer, Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.parameters import asked_by_get, present
from oidc.provider.pushed import PushedAuthorization, names_pushed
from oidc.provider.redirect_uri import is_registered
from oidc.provider.response_mode import MODES, QUERY, ResponseModes

_WRONG_APP = "The application that sent you here is not known to this service. Please tell its operator."
_WRONG_ADDRESS = "The application asked to be answered at an address that it has not registered. Please tell its operator."


class Authorize:
    def __init__(
        self,
        *,
        database: Database,
        issuers: Issuers,
        keys: IssuerKeys,
        codes: CodeGiver,
        pushed: PushedAuthorization,
        flow: LoginFlow,
        finder: SessionFinder,
        cookies: Cookies,
        sign_in: SignInFace,
        modes: ResponseModes,
    ) -> None:
        self._database = database
        self._issuers = issuers
        self._keys = keys
        self._codes = codes
        self._pushed = pushed
        self._flow = flow
        self._finder = finder
        self._cookies = cookies
        self._sign_in = sign_in
        self._modes = modes

    def answer(self, call: Call) -> Answer:
        """RFC 6749 4.1.2.1. Raises Refusal, which is a page, until the app's address is proven; then errors go there."""
        issuer = self._issuers.of(call)
        params = call.form if call.method == "POST" else call.query
        if call.method == "POST" and names_pushed(params):
            return asked_by_get(f"{issuer.url}/oauth2/authorize", present(params))  # it can be fetched once only
        pushed = self._pushed.fetch(params, issuer, call)
        params = params if pushed is None else pushed
        app = self._client(params, call)
        address = _proven_redirect_uri(params, app)
        request = AuthorizationRequest(issuer.url, app.id, address, _state(params), _response_mode(params))
        try:
            asked = Asked(present(params), frozenset(params.repeated), issuer, app, self._keys, pushed is not None)
            for check in CHECKS:
                request = check(asked, request)
            if call.method == "POST":
                return asked_by_get(f"{issuer.url}/oauth2/authorize", asked.values)  # OIDC Core 3.1.2.1 has POST too
            return self._signed_in(request, issuer, app, call) or self._sign_in_first(request, issuer, app, call)
        except OAuthError as error:
            return self._modes.error(request, error)

    def _client(self, params: Params, call: Call) -> App:
        with self._database.platform(call.actor, read_only=True) as unit:
            app = unit[Apps].get(params.get("client_id", ""))
        if app is None:
            raise Refusal("unknown_app", _WRONG_APP, detail=f"client_id {params.get('client_id', '')[:80]!r}")
        return app

    def _signed_in(self, request: AuthorizationRequest, issuer: Issuer, app: App, call: Call) -> Answer | None:
        """A code at once, when a session of this browser will do. Raises OAuthError for what ``prompt=none`` cannot have."""
        found = None if {"login", "select_account"} & set(request.prompt) else self._find(request, issuer, app, call)
        if isinstance(found, Found):
            code = self._codes.give(request, found.tenant, found.session, self._sign_in.visitor(call), reused=True)
            if code is not None:
                return self._modes.code(request, code)
        if "none" in request.prompt:
            if found == "several":
                raise OAuthError("account_selection_required", "sessions of several tenants are live: name one")
            raise OAuthError("login_required", "nobody is signed in who meets this request")
        return None

    def _find(self, request: AuthorizationRequest, issuer: Issuer, app: App, call: Call) -> Found | str | None:
        wish = Wish(
            tenant=issuer.pinned or request.tenant,
            connection=request.connection,
            email=request.login_hint,
            max_age=request.max_age,
            app_tenants=None if app.tenants is None else tuple(app.tenants),
            subject=request.subject,
        )
        return self._finder.find(self._cookies.session_handles(call), wish, self._sign_in.visitor(call))

    def _sign_in_first(self, request: AuthorizationRequest, issuer: Issuer, app: App, call: Call) -> Answer:
        visitor, headers = self._sign_in.beginner(call)
        wanted = LoginRequest(
            resume_path=f"{issuer.path}/oauth2/resume",
            origin=request.as_origin(),
            app_id=app.id,
            app_name=app.name,
            app_tenants=None if app.tenants is None else tuple(app.tenants),
            pinned_tenant=issuer.pinned,
            tenant=request.tenant,
            connection=request.connection,
            email=request.login_hint,
            force_authn="login" in request.prompt,
            max_age=request.max_age,
            acr_values=request.acr or request.acr_values,
            select_account="select_account" in request.prompt,
        )
        return self._sign_in.answer(self._flow.begin(wanted, visitor), call, *headers)


def _proven_redirect_uri(params: Params, app: App) -> str:
    """Raises Refusal: to redirect to an address that is not the app's would make us an open redirector (RFC 9700 4.11)."""
    asked = params.get("redirect_uri", "")
    if not is_registered(asked, app.redirect_uris, public=app.is_public):
        raise Refusal("bad_redirect_uri", _WRONG_ADDRESS, detail=f"{app.id} asked for {asked[:400]!r}")
    return asked


def _response_mode(params: Params) -> str:
    """How even an error about the response mode itself is told: as was asked for, where we can."""
    mode = "" if "response_mode" in params.repeated else params.get("response_mode", "")
    return mode if mode in MODES else QUERY


def _state(params: Params) -> str | None:
    """What an error response gives back; nothing when it is not one value of a bearable length."""
    state = None if "state" in params.repeated else params.get("state")
    return state if state and len(state) <= MAX_STATE else None
