"""The authorization code grant (RFC 6749 4.1.3, RFC 7636 4.5): one code, one client, one exchange.

unknown code, another client's, another issuer's     invalid_grant, and the code is left as it was
wrong redirect URI, verifier or key, right client    invalid_grant, and the code is burnt: there is no second guess
second use, by the right client                      invalid_grant, and what the first use gave is revoked
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from idbroker.apps.model import App
from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.sessions.handles import Handle, parse_handle
from idbroker.sessions.jti import RevokedTokens
from idbroker.sessions.model import AuthorizationCodes
from idbroker.sessions.refresh import RefreshFamilies, RefreshTokens, end, family_of, new_family_id
from idbroker.storage.statements.codes import CodeRow, read_code, take_code
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.model import Tenant
from oidc.provider.claims import ClaimsRequest, Person
from oidc.provider.errors import OAuthError
from oidc.provider.grants.contract import Exchange
from oidc.provider.issue import LONGEST_LIFE, Granted, new_token_id
from oidc.provider.person import read_open_tenant, read_person
from oidc.provider.primitives import verifier_matches
from oidc.provider.resource import granted_resource

_SENTENCE = "The code is wrong, has expired, was used before, or is not for this request."


@dataclass(frozen=True, slots=True)
class _Presented:
    """A code as a proven client brings it."""

    exchange: Exchange
    handle: Handle
    redirect_uri: str
    code_verifier: str


class AuthorizationCodeGrant:
    writes = True

    def __init__(self, refresh: RefreshTokens) -> None:
        self._refresh = refresh

    def decide(self, exchange: Exchange) -> Granted | OAuthError:
        code = exchange.required("code")
        redirect_uri, verifier = exchange.required("redirect_uri"), exchange.required("code_verifier")
        handle = parse_handle(code)
        if handle is None or not exchange.issuer.serves(handle.tenant):
            return _invalid_grant("not a code of this issuer")
        tenant = read_open_tenant(exchange.platform, handle.tenant, exchange.app)
        if tenant is None:
            return _invalid_grant("no such tenant, or closed, or the app is not open to it")
        with exchange.enter(handle.tenant) as unit:
            return self._use(unit, tenant, _Presented(exchange, handle, redirect_uri, verifier))

    def _use(self, unit: TenantUnit, tenant: Tenant, code: _Presented) -> Granted | OAuthError:
        app, digest = code.exchange.app, code.handle.digest
        row = read_code(unit, digest)
        if row is None or row.client_id != app.id or row.grant["issuer"] != code.exchange.issuer.url:
            return _invalid_grant("no such code for this client at this issuer")
        if row.consumed_at is not None:
            return _reused(unit, digest)
        if row.revoked_at is not None or row.expires_at <= unit.clock.now():
            return _invalid_grant("the code was revoked or has expired")
        family_id = new_family_id() if _is_offline(row, app) else None
        token_id = new_token_id() if family_id is None else f"{family_id}.0"
        if not take_code(unit, digest, token_id):
            return _reused(unit, digest)  # another exchange of it was faster, in this very moment
        unbound = _unbound(code, row)
        if unbound is not None:
            return unbound
        person = read_person(unit, tenant, row.session_id, app.id)
        if person is None:
            return _invalid_grant("the session is over or the person is switched off")
        return self._granted(unit, person, code.exchange, row, token_id)

    def _granted(self, unit: TenantUnit, person: Person, exchange: Exchange, row: CodeRow, token_id: str) -> Granted:
        refresh_token = None
        resource = granted_resource(exchange, row.grant.get("resource"))
        family_id = family_of(token_id)
        if family_id is not None:
            kept = {name: row.grant.get(name) for name in ("issuer", "scope", "resource", "claims")}
            refresh_token = self._refresh.begin(
                unit,
                family_id,
                session_id=row.session_id,
                user_id=person.user_id,
                client_id=row.client_id,
                # RFC 9449 5: the refresh token of a public client is bound to its key; a confidential one proves itself.
                grant={**kept, "jkt": exchange.jkt if exchange.app.is_public else None},
            )
        return Granted(
            person,
            tuple(row.grant["scope"]),
            token_id,
            nonce=row.grant["nonce"],
            resource=resource,
            jkt=exchange.jkt,
            claims=ClaimsRequest.stored(row.grant.get("claims")),
            refresh_token=refresh_token,
        )


def _is_offline(row: CodeRow, app: App) -> bool:
    return "offline_access" in row.grant["scope"] and "refresh_token" in app.grant_types


def _unbound(code: _Presented, row: CodeRow) -> OAuthError | None:
    """Why the code is not for this request; None when it is."""
    if row.grant["redirect_uri"] != code.redirect_uri:
        return _invalid_grant("the redirect URI is not that of the authorization request")
    if not verifier_matches(code.code_verifier, row.grant["code_challenge"]):
        return _invalid_grant("the code verifier does not match")
    if row.grant.get("dpop_jkt") not in (None, code.exchange.jkt):  # RFC 9449 10
        return _invalid_grant("the code is bound to another key")
    return None


def _reused(unit: TenantUnit, digest: str) -> OAuthError:
    """RFC 6749 4.1.2: two have had the code, and nobody knows which of them is the app."""
    row = unit[AuthorizationCodes].held(digest)  # what the faster one has written, and one loser after the other
    if row is not None and row.revoked_at is None:
        now = row.revoked_at = unit.clock.now()
        if row.access_token_id is not None:
            unit[RevokedTokens].add(row.access_token_id, now + timedelta(seconds=LONGEST_LIFE))
            family = unit[RefreshFamilies].get(family_of(row.access_token_id) or "")
            if family is not None:
                end(family, now, "reuse")
        unit[Outbox].record(
            Event(
                "token.reuse_detected",
                Resource("session", row.session_id),
                context={"client_id": row.client_id, "kind": "authorization_code"},
                session_id=row.session_id,
            )
        )
    return _invalid_grant("the code was used before")


def _invalid_grant(detail: str) -> OAuthError:
    """RFC 6749 5.2. One sentence for every cause: the caller may be a thief."""
    return OAuthError("invalid_grant", _SENTENCE, detail=detail)
