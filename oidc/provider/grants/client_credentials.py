"""The client credentials grant (RFC 6749 4.4): a token for the app itself, with scopes that were registered for it.

It is for one tenant. One for nothing but our own Shared Signals may be for all tenants of the app, at the shared issuer.
"""

from __future__ import annotations

from idbroker.tenants.model import Tenant
from idbroker.tenants.registered import read_tenant
from oidc.provider.claims import SIGNAL_SCOPES, Machine
from oidc.provider.errors import OAuthError
from oidc.provider.grants.contract import Exchange
from oidc.provider.issue import Granted, new_token_id
from oidc.provider.person import read_open_tenant
from oidc.provider.primitives import scope_list
from oidc.provider.resource import granted_resource


class ClientCredentialsGrant:
    writes = False

    def decide(self, exchange: Exchange) -> Granted | OAuthError:
        scope, resource = granted_scope(exchange), granted_resource(exchange, None)
        tenant = _tenant(exchange, needless=resource is None and bool(scope) and set(scope) <= set(SIGNAL_SCOPES))
        machine = Machine(exchange.app.id, *((None, None) if tenant is None else (tenant.id, tenant.slug)))
        return Granted(machine, scope, new_token_id(), resource=resource, jkt=exchange.jkt)


def granted_scope(exchange: Exchange) -> tuple[str, ...]:
    """What was asked for, all of it or nothing; without a wish, all that the app may have (RFC 6749 3.3). Raises OAuthError."""
    allowed = scope_list(exchange.app.scope)
    if "scope" not in exchange.form:
        return allowed
    asked = scope_list(exchange.form["scope"])
    if not asked or not set(asked) <= set(allowed):
        known = f"its machine tokens may carry: {' '.join(allowed)}" if allowed else "its machine tokens carry no scope"
        raise OAuthError("invalid_scope", f"this app may not ask for that; {known}")
    return asked


def _tenant(exchange: Exchange, *, needless: bool) -> Tenant | None:
    """The issuer's own tenant, else the one that is asked for, else the only one that the app is for. Raises OAuthError."""
    issuer, allowed = exchange.issuer, exchange.app.tenants
    only = allowed[0] if allowed is not None and len(allowed) == 1 else None
    asked = exchange.form.get("tenant", issuer.pinned or only)
    if asked is None and needless:
        return None
    if asked is None:
        raise OAuthError("invalid_request", "tenant is missing: name the tenant that the token is for, by slug or id")
    found = read_tenant(exchange.platform, asked)
    tenant = None if found is None else read_open_tenant(exchange.platform, found.tenant_id, exchange.app)
    if tenant is None or not issuer.serves(tenant.tenant_id):
        raise OAuthError("invalid_request", "no such tenant for this app at this issuer")
    return tenant
