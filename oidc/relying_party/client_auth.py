"""How we prove ourselves at the IdP's token endpoint (OIDC Core 9): a secret, or an assertion signed with our own key."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote_plus

from idbroker.federation.contract import ConnectionConfig
from idbroker.kernel.secrets import new_secret
from oidc import jose
from oidc.relying_party.keys import OwnKeys
from oidc.relying_party.refusals import refused
from oidc.relying_party.settings import RpSettings

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
CLIENT_SECRET = "client_secret"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What goes with the token request."""

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def credentials(connection: ConnectionConfig, settings: RpSettings, keys: OwnKeys, now: datetime) -> Credentials:
    """By the connection's method. Raises ReplyRefused when what it needs is not there."""
    match settings.token_endpoint_auth_method:
        case "client_secret_basic":
            return Credentials(headers={"authorization": basic_credentials(settings.client_id, _secret(connection))})
        case "client_secret_post":
            return Credentials({"client_id": settings.client_id, "client_secret": _secret(connection)})
        case "private_key_jwt":
            assertion = client_assertion(connection, settings, keys, now)
            named = {"client_id": settings.client_id, "client_assertion_type": ASSERTION_TYPE}
            return Credentials({**named, "client_assertion": assertion})
        case "none":
            return Credentials({"client_id": settings.client_id})


def basic_credentials(client_id: str, secret: str) -> str:
    """RFC 6749 2.3.1: both parts form-encoded before they are joined, so that a colon or a percent sign survives."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def client_assertion(connection: ConnectionConfig, settings: RpSettings, keys: OwnKeys, now: datetime) -> str:
    """RFC 7523 3. Good for a minute and for one endpoint; the key is this connection's alone, so that a provider which gets an
    assertion meant for another can do nothing with it there."""
    key = keys.of(connection, settings)
    if key is None:
        raise refused("oidc_client_key_missing", "the connection has no key of its own")
    private, kid, alg = key
    issued = int(now.timestamp())
    claims = {
        "iss": settings.client_id,
        "sub": settings.client_id,
        "aud": audience_of(connection.vendor, settings),
        "jti": new_secret(),
        "iat": issued,
        "exp": issued + ASSERTION_SECONDS,
    }
    return jose.sign(claims, private, alg=alg, kid=kid)


def audience_of(vendor: str, settings: RpSettings) -> str:
    """OIDC Core 9: the token endpoint's address; Auth0 documents its issuer."""
    return settings.issuer if vendor == "auth0" else settings.token_endpoint


def _secret(connection: ConnectionConfig) -> str:
    secret = connection.secrets.get(CLIENT_SECRET)
    if secret is None:
        raise refused("oidc_client_secret_missing", "the connection has no client secret")
    return secret
