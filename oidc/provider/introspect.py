"""Introspection (RFC 7662): whether a token is good now, for the confidential app that holds it or is its audience."""

from __future__ import annotations

from typing import Any

from idbroker.apps.model import App
from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.sessions.refresh import RefreshTokens, parse_refresh_token
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.web.call import Answer, Call, json_answer
from oidc.provider.bearer import AccessToken, InvalidToken, read_access_token
from oidc.provider.client_auth import ClientAuthentication
from oidc.provider.errors import NEVER_STORED, InvalidClient, OAuthError
from oidc.provider.issuer import Issuer, Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.living import living
from oidc.provider.parameters import form_of
from oidc.provider.person import read_open_tenant, read_person
from oidc.provider.primitives import scope_text
from oidc.provider.token import acting

INACTIVE = {"active": False}
_NOT_SHOWN = ("userinfo_claims",)


class Introspect:
    def __init__(
        self,
        *,
        database: Database,
        issuers: Issuers,
        clients: ClientAuthentication,
        keys: IssuerKeys,
        refresh: RefreshTokens,
        clock: Clock,
    ) -> None:
        self._database = database
        self._issuers = issuers
        self._clients = clients
        self._keys = keys
        self._refresh = refresh
        self._clock = clock

    def answer(self, call: Call) -> Answer:
        """RFC 7662 2.2. A token that is not the caller's to ask about is inactive, like one that does not exist (section 4)."""
        issuer, form = self._issuers.of(call), form_of(call)
        claimed = self._clients.claimed(call, form, issuer)
        self._keys.ready(issuer)
        with self._database.platform(call.actor, read_only=claimed.assertion is None) as unit:
            app = self._clients.proven(unit, claimed)
            if app.is_public:
                raise InvalidClient(f"{app.id} is public and may not introspect")  # RFC 7662 2.1
            if "token" not in form:
                raise OAuthError("invalid_request", "token is missing")
            found = self._refresh_token(unit, issuer, app, form["token"], call)
            if found is None:
                found = self._access_token(unit, issuer, app, form["token"], call)
            if found["active"] and "tenant_id" in found:
                call.meter.proven(TenantId(found["tenant_id"]), unit)
        return json_answer(found, 200, *NEVER_STORED)

    def _access_token(self, unit: PlatformUnit, issuer: Issuer, app: App, text: str, call: Call) -> dict[str, Any]:
        try:
            token = read_access_token(self._keys, issuer, text, self._clock)
        except InvalidToken:
            return INACTIVE
        if not _may_ask(app, token) or living(unit, token, acting(app, call), call.request_id) is None:
            return INACTIVE
        told = {name: value for name, value in token.claims.items() if name not in _NOT_SHOWN}
        return {"active": True, "token_type": "Bearer" if token.jkt is None else "DPoP", **told}

    def _refresh_token(self, unit: PlatformUnit, issuer: Issuer, app: App, text: str, call: Call) -> dict[str, Any] | None:
        """None when it has not the form of one."""
        handle = parse_refresh_token(text)
        if handle is None:
            return None
        tenant = read_open_tenant(unit, handle.tenant, app)
        if tenant is None or not issuer.serves(handle.tenant):
            return INACTIVE
        with unit.enter(TenantScope(handle.tenant, acting(app, call), call.request_id)) as inside:
            row = self._refresh.find(inside, handle)
            if row is None or (row.client_id, row.generation) != (app.id, handle.generation):
                return INACTIVE
            person = read_person(inside, tenant, row.session_id, app.id, offline=True)
            if person is None or not row.is_live(inside.clock.now()) or row.grant["issuer"] != issuer.url:
                return INACTIVE
        return {
            "active": True,
            "client_id": row.client_id,
            "sub": person.user_id,
            "scope": scope_text(tuple(row.grant["scope"])),
            "iss": issuer.url,
            "sid": row.session_id,
            "tenant_id": tenant.id,
            "tenant": tenant.slug,
            "iat": int(row.rotated_at.timestamp()),
            "exp": int(min(row.expires_at, row.idle_expires_at).timestamp()),
        }


def _may_ask(app: App, token: AccessToken) -> bool:
    """The app that it was given to, and those that it is for: the audience itself, or an app with that resource."""
    return app.id in (token.client_id, token.audience) or token.audience in app.resources
