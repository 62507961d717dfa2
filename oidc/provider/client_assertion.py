"""Client authentication by a signed assertion (RFC 7523 3, OIDC Core 9 ``private_key_jwt``)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

from idbroker.apps.model import App
from oidc.jose import ALGORITHMS, BadToken, Json, check_signature, read, text_or
from oidc.provider.client_keys import ClientKeys
from oidc.provider.errors import InvalidClient

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST = timedelta(minutes=10)
SKEW = timedelta(seconds=60)
MAX_ASSERTION = 8192
_JTI = re.compile(r"[!-~]{1,256}")


@dataclass(frozen=True, slots=True)
class Assertion:
    """A good assertion. Its ``jti`` counts once: it is claimed in the transaction of the request."""

    jti: str
    until: datetime


def claimed_subject(text: str) -> str:
    """Whom an assertion says that it is about, unverified. Raises InvalidClient."""
    if len(text) > MAX_ASSERTION:
        raise InvalidClient("the assertion is too long")
    try:
        return text_or(read(text).claims.get("sub"), "")
    except BadToken as error:
        raise InvalidClient(f"the assertion cannot be read: {error}") from error


def check_assertion(app: App, text: str, keys: ClientKeys, audiences: Collection[str], now: datetime) -> Assertion:
    """RFC 7523 3. ``audiences`` are our issuer and the endpoint's own address, to the letter. Raises InvalidClient."""
    try:
        token = read(text)
        check_signature(token, keys.of(app, token.kid), ALGORITHMS)
    except BadToken as error:
        raise InvalidClient(f"{app.id}: {error.reason}: {error}") from error
    claims = token.claims
    if claims.get("iss") != app.id or claims.get("sub") != app.id:
        raise InvalidClient(f"{app.id}: iss and sub must be the client id")
    if not _is_for(claims.get("aud"), audiences):
        raise InvalidClient(f"{app.id}: aud {str(claims.get('aud'))[:200]!r}")
    until = _check_times(app, claims, now)
    jti = text_or(claims.get("jti"), "")
    if not _JTI.fullmatch(jti):
        raise InvalidClient(f"{app.id}: jti is missing or too long")
    return Assertion(jti, until)


def _is_for(audience: object, ours: Collection[str]) -> bool:
    """Every audience must be ours: an assertion that is for others too could be used by them, here (RFC 7523 5)."""
    named = audience if isinstance(audience, list) else [audience]
    return bool(named) and all(isinstance(one, str) and one in ours for one in named)


def _check_times(app: App, claims: Json, now: datetime) -> datetime:
    expires, begins, issued = (claims.get(name) for name in ("exp", "nbf", "iat"))
    if not _is_number(expires) or not now.timestamp() - SKEW.total_seconds() < expires:
        raise InvalidClient(f"{app.id}: exp is missing or past")
    if expires > (now + LONGEST + SKEW).timestamp():
        raise InvalidClient(f"{app.id}: exp is more than 10 minutes away")
    latest = (now + SKEW).timestamp()
    if any(moment is not None and not (_is_number(moment) and moment <= latest) for moment in (begins, issued)):
        raise InvalidClient(f"{app.id}: nbf or iat is in the future")
    return datetime.fromtimestamp(expires, UTC) + SKEW


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
