"""Revocation (RFC 7009): a refresh token takes its whole family along, an access token is dead by itself."""

from __future__ import annotations

from datetime import UTC, datetime

from idbroker.apps.model import App
from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.sessions.jti import RevokedTokens
from idbroker.sessions.refresh import RefreshFamilies, RefreshTokens, parse_refresh_token
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.web.call import Answer, Call
from oidc.provider.bearer import InvalidToken, read_access_token
from oidc.provider.client_auth import ClientAuthentication
from oidc.provider.errors import NEVER_STORED, OAuthError
from oidc.provider.issuer import Issuer, Issuers
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.parameters import form_of
from oidc.provider.token import acting

REASON = "revoked_by_app"


class Revoke:
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
        """RFC 7009 2.2: 200 also for a token that is none, or no longer. Raises OAuthError for another client's."""
        issuer, form = self._issuers.of(call), form_of(call)
        claimed = self._clients.claimed(call, form, issuer)
        self._keys.ready(issuer)
        with self._database.platform(call.actor) as unit:
            app = self._clients.proven(unit, claimed)
            if "token" not in form:
                raise OAuthError("invalid_request", "token is missing")
            if not self._family(unit, issuer, app, form["token"], call):
                self._access_token(unit, issuer, app, form["token"], call)
        return Answer(200, b"", None, NEVER_STORED)

    def _family(self, unit: PlatformUnit, issuer: Issuer, app: App, text: str, call: Call) -> bool:
        """Whether the token had the form of a refresh token. Of whatever generation it is, the family ends."""
        handle = parse_refresh_token(text)
        if handle is None:
            return False
        if issuer.serves(handle.tenant):
            with unit.enter(_scope(handle.tenant, app, call)) as inside:
                row = self._refresh.find(inside, handle)
                if row is not None:
                    _check_owner(row.client_id, app)
                    call.meter.proven(handle.tenant, inside)
                    inside[RefreshFamilies].end(row.id, REASON)
        return True

    def _access_token(self, unit: PlatformUnit, issuer: Issuer, app: App, text: str, call: Call) -> None:
        try:
            token = read_access_token(self._keys, issuer, text, self._clock)
        except InvalidToken:
            return
        _check_owner(token.client_id, app)
        call.meter.proven(token.tenant, unit)
        with unit.enter(_scope(token.tenant, app, call)) as inside:
            inside[RevokedTokens].add(token.token_id, datetime.fromtimestamp(token.claims["exp"], UTC))


def _check_owner(client_id: str, app: App) -> None:
    """RFC 7009 2.1."""
    if client_id != app.id:
        raise OAuthError("invalid_grant", "the token was given to another client")


def _scope(tenant: TenantId, app: App, call: Call) -> TenantScope:
    return TenantScope(tenant, acting(app, call), call.request_id)
