"""An ID token that comes back as a hint (OIDC Core 3.1.2.1, RP-Initiated Logout 2). An expired one still proves who."""

from __future__ import annotations

from dataclasses import dataclass

from oidc.jose import BadToken
from oidc.provider.issuer import Issuer
from oidc.provider.issuer_keys import IssuerKeys

MAX_HINT = 16_384


@dataclass(frozen=True, slots=True)
class IdTokenHint:
    """What this issuer itself once said to ``client_id``."""

    client_id: str
    subject: str
    session_id: str
    tenant_id: str


def read_hint(keys: IssuerKeys, issuer: Issuer, token: str) -> IdTokenHint:
    """Raises BadToken for anything but an ID token of this issuer; an access token is none (its type differs)."""
    if len(token) > MAX_HINT:
        raise BadToken("form", "too long")
    claims = keys.verify(issuer, token, "JWT")
    members = [claims.get(name) for name in ("aud", "sub", "sid", "tenant_id")]
    client_id, subject, session_id, tenant_id = (member if isinstance(member, str) else "" for member in members)
    if not all((client_id, subject, session_id, tenant_id)):
        raise BadToken("form", "not an ID token of ours")
    return IdTokenHint(client_id, subject, session_id, tenant_id)
