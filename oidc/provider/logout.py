"""Signing out at an app's wish (OIDC RP-Initiated Logout 1.0). Only the browser that a session lives in can end it here.

the hint names a session of this browser   it is ended at once
nothing of the kind is live here           nothing to end
else                                       the person is asked, lest any page can sign people out (section 6)

Where an IdP offers it, the browser then visits it to end its session too (``login.logout``).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from idbroker.apps.model import App, Apps
from idbroker.kernel.errors import Refusal
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.kernel.secrets import derive
from idbroker.login.logout import Ended, LogoutFlow
from idbroker.login.steps import Destination, SignedOut
from idbroker.sessions.handles import Handle
from idbroker.sessions.service import SessionService
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call
from idbroker.web.cookies import Cookies
from idbroker.web.messages import spoken
from idbroker.web.pages import Pages
from idbroker.web.sign_in import SignInFace
from oidc.jose import BadToken
from oidc.provider.authorization_checks import MAX_STATE
from oidc.provider.id_token_hint import IdTokenHint, read_hint
from oidc.provider.issuer import Issuer, Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.parameters import asked_by_get, present

REASON = "logout"
_PURPOSE = "idbroker logout confirmation"
_BAD_RETURN = "The application asked to send you to an address that it has not registered. You are still signed in."
_BAD_CLIENT = "The application that sent you here is not known to this service. You are still signed in."
_NOT_CONFIRMED = "This page has expired. Please go back to the application and sign out again."


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """``return_to`` is proven to be one of the app's addresses; None without one."""

    hint: IdTokenHint | None
    app: App | None
    return_to: str | None
    state: str | None

    @property
    def fields(self) -> dict[str, str]:
        """What the confirmation page must send again; it is judged anew then."""
        given = {
            "client_id": None if self.app is None else self.app.id,
            "post_logout_redirect_uri": self.return_to,
            "state": self.state,
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def destination(self) -> Destination:
        location = self.return_to
        if location is not None and self.state is not None:
            location += f"{'&' if '?' in location else '?'}{urlencode({'state': self.state})}"
        return Destination(location, self.app.name if self.app else None)


class Logout:
    def __init__(
        self,
        *,
        database: Database,
        issuers: Issuers,
        keys: IssuerKeys,
        sessions: SessionService,
        cookies: Cookies,
        sign_in: SignInFace,
        pages: Pages,
        leaving: LogoutFlow,
    ) -> None:
        self._database = database
        self._issuers = issuers
        self._keys = keys
        self._sessions = sessions
        self._cookies = cookies
        self._sign_in = sign_in
        self._pages = pages
        self._leaving = leaving

    def answer(self, call: Call) -> Answer:
        """Raises Refusal for an unknown app or an address that is not its own: to go there would be an open redirect."""
        issuer = self._issuers.of(call)
        if call.method == "POST":  # section 2
            return asked_by_get(f"{issuer.url}/oauth2/logout", present(call.form))
        request = self._judged(issuer, present(call.query), call)
        live = self._live(issuer, call)
        if not live:
            return self._done(request, call)
        named = [handle for handle in live if _is_named(handle, request.hint)]
        if named:
            return self._end(request, named, call)
        if request.hint is not None and request.hint.tenant_id not in {handle.tenant for handle in live}:
            return self._done(request, call)
        return self._ask(issuer, request, call)

    def confirmed(self, call: Call) -> Answer:
        """The confirmation page's button. Raises Refusal unless that page was made for this browser."""
        issuer = self._issuers.of(call)
        values = present(call.form)
        secret = self._sign_in.visitor(call).secret
        if secret is None or not hmac.compare_digest(derive(secret, _PURPOSE).encode(), values.get("proof", "").encode()):
            raise Refusal("logout_not_confirmed", _NOT_CONFIRMED, detail="no proof that this browser was asked", status=403)
        request = self._judged(issuer, values, call)
        return self._end(request, self._live(issuer, call), call)

    def _judged(self, issuer: Issuer, values: Mapping[str, str], call: Call) -> LogoutRequest:
        hint = self._hint(issuer, values.get("id_token_hint"))
        client_id = values.get("client_id", hint.client_id if hint else None)
        if hint is not None and client_id != hint.client_id:  # section 2
            raise Refusal("unknown_app", _BAD_CLIENT, detail="client_id is not the audience of id_token_hint")
        app = self._app(client_id, call)
        return_to = values.get("post_logout_redirect_uri")
        if return_to is not None and (app is None or return_to not in app.post_logout_redirect_uris):  # section 3
            raise Refusal("bad_redirect_uri", _BAD_RETURN, detail=f"{client_id} asked for {return_to[:400]!r}")
        return LogoutRequest(hint, app, return_to, values.get("state", "")[:MAX_STATE] or None)

    def _hint(self, issuer: Issuer, token: str | None) -> IdTokenHint | None:
        """A hint that does not verify (its key may be long gone) is worth nothing, but no reason to keep people signed in."""
        if token is None:
            return None
        try:
            return read_hint(self._keys, issuer, token)
        except BadToken:
            return None

    def _app(self, client_id: str | None, call: Call) -> App | None:
        if client_id is None:
            return None
        with self._database.platform(call.actor, read_only=True) as unit:
            app = unit[Apps].get(client_id)
        if app is None:
            raise Refusal("unknown_app", _BAD_CLIENT, detail=f"client_id {client_id[:80]!r}")
        return app

    def _live(self, issuer: Issuer, call: Call) -> list[Handle]:
        """The live sessions of this browser that the issuer has a say in."""
        return [h for h in self._cookies.session_handles(call) if issuer.serves(h.tenant) and self._is_live(h, call)]

    def _is_live(self, handle: Handle, call: Call) -> bool:
        with self._database.tenant(_scope(handle.tenant, call), read_only=True) as unit:
            return self._sessions.find(unit, handle) is not None

    def _ask(self, issuer: Issuer, request: LogoutRequest, call: Call) -> Answer:
        visitor, headers = self._sign_in.beginner(call)
        page = self._pages.render(
            "logout_confirm.html",
            leaves=True,
            words=spoken(call),
            address=f"{issuer.path}/oauth2/logout/confirm",
            app_name=request.app.name if request.app else None,
            fields={**request.fields, "proof": derive(visitor.secret or "", _PURPOSE)},
        )
        return page.with_headers(*headers)

    def _end(self, request: LogoutRequest, handles: Sequence[Handle], call: Call) -> Answer:
        """Here at once; then the browser goes to the IdPs of these sessions, and ends where the app wants it."""
        ended: list[Ended] = []
        for handle in handles:
            with self._database.tenant(_scope(handle.tenant, call)) as unit:
                session = self._sessions.find(unit, handle)
                if session is not None:
                    self._sessions.end(unit, session, REASON)
                    ended.append(Ended(handle.tenant, session.id))
        visitor, headers = self._sign_in.beginner(call)
        step = self._leaving.leave(ended, request.destination, visitor)
        dropped = self._cookies.drop_sessions(call, [handle.tenant for handle in handles])
        return self._sign_in.signed_out(step, call, *headers, dropped)

    def _done(self, request: LogoutRequest, call: Call) -> Answer:
        return self._sign_in.signed_out(SignedOut(request.destination), call)


def _is_named(handle: Handle, hint: IdTokenHint | None) -> bool:
    session_id = handle.secret.partition(".")[0]
    return hint is not None and (hint.tenant_id, hint.session_id) == (handle.tenant, session_id)


def _scope(tenant: TenantId, call: Call) -> TenantScope:
    return TenantScope(tenant, call.actor, call.request_id)
