"""OAuth errors, and the two faces that word them as JSON.

    OAuthError             an error with a name of RFC 6749 4.1.2.1 or 5.2, RFC 6750 3.1, RFC 8707 2 or OIDC Core 3.1.2.6
      InvalidClient        client authentication failed: 401
    NoToken                a protected resource was asked for without credentials (RFC 6750 3.1: a challenge, no error name)

At the authorization endpoint the same OAuthError becomes a redirect to the app, once its address is proven.
"""

from __future__ import annotations

import re

from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call, json_answer
from oidc.jose import ALGORITHMS

NEVER_STORED: tuple[tuple[str, str], ...] = (("cache-control", "no-store"), ("pragma", "no-cache"))
"""RFC 6749 5.1 asks for both on every answer that holds a token or a credential's fate."""

_NOT_IN_DESCRIPTION = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")


class OAuthError(Refusal):
    """``code`` is the OAuth error name, ``public`` the ``error_description``."""

    def __init__(self, code: str, description: str, *, detail: str = "", status: int = 400) -> None:
        super().__init__(code, description, detail=detail, status=status)


class InvalidClient(OAuthError):
    """The sentence never says whether the client exists."""

    def __init__(self, detail: str) -> None:
        super().__init__("invalid_client", "Client authentication failed.", detail=detail, status=401)


class NoToken(Refusal):
    status = 401

    def __init__(self) -> None:
        super().__init__("no_token", "An access token is needed.")


def described(text: str) -> str:
    """``text`` within the characters that ``error_description`` may hold (RFC 6749 5.2)."""
    return _NOT_IN_DESCRIPTION.sub("'", text)


def oauth_errors(refusal: Refusal, call: Call) -> Answer:
    """RFC 6749 5.2: the error face of the token endpoint and of the metadata documents."""
    status = refusal.status if isinstance(refusal, OAuthError) or refusal.status != 415 else 400
    headers = NEVER_STORED
    if status == 401:
        headers = (*headers, ("www-authenticate", 'Basic realm="idbroker", charset="UTF-8"'))
    return json_answer(_document(refusal), status, *headers)


def bearer_errors(refusal: Refusal, call: Call) -> Answer:
    """RFC 6750 3: the error face of resources that take a Bearer token."""
    scheme = "DPoP" if call.headers.get("authorization", "").lower().startswith("dpop ") else "Bearer"  # RFC 9449 7.1
    challenge = f'{scheme} realm="idbroker"'
    if isinstance(refusal, OAuthError):
        challenge += f', error="{refusal.code}", error_description="{described(refusal.public)}"'
    if scheme == "DPoP":
        challenge += f', algs="{" ".join(ALGORITHMS)}"'
    headers = (*NEVER_STORED, ("www-authenticate", challenge)) if refusal.status in (400, 401, 403) else NEVER_STORED
    return json_answer(_document(refusal), refusal.status, *headers)


def _document(refusal: Refusal) -> dict[str, str]:
    return {"error": _name(refusal), "error_description": described(refusal.public)}


def _name(refusal: Refusal) -> str:
    if isinstance(refusal, OAuthError):
        return refusal.code
    if refusal.status >= 500:
        return "server_error"
    return {401: "invalid_token", 404: "not_found", 429: "temporarily_unavailable"}.get(refusal.status, "invalid_request")
