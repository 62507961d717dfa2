"""The authorization request (OIDC Core 3.1.2.1) and what of it is derived from the attempt's handle."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode, urlsplit

from idbroker.federation.contract import AttemptRef
from idbroker.federation.options import ConnectionOptions
from idbroker.kernel.secrets import derive
from oidc.jose import b64url
from oidc.relying_party.settings import RpSettings

OUR_PARAMETERS = frozenset(
    {
        "response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method", "login_hint", "prompt", "max_age", "acr_values", "request", "request_uri",
    }
)  # fmt: skip
"""What an IdP's authorization_endpoint must not bring along in its own query."""


def nonce_of(attempt: AttemptRef) -> str:
    return derive(attempt.handle, "oidc:nonce")


def code_verifier_of(attempt: AttemptRef) -> str:
    """43 characters of base64url, as RFC 7636 4.1 wants them."""
    return derive(attempt.handle, "oidc:code-verifier")


def forced(attempt: AttemptRef, options: ConnectionOptions) -> bool:
    return attempt.force_authn or options.force_authn


def _prompt(attempt: AttemptRef, options: ConnectionOptions) -> str:
    """``none`` stands alone (OIDC Core 3.1.2.1)."""
    if attempt.is_passive:
        return "none"
    words = ("login" if forced(attempt, options) else "", "select_account" if attempt.select_account else "")
    return " ".join(word for word in words if word)


def _acr_values(settings: RpSettings, options: ConnectionOptions, attempt: AttemptRef) -> tuple[str, ...]:
    """What the connection demands; else what the app would like, as far as the IdP says that it knows it."""
    if options.authn_context:
        return options.authn_context
    known = settings.acr_values
    return tuple(value for value in attempt.acr_values if known is None or value in known)


def authorization_url(settings: RpSettings, options: ConnectionOptions, attempt: AttemptRef, redirect_uri: str) -> str:
    """Where the browser goes. The endpoint's own query stays in front (RFC 6749 3.1)."""
    challenge = b64url(hashlib.sha256(code_verifier_of(attempt).encode()).digest())
    query = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(settings.scopes),
        "state": attempt.handle,
        "nonce": nonce_of(attempt),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if attempt.login_hint is not None:
        query["login_hint"] = attempt.login_hint
    prompt = _prompt(attempt, options)
    if prompt:
        query["prompt"] = prompt
    if attempt.max_age is not None:
        query["max_age"] = str(attempt.max_age)
    acr_values = _acr_values(settings, options, attempt)
    if acr_values:
        query["acr_values"] = " ".join(acr_values)
    parts = urlsplit(settings.authorization_endpoint)
    own = parts.query.strip("&")
    return parts._replace(query=f"{own}&{urlencode(query)}" if own else urlencode(query)).geturl()
