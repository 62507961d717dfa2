"""An access token that comes back to us (RFC 6750): where it is read from, and what makes it good."""

from __future__ import annotations

from dataclasses import dataclass

from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import TenantId
from idbroker.web.call import Call
from oidc.jose import BadToken
from oidc.provider.errors import NoToken, OAuthError
from oidc.provider.issue import ACCESS_TOKEN
from oidc.provider.issuer import Issuer
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.primitives import scope_list

_TEXTS = ("sub", "client_id", "jti", "sid", "tenant_id", "scope")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token of this issuer that has not expired. Whether its session is live is for the database to say."""

    subject: str
    client_id: str
    token_id: str
    session_id: str
    tenant: TenantId
    scope: tuple[str, ...]


class InvalidToken(OAuthError):
    def __init__(self, detail: str) -> None:
        super().__init__("invalid_token", "The access token is not valid, or no longer.", detail=detail, status=401)


def presented_token(call: Call) -> str:
    """RFC 6750 2: the header, or the form of a POST; never both, never the query. Raises NoToken, OAuthError."""
    scheme, _, header_token = call.headers.get("authorization", "").partition(" ")
    in_header = header_token.strip() if scheme.lower() == "bearer" else ""
    in_form = ""
    if call.method == "POST" and call.content_type == "application/x-www-form-urlencoded":
        in_form = call.form.get("access_token", "")
    if in_header and in_form:
        raise OAuthError("invalid_request", "the access token came in two ways")
    if not in_header and not in_form:
        raise NoToken
    return in_header or in_form


def read_access_token(keys: IssuerKeys, issuer: Issuer, token: str, clock: Clock) -> AccessToken:
    """RFC 9068 4: type, signature, issuer, expiry, and that the issuer serves the tenant. Raises InvalidToken."""
    try:
        claims = keys.verify(issuer, token, ACCESS_TOKEN)
    except BadToken as error:
        raise InvalidToken(f"{error.reason}: {error}") from error
    expires = claims.get("exp")
    if not isinstance(expires, int) or expires <= clock.now().timestamp():
        raise InvalidToken("expired")
    texts = [claims.get(name) for name in _TEXTS]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidToken("not a token about a person")
    subject, client_id, token_id, session_id, tenant, scope = (str(text) for text in texts)
    if not issuer.serves(TenantId(tenant)):
        raise InvalidToken("another tenant's")
    return AccessToken(subject, client_id, token_id, session_id, TenantId(tenant), scope_list(scope))
