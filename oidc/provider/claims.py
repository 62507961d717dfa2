"""What a token, an ID token and userinfo say (CONTRACT section 3, RFC 9068, OIDC Core 2 and 5.1). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oidc.provider.primitives import scope_text

SCOPES = ("openid", "email", "profile", "groups", "offline_access")
"""All that can be granted. ``openid`` gives an ID token and userinfo, ``offline_access`` a refresh token, the others claims."""

SIGNAL_SCOPES = ("ssf.manage", "ssf.read")
"""Scopes of machine tokens that we serve ourselves: the Shared Signals of an app's tenants."""

CLAIMS = (
    "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "tenant_id", "tenant", "roles", "groups",
    "idp", "amr", "acr", "email", "email_verified", "name", "given_name", "family_name",
)  # fmt: skip
"""Every claim that an ID token or userinfo may hold."""

NAMEABLE = ("email", "email_verified", "name", "given_name", "family_name", "groups", "acr", "amr", "auth_time", "idp", "sid")
"""Those that the ``claims`` parameter can bring; the others are there in any case."""


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """Claims that were asked for by name (OIDC Core 5.5): those that a person's scopes could give as well."""

    id_token: tuple[str, ...] = ()
    userinfo: tuple[str, ...] = ()

    @classmethod
    def stored(cls, document: Mapping[str, Any] | None) -> ClaimsRequest:
        given = document or {}
        return cls(tuple(given.get("id_token", ())), tuple(given.get("userinfo", ())))

    def as_document(self) -> dict[str, list[str]] | None:
        """None when nothing was asked for."""
        return {"id_token": list(self.id_token), "userinfo": list(self.userinfo)} if self.id_token or self.userinfo else None


NO_CLAIMS = ClaimsRequest()


@dataclass(frozen=True, slots=True)
class Machine:
    """An app that acts for itself: in one tenant, or towards us alone in all that it is for."""

    client_id: str
    tenant_id: str | None
    tenant: str | None
    """The slug."""


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


def access_token_claims(frame: Frame, person: Person, token_id: str, wanted: tuple[str, ...] = ()) -> dict[str, Any]:
    """RFC 9068 2.2. ``wanted`` are the claims that userinfo shall show for this token beyond its scope."""
    claims = _common(frame, person) | {"jti": token_id, "client_id": frame.client_id, "scope": scope_text(frame.scope)}
    if wanted:
        claims["userinfo_claims"] = list(wanted)
    return claims | _groups(frame.scope, person)


def machine_token_claims(frame: Frame, machine: Machine, token_id: str) -> dict[str, Any]:
    """RFC 9068 2.2 for a client of its own: ``sub`` is the client, and there is no session."""
    claims = {
        "iss": frame.issuer,
        "sub": machine.client_id,
        "aud": frame.client_id,
        "exp": frame.expires_at,
        "iat": frame.issued_at,
        "jti": token_id,
        "client_id": frame.client_id,
        **_known({"tenant_id": machine.tenant_id, "tenant": machine.tenant}),
    }
    return {**claims, "scope": scope_text(frame.scope)} if frame.scope else claims


def id_token_claims(
    frame: Frame, person: Person, nonce: str | None, at_hash: str, wanted: Iterable[str] = ()
) -> dict[str, Any]:
    """OIDC Core 2, with the claims of the granted scopes and those asked for by name."""
    claims = _common(frame, person) | {"at_hash": at_hash} | _named(wanted, person) | _by_scope(frame.scope, person)
    return claims if nonce is None else claims | {"nonce": nonce}


def userinfo_claims(scope: tuple[str, ...], person: Person, wanted: Iterable[str] = ()) -> dict[str, Any]:
    """OIDC Core 5.3.2."""
    return {"sub": person.user_id, **_tenant(person), **_named(wanted, person), **_by_scope(scope, person)}


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


def _named(wanted: Iterable[str], person: Person) -> dict[str, Any]:
    """OIDC Core 5.5.1: all are voluntary, so that what is not known is left out."""
    return {name: value for name, value in personal_claims(person).items() if name in wanted}


def personal_claims(person: Person) -> dict[str, Any]:
    """Whatever may be asked for by name."""
    about = _by_scope(("email", "profile", "groups"), person)
    how = {"acr": person.acr, "amr": list(person.amr) or None, "auth_time": int(person.authenticated_at.timestamp())}
    return about | _known(how) | {"idp": person.connection_id, "sid": person.session_id}


def _groups(scope: tuple[str, ...], person: Person) -> dict[str, Any]:
    return {"groups": list(person.groups)} if "groups" in scope else {}


def _known(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not None}
