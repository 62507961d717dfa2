"""The refresh token grant (RFC 6749 6, RFC 9700 4.14.2, OIDC Core 12): the person as he is now, under the old grant.

forged, another client's, another issuer's, over     invalid_grant
the newest, for more than was granted                invalid_scope or invalid_target, and the token stays good
the newest                                           a new one; roles and groups are read afresh
the one before, the same request, within 10 s        the same answer again
any other older one                                  invalid_grant, and the family is ended
"""

from __future__ import annotations

from typing import Any

from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.sessions.refresh import (
    RefreshFamilies,
    RefreshHandle,
    RefreshTokens,
    Rotated,
    parse_refresh_token,
)
from idbroker.storage.statements.families import FamilyRow
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.model import Tenant
from oidc.provider.claims import ClaimsRequest
from oidc.provider.errors import OAuthError
from oidc.provider.grants.contract import Exchange
from oidc.provider.issue import Granted
from oidc.provider.person import read_open_tenant, read_person
from oidc.provider.primitives import scope_list
from oidc.provider.resource import granted_resource

_SENTENCE = "The refresh token is wrong, has expired, was used before, or was revoked."


class RefreshTokenGrant:
    writes = True

    def __init__(self, refresh: RefreshTokens) -> None:
        self._refresh = refresh

    def decide(self, exchange: Exchange) -> Granted | OAuthError:
        handle = parse_refresh_token(exchange.required("refresh_token"))
        if handle is None or not exchange.issuer.serves(handle.tenant):
            return _invalid_grant("not a refresh token of this issuer")
        tenant = read_open_tenant(exchange.platform, handle.tenant, exchange.app)
        if tenant is None:
            return _invalid_grant("no such tenant, or closed, or the app is not open to it")
        with exchange.enter(handle.tenant) as unit:
            return self._use(unit, tenant, handle, exchange)

    def _use(self, unit: TenantUnit, tenant: Tenant, handle: RefreshHandle, exchange: Exchange) -> Granted | OAuthError:
        request = {"scope": exchange.form.get("scope"), "resource": exchange.form.get("resource"), "jkt": exchange.jkt}
        used = self._refresh.use(unit, handle, exchange.app.id, request)
        if used == "reused":
            return _reused(unit, handle)
        if not isinstance(used, Rotated):
            return _invalid_grant(f"the token is {used}")
        # From here on errors are raised, so that the token is not used up by a request that gets nothing.
        _check_bound(used.family, exchange)
        scope = _narrowed(used.family.grant["scope"], exchange.form.get("scope"))
        resource = granted_resource(exchange, used.family.grant.get("resource"))
        person = read_person(unit, tenant, used.family.session_id, exchange.app.id, offline=True)
        if person is None:
            raise _invalid_grant("the session was ended or the person is switched off")
        return Granted(
            person,
            scope,
            f"{used.family.id}.{used.generation}",
            resource=resource,
            jkt=exchange.jkt,
            claims=ClaimsRequest.stored(used.family.grant.get("claims")),
            refresh_token=used.token,
            at=used.at,
        )


def _check_bound(family: FamilyRow, exchange: Exchange) -> None:
    if family.grant["issuer"] != exchange.issuer.url:
        raise _invalid_grant("another issuer's")
    if family.grant.get("jkt") not in (None, exchange.jkt):  # RFC 9449 5
        raise _invalid_grant("the token is bound to another key")


def _narrowed(granted: list[Any], asked: str | None) -> tuple[str, ...]:
    """RFC 6749 6: less than was granted, never more."""
    if asked is None:
        return tuple(granted)
    wanted = scope_list(asked)
    if not set(wanted) <= set(granted):
        raise OAuthError("invalid_scope", "a refresh gives no more than was granted")
    return wanted


def _reused(unit: TenantUnit, handle: RefreshHandle) -> OAuthError:
    """RFC 9700 4.14.2: two have the token, and nobody knows which of them is the app. The family has ended by now."""
    family = unit[RefreshFamilies].get(handle.family_id)
    if family is not None:
        unit[Outbox].record(
            Event(
                "token.reuse_detected",
                Resource("session", family.session_id),
                context={"client_id": family.client_id, "kind": "refresh_token"},
                session_id=family.session_id,
            )
        )
    return _invalid_grant("an older token of the family was used again")


def _invalid_grant(detail: str) -> OAuthError:
    return OAuthError("invalid_grant", _SENTENCE, detail=detail)
