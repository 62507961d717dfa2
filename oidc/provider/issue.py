"""Making the tokens of one answer of the token endpoint (RFC 6749 5.1, OIDC Core 3.1.3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from idbroker.apps.model import App
from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import new_id
from idbroker.keys.signing import Algorithm
from oidc.jose import half_hash
from oidc.provider.claims import Frame, Person, access_token_claims, id_token_claims
from oidc.provider.issuer import Issuer
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.primitives import scope_text

ACCESS_TOKEN = "at+jwt"  # RFC 9068 2.1: an ID token can never be taken for it
ID_TOKEN = "JWT"


def new_token_id() -> str:
    """A ``jti``."""
    return new_id("tok")


@dataclass(frozen=True, slots=True)
class Granted:
    """What a grant has decided. ``token_id`` is the ``jti`` of the access token to be made."""

    person: Person
    scope: tuple[str, ...]
    nonce: str | None
    token_id: str


class TokenIssuer:
    """``lifetime`` is that of access and ID tokens alike."""

    def __init__(self, keys: IssuerKeys, clock: Clock, *, lifetime: timedelta) -> None:
        self._keys = keys
        self._clock = clock
        self._seconds = int(lifetime.total_seconds())

    def answer(self, issuer: Issuer, app: App, granted: Granted) -> dict[str, Any]:
        """The members of the token response. Signs, so call it after the transaction: an RS256 signature takes 0.8 ms."""
        now = int(self._clock.now().timestamp())
        frame = Frame(issuer.url, app.id, now, now + self._seconds, granted.scope)
        algorithm = cast("Algorithm", app.id_token_signed_response_alg)
        claims = access_token_claims(frame, granted.person, granted.token_id)
        access_token = self._keys.sign(issuer, claims, algorithm, ACCESS_TOKEN)
        answer = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": self._seconds,
            "scope": scope_text(granted.scope),
        }
        if "openid" in granted.scope:
            claims = id_token_claims(frame, granted.person, granted.nonce, half_hash(access_token, algorithm))
            answer["id_token"] = self._keys.sign(issuer, claims, algorithm, ID_TOKEN)
        return answer
