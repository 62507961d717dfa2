"""Signing out at the IdP: the request that takes the browser there (OIDC RP-Initiated Logout 1.0), and its coming back."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from idbroker.federation.contract import Handoff, PostTo, RedirectTo
from idbroker.federation.logout import LogoutAnswered
from oidc.relying_party.refusals import shown
from oidc.relying_party.reply_checks import handle_in
from oidc.relying_party.settings import RpSettings

PARAMETERS = frozenset({"id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"})
"""What an IdP's end_session_endpoint must not bring along in its own query."""

MAX_HINT = 16 * 1024
"""Characters of an ID token that is kept as a hint. A longer one is left out: the IdP then asks the person, no more."""
MAX_URL = 4000
"""Beyond this a request goes by form (RP-Initiated Logout 2: every OP takes POST): servers refuse long addresses."""


def kept_hint(settings: RpSettings, id_token: str) -> dict[str, str]:
    """What of an ID token is kept, sealed, with the session; nothing where there is no logout to use it for."""
    if settings.end_session_endpoint is None or len(id_token) > MAX_HINT:
        return {}
    return {"id_token": id_token}


def logout_request(settings: RpSettings, upstream: Mapping[str, str], back: str, handle: str) -> Handoff | None:
    """To the IdP's end_session_endpoint and back to ``back``. None when it has none, or the sign-in was at another issuer."""
    endpoint = settings.end_session_endpoint
    if endpoint is None or upstream.get("iss") != settings.issuer:
        return None
    asked = {"client_id": settings.client_id, "post_logout_redirect_uri": back, "state": handle}
    if "id_token" in upstream:
        asked = {"id_token_hint": upstream["id_token"], **asked}
    parts = urlsplit(endpoint)
    own = parts.query.strip("&")
    url = parts._replace(query=f"{own}&{urlencode(asked)}" if own else urlencode(asked)).geturl()
    return RedirectTo(url) if len(url) <= MAX_URL else PostTo(endpoint, asked)


def logout_answer(params: Mapping[str, str]) -> LogoutAnswered:
    """The browser is back. ``state`` says from which trip; who answers with an error has not signed anybody out."""
    if "error" in params:
        told = {name: params[name] for name in ("error", "error_description") if name in params}
        return LogoutAnswered(handle_in(params), "failed", shown(told))
    return LogoutAnswered(handle_in(params), "success")


def carries_ours(endpoint: str) -> bool:
    """Whether the endpoint's own query has a parameter that is ours to set, or cannot be read."""
    try:
        own = parse_qsl(urlsplit(endpoint).query, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return True
    return any(name in PARAMETERS for name, _ in own)
