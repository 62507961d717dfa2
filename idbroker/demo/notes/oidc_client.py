"""Sign-in with OpenID Connect: authorization code flow with PKCE, configured by discovery alone."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS = ["RS256", "ES256", "EdDSA"]
SCOPE = "openid profile email groups"


class SignInFailed(Exception):
    """The message may be shown to the person."""


@dataclass(frozen=True)
class Settings:
    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    signed_out_uri: str


@dataclass(frozen=True)
class Pending:
    """A sign-in under way, kept in the browser's session here."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))


@dataclass(frozen=True)
class SignedIn:
    id_token: str
    access_token: str
    id_claims: dict[str, Any]
    access_header: dict[str, Any]
    access_claims: dict[str, Any]
    userinfo: dict[str, Any]


class OidcClient:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metadata: dict[str, Any] | None = None

    async def authorization_url(self, pending: Pending, email: str) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(pending.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": SCOPE,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if email:
            query["login_hint"] = email
        return f"{(await self.metadata())['authorization_endpoint']}?{urlencode(query)}"

    async def finish(self, answer: Mapping[str, str], pending: Pending | None) -> SignedIn:
        """From the redirect back to verified claims. Raises SignInFailed."""
        metadata = await self.metadata()
        _check_answer(answer, pending, metadata)
        if pending is None:
            raise SignInFailed("This sign-in was not begun here.")
        tokens = await self._exchange(metadata, answer["code"], pending)
        published: Any = await _get(metadata["jwks_uri"])
        keys = KeySet.import_key_set(published)
        identity = _verified(tokens["id_token"], keys)
        access = _verified(tokens["access_token"], keys)
        self._check_id_token(identity.claims, pending)
        _check(access.header.get("typ") == "at+jwt", "the access token is not of type at+jwt (RFC 9068)")
        _check(access.claims.get("iss") == self._settings.issuer, "the access token is another issuer's")
        userinfo = await _get(metadata["userinfo_endpoint"], {"authorization": f"Bearer {tokens['access_token']}"})
        _check(userinfo.get("sub") == identity.claims["sub"], "userinfo is about someone else")
        return SignedIn(
            tokens["id_token"], tokens["access_token"], identity.claims, dict(access.header), access.claims, userinfo
        )

    async def sign_out_url(self, id_token: str) -> str | None:
        """Where RP-Initiated Logout begins; None when the provider has none."""
        endpoint = (await self.metadata()).get("end_session_endpoint")
        if not isinstance(endpoint, str):
            return None
        query = {"id_token_hint": id_token, "post_logout_redirect_uri": self._settings.signed_out_uri}
        return f"{endpoint}?{urlencode(query)}"

    async def metadata(self) -> dict[str, Any]:
        """OpenID Connect Discovery 4, kept once read."""
        if self._metadata is None:
            metadata = await _get(f"{self._settings.issuer}/.well-known/openid-configuration")
            _check(metadata.get("issuer") == self._settings.issuer, "discovery names another issuer")
            self._metadata = metadata
        return self._metadata

    async def _exchange(self, metadata: dict[str, Any], code: str, pending: Pending) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_uri,
            "code_verifier": pending.verifier,
        }
        credentials = f"{quote_plus(self._settings.client_id)}:{quote_plus(self._settings.client_secret)}"
        headers = {"authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
            response = await http.post(metadata["token_endpoint"], data=form, headers=headers)
        _check(response.status_code == 200, f"the token endpoint answered {response.status_code}: {response.text[:200]}")
        tokens: dict[str, Any] = response.json()
        return tokens

    def _check_id_token(self, claims: dict[str, Any], pending: Pending) -> None:
        """OpenID Connect Core 3.1.3.7."""
        audience = claims.get("aud")
        _check(claims.get("iss") == self._settings.issuer, "the ID token is another issuer's")
        _check(self._settings.client_id in (audience if isinstance(audience, list) else [audience]), "wrong audience")
        _check(claims.get("nonce") == pending.nonce, "the nonce is another sign-in's")


def _check_answer(answer: Mapping[str, str], pending: Pending | None, metadata: dict[str, Any]) -> None:
    _check(pending is not None and answer.get("state") == pending.state, "this answer belongs to no sign-in begun here")
    if metadata.get("authorization_response_iss_parameter_supported"):
        _check(answer.get("iss") == metadata["issuer"], "the answer comes from another issuer (RFC 9207)")
    if "error" in answer:
        raise SignInFailed(f"The sign-in did not succeed: {answer.get('error_description') or answer['error']}.")
    _check("code" in answer, "the answer carries no code")


def _verified(token: str, keys: KeySet) -> jwt.Token:
    try:
        found = jwt.decode(token, keys, algorithms=ALGORITHMS)
    except (JoseError, ValueError) as error:
        raise SignInFailed(f"A token could not be verified: {error}.") from error
    _check(isinstance(found.claims.get("exp"), int) and found.claims["exp"] > time.time(), "a token has expired")
    return found


async def _get(url: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
        response = await http.get(url, headers=headers)
    _check(response.status_code == 200, f"{url} answered {response.status_code}")
    document: dict[str, Any] = response.json()
    return document


def _check(good: object, problem: str) -> None:
    if not good:
        raise SignInFailed(f"Sign-in failed: {problem}.")
