"""Proofs of possession (RFC 9449): the caller holds the key that a token is, or will be, bound to. No nonces are asked for."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from idbroker.sessions.jti import UsedJtis
from idbroker.storage.unit import PlatformUnit
from idbroker.web.call import Call
from oidc.jose import (
    ALGORITHMS,
    BadToken,
    Json,
    b64url,
    check_signature,
    embedded_key,
    key_set,
    media_type,
    read,
    text_or,
    thumbprint,
)
from oidc.provider.errors import OAuthError

MAX_AGE, MAX_AHEAD = timedelta(minutes=5), timedelta(minutes=1)
"""How far ``iat`` may lie from our clock (RFC 9449 11.1)."""

MAX_PROOF = 8192
_JTI = re.compile(r"[!-~]{1,256}")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_PORTS = {"https": 443, "http": 80}


class InvalidProof(OAuthError):
    def __init__(self, detail: str, *, status: int = 400) -> None:
        super().__init__("invalid_dpop_proof", "The DPoP proof is not valid for this request.", detail=detail, status=status)


@dataclass(frozen=True, slots=True)
class Proof:
    """A good proof. It counts once: ``claim`` it in the transaction that it is for."""

    jkt: str
    jti: str
    until: datetime

    def claim(self, unit: PlatformUnit) -> None:
        """Raises InvalidProof for one that was shown before (RFC 9449 11.1)."""
        if not unit[UsedJtis].claim(f"dpop:{self.jkt}", self.jti, self.until):
            raise InvalidProof("a replay")


def presented_proof(call: Call, now: datetime, *, access_token: str | None = None) -> Proof | None:
    """The request's proof; None when it has none. With a token the proof must be for that one. Raises InvalidProof."""
    text = call.headers.get("dpop")
    if text is None:
        return None
    if len(text) > MAX_PROOF:
        raise InvalidProof("too long")
    try:
        token = read(text)
        if media_type(token.header) != "dpop+jwt":
            raise InvalidProof("typ is not dpop+jwt")
        key = embedded_key(token.header)
        check_signature(token, key_set([key]), ALGORITHMS)
    except BadToken as error:
        raise InvalidProof(f"{error.reason}: {error}") from error
    _check_request(token.claims, call, access_token)
    until = _check_time(token.claims, now)
    jti = text_or(token.claims.get("jti"), "")
    if not _JTI.fullmatch(jti):
        raise InvalidProof("jti")
    return Proof(thumbprint(key.as_dict(private=False)), jti, until)


def is_thumbprint(text: str) -> bool:
    """Whether ``text`` has the form of a ``dpop_jkt`` (RFC 9449 10)."""
    return _THUMBPRINT.fullmatch(text) is not None


def _check_request(claims: Json, call: Call, access_token: str | None) -> None:
    """RFC 9449 4.3, points 8, 9 and 12."""
    if claims.get("htm") != call.method:
        raise InvalidProof("htm")
    if _plain(text_or(claims.get("htu"), "")) != _plain(f"{call.base_url}{call.path}"):
        raise InvalidProof(f"htu {text_or(claims.get('htu'), '')[:200]!r}")
    if access_token is not None:
        hashed = b64url(hashlib.sha256(access_token.encode()).digest())
        if not hmac.compare_digest(text_or(claims.get("ath"), "").encode(), hashed.encode()):
            raise InvalidProof("ath")


def _check_time(claims: Json, now: datetime) -> datetime:
    """When the proof will be too old."""
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise InvalidProof("iat")
    age = now.timestamp() - issued
    if not -MAX_AHEAD.total_seconds() <= age <= MAX_AGE.total_seconds():
        raise InvalidProof("iat is too far from our clock")
    return now + MAX_AGE + MAX_AHEAD


def _plain(url: str) -> tuple[str, str, int | None, str] | None:
    """A URL without query and fragment, in a form that can be compared (RFC 9449 4.3; RFC 3986 6.2.2, 6.2.3)."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme.lower())
    except ValueError:
        return None
    return parts.scheme.lower(), (parts.hostname or "").lower(), port, parts.path or "/"
