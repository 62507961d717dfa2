"""A small OpenID provider for the demo and the tests: the core without HTTP. It believes whoever calls ``grant``.

Code flow with PKCE, one-time codes, userinfo; logout asked for by the client, and told to it. Everything lives in memory.
Plainly a demo: it is never part of ``serve``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus, urlencode

from cryptography.hazmat.primitives.asymmetric import ec

from idbroker.kernel.clock import Clock
from idbroker.kernel.secrets import new_secret
from oidc import jose

CODE_LIFE = timedelta(seconds=60)
TOKEN_LIFE = timedelta(minutes=10)
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
SCOPES = ("openid", "email", "profile", "groups")

Answer = tuple[int, dict[str, Any]]
"""HTTP status and JSON body."""


class DemoOpError(Exception):
    """A request that must not be answered by redirect: unknown client or redirect URI (RFC 6749 4.1.2.1)."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    sub: str
    email: str
    given_name: str
    family_name: str
    groups: tuple[str, ...] = ()
    email_verified: bool = True

    def claims(self, scopes: frozenset[str]) -> dict[str, Any]:
        """By scope, as OIDC Core 5.4 sorts them; ``groups`` is everybody's own invention."""
        found: dict[str, Any] = {"sub": self.sub}
        if "email" in scopes:
            found |= {"email": self.email, "email_verified": self.email_verified}
        if "profile" in scopes:
            name = f"{self.given_name} {self.family_name}"
            found |= {"given_name": self.given_name, "family_name": self.family_name, "name": name}
        if "groups" in scopes:
            found |= {"groups": list(self.groups)}
        return found


@dataclass(frozen=True, slots=True)
class DemoClient:
    redirect_uris: tuple[str, ...]
    secret: str | None = None
    """None: a public client, which PKCE alone protects."""
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """A valid authorization request, waiting for a person."""

    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    state: str | None
    nonce: str | None
    code_challenge: str
    login_hint: str | None = None


@dataclass(frozen=True, slots=True)
class _Grant:
    request: DemoRequest
    person: DemoPerson
    signed_in_at: datetime
    until: datetime


@dataclass(slots=True)
class SigningKey:
    """The key of the moment; tests put another in its place."""

    native: jose.NativePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    alg: str = "ES256"
    kid: str = "demo-1"

    def jwk(self) -> dict[str, Any]:
        return jose.public_jwk(self.native.public_key(), self.kid, self.alg)


