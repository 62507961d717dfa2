"""The identity providers that synthetic tenants trust: drafted once, kept in each tenant as a connection of its own.

Without ``metadata`` the SAML one is invented and its key thrown away: sign-ins begin there, and nobody can answer for it. Its
addresses, like those of the OpenID provider, are below the reserved suffix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idbroker.app import Services
from idbroker.connections.service import ConnectionForm, new_connection_id
from idbroker.federation.contract import ConnectionDraft
from idbroker.kernel.secrets import new_secret
from idbroker.synthetic.plan import SUFFIX, Kind
from saml.demo_idp import DemoSamlIdp

SAML_IDP = f"https://saml-idp.{SUFFIX}"
OPENID_PROVIDER = f"https://openid-provider.{SUFFIX}"


def drafts(services: Services, metadata: str | None = None) -> Mapping[Kind, ConnectionDraft]:
    """``metadata``: the document of a SAML identity provider of one's own, in place of the invented one. Raises Invalid."""
    if metadata is None:
        metadata = DemoSamlIdp(f"{SAML_IDP}/metadata", f"{SAML_IDP}/sso", services.clock).metadata()
    saml: dict[str, Any] = {"metadata_xml": metadata}
    oidc: dict[str, Any] = {
        "issuer": OPENID_PROVIDER,
        "client_id": "broker",
        "client_secret": new_secret(),
        "scopes": ["openid", "email", "profile", "groups"],
        "authorization_endpoint": f"{OPENID_PROVIDER}/authorize",
        "token_endpoint": f"{OPENID_PROVIDER}/token",
        "jwks_uri": f"{OPENID_PROVIDER}/jwks",
    }
    return {"saml": _drafted(services, "saml", saml), "oidc": _drafted(services, "oidc", oidc)}


def _drafted(services: Services, kind: Kind, fields: dict[str, Any]) -> ConnectionDraft:
    return services.connections.draft(ConnectionForm(type=kind, name=kind, **fields), new_connection_id())
