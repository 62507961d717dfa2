"""Client authentication (RFC 6749 2.3): exactly the method that the app has registered, and one method only."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote_plus

from idbroker.apps.model import App
from idbroker.apps.registered import app_with_secret, read_app
from idbroker.kernel.clock import Clock
from idbroker.sessions.jti import UsedJtis
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.web.call import Call
from oidc.provider.client_assertion import TYPE, Assertion, check_assertion, claimed_subject
from oidc.provider.client_keys import ClientKeys
from oidc.provider.errors import InvalidClient, OAuthError
from oidc.provider.issuer import Issuer

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
MAX_CREDENTIAL = 512


@dataclass(frozen=True, slots=True)
class UnverifiedClient:
    """Who the caller says he is. ``secret`` is empty for the methods without one."""

    client_id: str
    secret: str
    method: str
    assertion: Assertion | None = None
    """Checked already, except that it is not known yet whether it was used before."""


class ClientAuthentication:
    """In two steps: what needs no transaction of the request's own (and may ask the network), and what does."""

    def __init__(self, database: Database, keys: ClientKeys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    def claimed(self, call: Call, form: Mapping[str, str], issuer: Issuer) -> UnverifiedClient:
        """What the request presents. Raises InvalidClient, or OAuthError when the request is ambiguous."""
        claimed = presented(call.headers.get("authorization"), form)
        if claimed.method != "private_key_jwt":
            return claimed
        with self._database.platform(call.actor, read_only=True) as unit:
            app = read_app(unit, claimed.client_id)
        if app is None or app.token_endpoint_auth_method != claimed.method:
            raise InvalidClient(f"{claimed.client_id[:80]!r} is not registered for private_key_jwt")
        audiences = (issuer.url, f"{issuer.url}/oauth2/token", f"{call.base_url}{call.path}")  # RFC 7523 3, RFC 9126 2
        assertion = check_assertion(app, form["client_assertion"], self._keys, audiences, self._clock.now())
        return replace(claimed, assertion=assertion)

    def proven(self, unit: PlatformUnit, claimed: UnverifiedClient) -> App:
        """The app, when its proof is good. Raises InvalidClient."""
        app, matches = app_with_secret(unit, claimed.client_id, claimed.secret)
        if app is None:
            raise InvalidClient(f"no app {claimed.client_id[:80]!r}")
        if app.token_endpoint_auth_method != claimed.method:
            raise InvalidClient(f"{app.id} came with {claimed.method}, registered is {app.token_endpoint_auth_method}")
        if app.has_secret and not matches:
            raise InvalidClient(f"{app.id} came with a wrong secret")
        if claimed.method == "private_key_jwt":
            _claim(unit, claimed)
        return app


def _claim(unit: PlatformUnit, claimed: UnverifiedClient) -> None:
    """RFC 7523 3, point 7. Raises InvalidClient for a replay."""
    assertion = claimed.assertion
    if assertion is None or not unit[UsedJtis].claim(claimed.client_id, assertion.jti, assertion.until):
        raise InvalidClient(f"{claimed.client_id}: the assertion was used before")


def presented(authorization: str | None, form: Mapping[str, str]) -> UnverifiedClient:
    """What the request presents. Pure. Raises InvalidClient, or OAuthError for two methods at once (RFC 6749 2.3)."""
    if authorization is not None:
        client_id, secret = _basic(authorization)
        if "client_secret" in form or "client_assertion" in form:
            raise OAuthError("invalid_request", "two ways of client authentication at once")
        if form.get("client_id", client_id) != client_id:
            raise OAuthError("invalid_request", "two different client ids")
        return UnverifiedClient(client_id, secret, "client_secret_basic")
    if "client_assertion" in form or "client_assertion_type" in form:
        return _by_assertion(form)
    if "client_id" not in form:
        raise InvalidClient("no client id")
    if "client_secret" in form:
        return UnverifiedClient(form["client_id"], form["client_secret"][:MAX_CREDENTIAL], "client_secret_post")
    return UnverifiedClient(form["client_id"], "", "none")


def _by_assertion(form: Mapping[str, str]) -> UnverifiedClient:
    """RFC 7521 4.2."""
    if form.get("client_assertion_type") != TYPE or "client_assertion" not in form:
        raise InvalidClient("client_assertion and client_assertion_type do not go together")
    if "client_secret" in form:
        raise OAuthError("invalid_request", "two ways of client authentication at once")
    subject = claimed_subject(form["client_assertion"])
    if form.get("client_id", subject) != subject:
        raise OAuthError("invalid_request", "two different client ids")
    return UnverifiedClient(subject, "", "private_key_jwt")


def _basic(header: str) -> tuple[str, str]:
    """RFC 7617, with both parts in form encoding (RFC 6749 2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 4 * MAX_CREDENTIAL:
        raise InvalidClient("the Authorization header is not Basic")
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        decoded = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError) as error:
        raise InvalidClient("the Basic credentials cannot be read") from error
    if not colon or "\0" in decoded[0]:
        raise InvalidClient("the Basic credentials cannot be read")
    return decoded