class DemoOp:
    """Thread-safe. ``issuer`` is the address below which the endpoints are served, without a final slash."""

    def __init__(
        self,
        issuer: str,
        clients: Mapping[str, DemoClient],
        clock: Clock,
        *,
        key: SigningKey | None = None,
        logout: bool = False,
    ) -> None:
        """``logout``: whether it offers any."""
        self.issuer = issuer
        self._logout = logout
        self.clients = dict(clients)
        self.key = key or SigningKey()
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, _Grant] = {}
        self._access: dict[str, _Grant] = {}

    def discovery(self) -> dict[str, Any]:
        """For ``{issuer}/.well-known/openid-configuration``."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.key.alg],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **(
                {"end_session_endpoint": f"{self.issuer}/end-session", "backchannel_logout_supported": True}
                if self._logout
                else {}
            ),
        }

    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.key.jwk()]}

    def authorization(self, params: Mapping[str, str]) -> DemoRequest | str:
        """A request to show the login form for, or the URL that takes an error back. Raises DemoOpError."""
        client = self.clients.get(params.get("client_id", ""))
        if client is None:
            raise DemoOpError("The demo provider does not know this client_id.")
        if params.get("redirect_uri") not in client.redirect_uris:
            raise DemoOpError("The demo provider does not know this redirect_uri.")
        request = DemoRequest(
            client_id=params["client_id"],
            redirect_uri=params["redirect_uri"],
            scopes=frozenset(params.get("scope", "").split()),
            state=params.get("state"),
            nonce=params.get("nonce"),
            code_challenge=params.get("code_challenge", ""),
            login_hint=params.get("login_hint"),
        )
        if params.get("response_type") != "code":
            return self._back(request, error="unsupported_response_type")
        if "openid" not in request.scopes:
            return self._back(request, error="invalid_scope")
        if params.get("code_challenge_method") != "S256" or len(request.code_challenge) != 43:
            return self._back(request, error="invalid_request", error_description="PKCE with S256 is required")
        return request

    def grant(self, request: DemoRequest, person: DemoPerson) -> str:
        """The person has signed in: the URL that takes a fresh code back to the client."""
        code, now = new_secret(), self._clock.now()
        with self._lock:
            self._forget(now)
            self._codes[code] = _Grant(request, person, now, now + CODE_LIFE)
        return self._back(request, code=code)

    def deny(self, request: DemoRequest) -> str:
        """The person cancelled."""
        return self._back(request, error="access_denied")

    def token(self, form: Mapping[str, str], authorization: str | None = None) -> Answer:
        """The token endpoint. ``authorization`` is the request's header of that name."""
        client_id = self._authenticated(form, authorization)
        if client_id is None:
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") != "authorization_code":
            return 400, {"error": "unsupported_grant_type"}
        with self._lock:
            grant = self._codes.pop(form.get("code", ""), None)
        if grant is None or not self._matches(grant, client_id, form):
            return 400, {"error": "invalid_grant"}
        return 200, self.issue(grant.request, grant.person, grant.signed_in_at)

    def issue(self, request: DemoRequest, person: DemoPerson, signed_in_at: datetime) -> dict[str, Any]:
        """The body of a token response."""
        access_token, now = new_secret(), self._clock.now()
        with self._lock:
            self._access[access_token] = _Grant(request, person, signed_in_at, now + TOKEN_LIFE)
        claims = {
            "iss": self.issuer,
            "aud": request.client_id,
            "iat": int(now.timestamp()),
            "exp": int((now + TOKEN_LIFE).timestamp()),
            "auth_time": int(signed_in_at.timestamp()),
            "amr": ["pwd"],
            "at_hash": jose.half_hash(access_token, self.key.alg),
            **({} if request.nonce is None else {"nonce": request.nonce}),
            **person.claims(request.scopes),
        }
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(TOKEN_LIFE.total_seconds()),
            "scope": " ".join(sorted(request.scopes)),
            "id_token": self.sign(claims),
        }

    def sign(self, claims: Mapping[str, Any]) -> str:
        return jose.sign(claims, self.key.native, alg=self.key.alg, kid=self.key.kid)

    def userinfo(self, authorization: str | None) -> Answer:
        """The userinfo endpoint, with the header of the request."""
        with self._lock:
            grant = self._access.get((authorization or "").removeprefix("Bearer "))
        if grant is None or self._clock.now() >= grant.until:
            return 401, {"error": "invalid_token"}
        return 200, grant.person.claims(grant.request.scopes)

    def end_session(self, params: Mapping[str, str]) -> str:
        """RP-Initiated Logout 2: the address that the browser goes back to. Raises DemoOpError for what cannot be believed."""
        client = self.clients.get(self._hinted(params.get("id_token_hint", "")) or "")
        if client is None:
            raise DemoOpError("The demo provider cannot tell who signs out: the id_token_hint is not one of its ID tokens.")
        back = params.get("post_logout_redirect_uri", "")
        if back not in client.post_logout_redirect_uris:
            raise DemoOpError("The demo provider does not know this post_logout_redirect_uri.")
        state = {"state": params["state"]} if "state" in params else {}
        return f"{back}{'&' if '?' in back else '?'}{urlencode(state)}" if state else back

    def logout_tokens(self, sub: str) -> list[tuple[str, str]]:
        """(address, logout token) for each client that wants to hear that the person is out (Back-Channel Logout 2.4)."""
        now = int(self._clock.now().timestamp())
        found = []
        for client_id, client in self.clients.items():
            if client.backchannel_logout_uri is not None:
                claims = {
                    "iss": self.issuer, "aud": client_id, "iat": now, "exp": now + 120, "jti": new_secret(), "sub": sub,
                    "events": {LOGOUT_EVENT: {}},
                }  # fmt: skip
                token = jose.sign(claims, self.key.native, alg=self.key.alg, kid=self.key.kid, typ="logout+jwt")
                found.append((client.backchannel_logout_uri, token))
        return found

    def _hinted(self, id_token: str) -> str | None:
        """The client that an ID token of ours was given to, expired or not."""
        try:
            keys = jose.key_set([jose.as_key(self.key.native.public_key(), kid=self.key.kid)])
            _, claims = jose.verify(id_token, keys, [self.key.alg])
        except jose.BadToken:
            return None
        return claims.get("aud") if claims.get("iss") == self.issuer else None

    def _authenticated(self, form: Mapping[str, str], authorization: str | None) -> str | None:
        if authorization is not None:
            client_id, secret = _basic(authorization)
        else:
            client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        client = self.clients.get(client_id)
        if client is None or not hmac.compare_digest(secret.encode(), (client.secret or "").encode()):
            return None
        return client_id

    def _matches(self, grant: _Grant, client_id: str, form: Mapping[str, str]) -> bool:
        challenge = jose.b64url(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        return (
            self._clock.now() < grant.until
            and grant.request.client_id == client_id
            and grant.request.redirect_uri == form.get("redirect_uri")
            and hmac.compare_digest(challenge.encode(), grant.request.code_challenge.encode())
        )

    def _back(self, request: DemoRequest, **params: str) -> str:
        state = {} if request.state is None else {"state": request.state}
        separator = "&" if "?" in request.redirect_uri else "?"
        return request.redirect_uri + separator + urlencode({**params, **state, "iss": self.issuer})

    def _forget(self, now: datetime) -> None:
        for store in (self._codes, self._access):
            for key in [key for key, grant in store.items() if now >= grant.until]:
                del store[key]


def _basic(authorization: str) -> tuple[str, str]:
    """RFC 6749 2.3.1: both parts are form-encoded inside the credentials."""
    scheme, _, credentials = authorization.partition(" ")
    try:
        pair = base64.b64decode(credentials, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        pair = ""
    client_id, _, secret = pair.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)
