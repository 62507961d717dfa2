"""An access token that comes back to us (RFC 6750): where it is read from, and what makes it good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.web.call import Call
from oidc.jose import BadToken, Json, text_or
from oidc.provider.dpop import InvalidProof, Proof, presented_proof
from oidc.provider.errors import NoToken, OAuthError
from oidc.provider.issue import ACCESS_TOKEN
from oidc.provider.issuer import Issuer
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.primitives import scope_list

_TEXTS = ("sub", "client_id", "jti")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token of this issuer that has not expired. Whether it is still good is for the database to say."""

    subject: str
    client_id: str
    token_id: str
    tenant: TenantId
    """``platform`` for a machine's token that is for all tenants of its app."""
    audience: str
    session_id: str | None
    """None for a machine's."""
    scope: tuple[str, ...]
    claims: Json

    @property
    def jkt(self) -> str | None:
        """Thumbprint of the key that it is bound to (RFC 9449 6.1)."""
        confirmation = self.claims.get("cnf")
        return confirmation.get("jkt") if isinstance(confirmation, dict) else None

    @property
    def userinfo_claims(self) -> tuple[str, ...]:
        return tuple(self.claims.get("userinfo_claims", ()))


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """A token as it came. ``with_proof``: by the scheme DPoP."""

    text: str
    with_proof: bool


class InvalidToken(OAuthError):
    def __init__(self, detail: str) -> None:
        super().__init__("invalid_token", "The access token is not valid, or no longer.", detail=detail, status=401)


def presented_token(call: Call) -> PresentedToken:
    """RFC 6750 2, RFC 9449 7.1: the header, or the form of a POST; never both, never the query. Raises NoToken, OAuthError."""
    scheme, _, rest = call.headers.get("authorization", "").partition(" ")
    in_header = rest.strip() if scheme.lower() in ("bearer", "dpop") else ""
    in_form = ""
    if call.method == "POST" and call.content_type == "application/x-www-form-urlencoded":
        in_form = call.form.get("access_token", "")
    if in_header and in_form:
        raise OAuthError("invalid_request", "the access token came in two ways")
    if not in_header and not in_form:
        raise NoToken
    return PresentedToken(in_header or in_form, bool(in_header) and scheme.lower() == "dpop")


def check_possession(token: AccessToken, presented: PresentedToken, call: Call, now: datetime) -> Proof | None:
    """The proof of the key that the token is bound to, still to be claimed; None for a token that is bound to none.

    RFC 9449 7.2: a bound token never counts as a Bearer token, nor the other way round. Raises InvalidToken, InvalidProof.
    """
    if token.jkt is None:
        if presented.with_proof:
            raise InvalidToken("the token is bound to no key")
        return None
    if not presented.with_proof:
        raise InvalidToken("the token is bound to a key and came as a Bearer token")
    proof = presented_proof(call, now, access_token=presented.text)
    if proof is None:
        raise InvalidProof("no proof", status=401)
    if proof.jkt != token.jkt:
        raise InvalidToken("the proof is by another key")
    return proof


def read_access_token(keys: IssuerKeys, issuer: Issuer, token: str, clock: Clock) -> AccessToken:
    """RFC 9068 4: type, signature, issuer, expiry, and that the issuer serves the tenant. Raises InvalidToken."""
    try:
        claims = keys.verify(issuer, token, ACCESS_TOKEN)
    except BadToken as error:
        raise InvalidToken(f"{error.reason}: {error}") from error
    expires = claims.get("exp")
    if not isinstance(expires, int) or expires <= clock.now().timestamp():
        raise InvalidToken("expired")
    subject, client_id, token_id = _texts(claims)
    tenant = claims.get("tenant_id", PLATFORM_TRAIL)
    if not isinstance(tenant, str) or not issuer.serves(TenantId(tenant)):
        raise InvalidToken("another tenant's")
    session_id = claims.get("sid")
    if session_id is None and subject != client_id:
        raise InvalidToken("a person's token without a session")
    if session_id is not None and tenant == PLATFORM_TRAIL:
        raise InvalidToken("a person's token without a tenant")
    return AccessToken(
        subject,
        client_id,
        token_id,
        TenantId(tenant),
        text_or(claims.get("aud"), ""),
        session_id if isinstance(session_id, str) else None,
        scope_list(text_or(claims.get("scope"), "")),
        claims,
    )


def _texts(claims: Json) -> list[str]:
    texts = [claims.get(name) for name in _TEXTS]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidToken("not an access token of ours")
    return [str(text) for text in texts]
