"""OAuth 2.0 client credentials for directories (RFC 6749 4.4): the directory's id and one of its tokens are the credentials.

The access token is as good as the directory token it came from: dead when that is revoked, and with no more scopes.
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_plus

import orjson

from idbroker.directories.access import DirectoryAccess
from idbroker.directories.model import SCOPES
from idbroker.directories.tokens import parse_token
from idbroker.kernel.clock import Clock
from idbroker.kernel.errors import Refusal
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.kernel.secrets import digest, matches
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import OpenRoute, Row
from scim.access_tokens import LIFETIME, AccessTokens

PATH = "/scim/oauth2/token"
_NO_STORE = (("cache-control", "no-store"), ("pragma", "no-cache"))


class TokenRefused(Refusal):
    """RFC 6749 5.2. ``code`` is the documented one, ``error`` the word of the specification."""

    def __init__(self, error: str, public: str, *, status: int = 400) -> None:
        super().__init__("scim_token_refused", public, status=status, detail=error)
        self.error = error


def oauth_error(refusal: Refusal, call: Call) -> Answer:
    error = refusal.error if isinstance(refusal, TokenRefused) else "invalid_request"
    if refusal.status >= 500:
        error = "temporarily_unavailable"
    headers: tuple[tuple[str, str], ...] = _NO_STORE
    if refusal.status == 401:
        headers = (*headers, ("www-authenticate", 'Basic realm="scim"'))
    return json_answer({"error": error, "error_description": refusal.public}, refusal.status, *headers)


class TokenEndpoint:
    def __init__(self, database: Database, clock: Clock, access_tokens: AccessTokens) -> None:
        self._database = database
        self._clock = clock
        self._access_tokens = access_tokens

    def rows(self) -> list[Row]:
        return [OpenRoute(method="POST", path=PATH, handler=self.token, limit="token", errors=oauth_error, inline=False)]

    def token(self, call: Call) -> Answer:
        form = call.form
        if form.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type", "The grant here is client_credentials.")
        client_id, secret = _credentials(call)
        handle, now = parse_token(secret), self._clock.now()
        if handle is None:
            raise _no_client()
        scope = TenantScope(handle.tenant, Actor(type="scim_client", id=handle.token_id, ip=call.client_ip), call.request_id)
        with self._database.tenant(scope, read_only=True) as unit:
            access = unit[DirectoryAccess].of_token(handle.token_id)
        good = matches(handle.secret, access.secret_digest if access else digest(""))
        if access is None or not good or access.revoked_at is not None or access.directory_id != client_id:
            raise _no_client()
        if access.expires_at is not None and access.expires_at <= now:
            raise _no_client()
        scopes = _scopes(form.get("scope"), access.scopes)
        token = self._access_tokens.make(handle, scopes, now)
        shown = " ".join(one for one in SCOPES if one in scopes)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": int(LIFETIME.total_seconds()), "scope": shown}
        return Answer(200, orjson.dumps(answer), "application/json", _NO_STORE)


def _scopes(asked: str | None, held: list[str]) -> frozenset[str]:
    if asked is None or not asked.strip():
        return frozenset(held)
    wanted = frozenset(asked.split())
    if not wanted <= set(held):
        raise TokenRefused("invalid_scope", "The directory's token does not have that scope.")
    return wanted


def _credentials(call: Call) -> tuple[str, str]:
    """HTTP Basic, or the two parameters (RFC 6749 2.3.1); not both."""
    scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
    if not scheme:
        return call.form.get("client_id", ""), call.form.get("client_secret", "")
    if scheme.lower() != "basic" or "client_secret" in call.form:
        raise TokenRefused("invalid_request", "Send the client's credentials in one way.")
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError) as error:
        raise _no_client() from error
    return (unquote_plus(user), unquote_plus(password)) if colon else ("", "")


def _no_client() -> TokenRefused:
    return TokenRefused("invalid_client", "These are not the credentials of a directory.", status=401)
