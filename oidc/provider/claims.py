"""What a token, an ID token and userinfo say (CONTRACT section 3, RFC 9068, OIDC Core 2 and 5.1). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oidc.provider.primitives import scope_text

SCOPES = ("openid", "email", "profile", "groups")
"""All that can be granted. ``openid`` gives an ID token and userinfo, each of the others a few claims."""

CLAIMS = (
    "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "tenant_id", "tenant", "roles", "groups",
    "idp", "amr", "acr", "email", "email_verified", "name", "given_name", "family_name",
)  # fmt: skip
"""Every claim that an ID token or userinfo may hold."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a token is about: the user, his place in the tenant, and the session, as they are now."""

    tenant_id: str
    tenant: str
    """The slug."""
    user_id: str
    session_id: str
    connection_id: str
    authenticated_at: datetime
    amr: tuple[str, ...]
    acr: str | None
    email: str | None
    email_verified: bool
    name: str | None
    given_name: str | None
    family_name: str | None
    roles: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """What every token of one answer shares. Times are whole seconds since 1970."""

    issuer: str
    client_id: str
    issued_at: int
    expires_at: int
    scope: tuple[str, ...]


def access_token_claims(frame: Frame, person: Person, token_id: str) -> dict[str, Any]:
    """RFC 9068 2.2. The audience is the client itself: no app has resources of its own yet."""
    claims = _common(frame, person) | {"jti": token_id, "client_id": frame.client_id, "scope": scope_text(frame.scope)}
    return claims | _groups(frame.scope, person)


def id_token_claims(frame: Frame, person: Person, nonce: str | None, at_hash: str) -> dict[str, Any]:
    """OIDC Core 2, with the claims of the granted scopes."""
    claims = _common(frame, person) | {"at_hash": at_hash} | _by_scope(frame.scope, person)
    return claims if nonce is None else claims | {"nonce": nonce}


def userinfo_claims(scope: tuple[str, ...], person: Person) -> dict[str, Any]:
    """OIDC Core 5.3.2."""
    return {"sub": person.user_id, **_tenant(person), **_by_scope(scope, person)}


def _common(frame: Frame, person: Person) -> dict[str, Any]:
    how = {"amr": list(person.amr) or None, "acr": person.acr}
    return {
        "iss": frame.issuer,
        "sub": person.user_id,
        "aud": frame.client_id,
        "exp": frame.expires_at,
        "iat": frame.issued_at,
        "auth_time": int(person.authenticated_at.timestamp()),
        "sid": person.session_id,
        **_tenant(person),
        "idp": person.connection_id,
        **_known(how),
    }


def _tenant(person: Person) -> dict[str, Any]:
    return {"tenant_id": person.tenant_id, "tenant": person.tenant, "roles": list(person.roles)}


def _by_scope(scope: tuple[str, ...], person: Person) -> dict[str, Any]:
    """OIDC Core 5.4. What is not known is left out, never null (OIDC Core 5.3.2)."""
    claims: dict[str, Any] = {}
    if "email" in scope and person.email is not None:
        claims |= {"email": person.email, "email_verified": person.email_verified}
    if "profile" in scope:
        claims |= _known({"name": person.name, "given_name": person.given_name, "family_name": person.family_name})
    return claims | _groups(scope, person)


def _groups(scope: tuple[str, ...], person: Person) -> dict[str, Any]:
    return {"groups": list(person.groups)} if "groups" in scope else {}


def _known(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not None}
