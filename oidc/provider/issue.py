"""Making the tokens of one answer of the token endpoint (RFC 6749 5.1, OIDC Core 3.1.3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from idbroker.apps.model import App
from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import new_id
from idbroker.keys.signing import Algorithm
from oidc.jose import half_hash
from oidc.provider.claims import (
    NO_CLAIMS,
    ClaimsRequest,
    Frame,
    Machine,
    Person,
    access_token_claims,
    id_token_claims,
    machine_token_claims,
)
from oidc.provider.issuer import Issuer
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.primitives import scope_text

ACCESS_TOKEN = "at+jwt"  # RFC 9068 2.1: an ID token can never be taken for it
ID_TOKEN = "JWT"
LONGEST_LIFE = 3600
"""Seconds that no token of ours outlives, whatever the settings were when it was made."""


def new_token_id() -> str:
    """A ``jti``."""
    return new_id("tok")


@dataclass(frozen=True, slots=True)
class Granted:
    """What a grant has decided. ``token_id`` is the ``jti`` of the access token to be made."""

    subject: Person | Machine
    scope: tuple[str, ...]
    token_id: str
    nonce: str | None = None
    resource: str | None = None
    """The audience of the access token; None for the app itself."""
    jkt: str | None = None
    """Thumbprint of the key that the access token is bound to (RFC 9449 6.1)."""
    claims: ClaimsRequest = NO_CLAIMS
    refresh_token: str | None = None
    at: datetime | None = None
    """When the answer was first given; None for now."""
    not_after: int | None = None
    """Seconds since 1970 that the access token must not outlive."""
    id_token: bool = True
    """Whether scope ``openid`` brings an ID token."""
    actor: Mapping[str, Any] | None = None
    """``act`` (RFC 8693 4.1)."""
    members: Mapping[str, Any] | None = None
    """What the grant adds to the answer."""


class TokenIssuer:
    """``lifetime`` is that of access and ID tokens alike."""

    def __init__(self, keys: IssuerKeys, clock: Clock, *, lifetime: timedelta) -> None:
        self._keys = keys
        self._clock = clock
        self._seconds = int(lifetime.total_seconds())

    def ready(self, issuer: Issuer) -> None:
        """Call it before the transaction."""
        self._keys.ready(issuer)

    def answer(self, issuer: Issuer, app: App, granted: Granted) -> dict[str, Any]:
        """The members of the token response. Signs, so call it after the transaction: an RS256 signature takes 0.8 ms."""
        moment = int(self._clock.now().timestamp())
        start = moment if granted.at is None else int(granted.at.timestamp())
        frame = Frame(issuer.url, app.id, start, start + self._seconds, granted.scope)
        expires = frame.expires_at if granted.not_after is None else min(frame.expires_at, granted.not_after)
        algorithm = cast("Algorithm", app.id_token_signed_response_alg)
        access_token = self._keys.sign(issuer, _access_claims(frame, granted, expires), algorithm, ACCESS_TOKEN)
        answer: dict[str, Any] = {
            "access_token": access_token,
            "token_type": "Bearer" if granted.jkt is None else "DPoP",
            "expires_in": max(0, expires - moment),
        }
        if granted.scope:
            answer["scope"] = scope_text(granted.scope)
        if granted.refresh_token is not None:
            answer["refresh_token"] = granted.refresh_token
        if granted.id_token and "openid" in granted.scope and isinstance(granted.subject, Person):
            at_hash = half_hash(access_token, algorithm)
            claims = id_token_claims(frame, granted.subject, granted.nonce, at_hash, granted.claims.id_token)
            answer["id_token"] = self._keys.sign(issuer, claims, algorithm, ID_TOKEN)
        return answer | dict(granted.members or {})


def _access_claims(frame: Frame, granted: Granted, expires: int) -> dict[str, Any]:
    subject = granted.subject
    if isinstance(subject, Person):
        claims = access_token_claims(frame, subject, granted.token_id, granted.claims.userinfo)
    else:
        claims = machine_token_claims(frame, subject, granted.token_id)
    claims["exp"] = expires
    if granted.resource is not None:
        claims["aud"] = granted.resource
    if granted.jkt is not None:
        claims["cnf"] = {"jkt": granted.jkt}
    if granted.actor is not None:
        claims["act"] = dict(granted.actor)
    return claims
