"""The client credentials grant (RFC 6749 4.4): a token for the app itself, in one tenant. Scopes are about people."""

from __future__ import annotations

from idbroker.tenants.model import Tenant
from idbroker.tenants.registered import read_tenant
from oidc.provider.claims import Machine
from oidc.provider.errors import OAuthError
from oidc.provider.grants.contract import Exchange
from oidc.provider.issue import Granted, new_token_id
from oidc.provider.person import read_open_tenant
from oidc.provider.resource import granted_resource


class ClientCredentialsGrant:
    writes = False

    def decide(self, exchange: Exchange) -> Granted | OAuthError:
        tenant = _tenant(exchange)
        machine = Machine(exchange.app.id, tenant.id, tenant.slug)
        resource = granted_resource(exchange, None)
        return Granted(machine, (), new_token_id(), resource=resource, jkt=exchange.jkt)


def _tenant(exchange: Exchange) -> Tenant:
    """The issuer's own tenant, else the one that is asked for, else the only one that the app is for. Raises OAuthError."""
    issuer, allowed = exchange.issuer, exchange.app.tenants
    only = allowed[0] if allowed is not None and len(allowed) == 1 else None
    asked = exchange.form.get("tenant", issuer.pinned or only)
    if asked is None:
        raise OAuthError("invalid_request", "tenant is missing: name the tenant that the token is for, by slug or id")
    found = read_tenant(exchange.platform, asked)
    tenant = None if found is None else read_open_tenant(exchange.platform, found.tenant_id, exchange.app)
    if tenant is None or not issuer.serves(tenant.tenant_id):
        raise OAuthError("invalid_request", "no such tenant for this app at this issuer")
    return tenant
