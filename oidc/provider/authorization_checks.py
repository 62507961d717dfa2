"""The checks of an authorization request, in their order: each takes the request as far as it is proven and adds its part.

Before them, client and redirect URI are proven and errors are a page; from here on they are a redirect to the app.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from idbroker.apps.model import App
from idbroker.kernel.addresses import BadAddress, normal_email
from oidc.jose import BadToken
from oidc.provider.authorization_request import AuthorizationRequest
from oidc.provider.claims import SCOPES
from oidc.provider.claims_parameter import read_claims_parameter
from oidc.provider.dpop import is_thumbprint
from oidc.provider.errors import OAuthError
from oidc.provider.id_token_hint import read_hint
from oidc.provider.issuer import Issuer
from oidc.provider.issuer_keys import IssuerKeys
from oidc.provider.primitives import is_challenge, scope_list
from oidc.provider.response_mode import MODES, QUERY

PROMPTS = ("none", "login", "select_account", "consent")
MAX_STATE = 4096
MAX_NONCE = 1024
MAX_NAME = 128
LONGEST_AGE = 2**31 - 1
"""Seconds, 68 years: what the database's integers hold. More means the same as this."""

_UNSUPPORTED = {
    "request": "request_not_supported",  # OIDC Core 6.1
    "request_uri": "request_uri_not_supported",  # OIDC Core 6.2
    "registration": "registration_not_supported",  # OIDC Core 7.2.1
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters as they came."""

    values: Mapping[str, str]
    repeated: frozenset[str]
    issuer: Issuer
    app: App
    keys: IssuerKeys
    pushed: bool = False
    """Whether the app has pushed them itself (RFC 9126)."""


Check = Callable[[Asked, AuthorizationRequest], AuthorizationRequest]


def no_repeated_parameter(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """RFC 6749 3.1: two readers could take two different ones."""
    if "resource" in asked.repeated:  # RFC 8707 2: more than one at a time is for the server to accept or not
        raise OAuthError("invalid_target", "ask for one resource at a time")
    if asked.repeated:
        raise _invalid(f"parameters came more than once: {', '.join(sorted(asked.repeated))[:200]}")
    return request


def no_unsupported_parameter(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """Refused by name: to ignore them would answer another request than the one that was made."""
    for name, error in _UNSUPPORTED.items():
        if name in asked.values:
            raise OAuthError(error, f"the parameter {name} is not supported")
    return request


def pushed_when_required(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """RFC 9126 6."""
    if asked.app.require_pushed_authorization_requests and not asked.pushed:
        raise _invalid("this app must push its authorization requests")
    return request


def response_type_code(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """OAuth 2.1 4.1: no tokens from the authorization endpoint."""
    wanted = asked.values.get("response_type")
    if wanted is None:
        raise _invalid("response_type is missing")
    if wanted != "code":
        raise OAuthError("unsupported_response_type", "only response_type code is supported")
    return request


def known_response_mode(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    mode = asked.values.get("response_mode", QUERY)
    if mode not in MODES:
        raise _invalid(f"response_mode must be of: {' '.join(MODES)}")
    return replace(request, response_mode=mode)


def allowed_grant(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    if "authorization_code" not in asked.app.grant_types:
        raise OAuthError("unauthorized_client", "this app may not use the authorization code flow")
    return request


def known_scope(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """RFC 6749 3.3, OIDC Core 3.1.2.1: unknown scopes are passed over. Without ``openid`` there will be no ID token."""
    known = SCOPES if "refresh_token" in asked.app.grant_types else [name for name in SCOPES if name != "offline_access"]
    scope = tuple(name for name in scope_list(asked.values.get("scope")) if name in known)
    if not scope:
        raise OAuthError("invalid_scope", f"ask for at least one scope of: {' '.join(SCOPES)}")
    return replace(request, scope=scope)


def pkce(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """RFC 9700 2.1.1, RFC 7636 4.4.1: for every client, and S256 alone; a missing method would mean plain."""
    challenge = asked.values.get("code_challenge")
    if challenge is None:
        raise _invalid("code_challenge is missing: PKCE is required")
    if asked.values.get("code_challenge_method") != "S256":
        raise _invalid("code_challenge_method must be S256")
    if not is_challenge(challenge):
        raise _invalid("code_challenge must have 43 to 128 unreserved characters")
    return replace(request, code_challenge=challenge)


def bounded_state_and_nonce(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    if len(asked.values.get("state", "")) > MAX_STATE:
        raise _invalid(f"state is longer than {MAX_STATE} characters")
    nonce = asked.values.get("nonce")
    if nonce is not None and len(nonce) > MAX_NONCE:
        raise _invalid(f"nonce is longer than {MAX_NONCE} characters")
    return replace(request, nonce=nonce)


def prompt(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """OIDC Core 3.1.2.1. ``consent`` asks nothing: the apps are the operator's own."""
    wanted = scope_list(asked.values.get("prompt"))
    if any(value not in PROMPTS for value in wanted):
        raise _invalid(f"prompt must be of: {' '.join(PROMPTS)}")
    if "none" in wanted and len(wanted) > 1:
        raise _invalid("prompt none goes with no other value")
    return replace(request, prompt=wanted)


def acr_values(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """A voluntary wish (OIDC Core 3.1.2.1), handed on to the IdP; one that is beyond measure is passed over."""
    text = asked.values.get("acr_values", "")
    return replace(request, acr_values=scope_list(text)) if len(text) <= MAX_NONCE and text.isprintable() else request


def max_age(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """Seconds since the person proved himself (OIDC Core 3.1.2.1)."""
    text = asked.values.get("max_age")
    if text is None:
        return request
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise _invalid("max_age must be a number of seconds")
    return replace(request, max_age=min(int(text), LONGEST_AGE))


def login_hint(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """A hint that is not an e-mail address is passed over: it is a hint (OIDC Core 3.1.2.1)."""
    try:
        return replace(request, login_hint=normal_email(asked.values.get("login_hint", "")))
    except BadAddress:
        return request


def id_token_hint(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """OIDC Core 3.1.2.1, 3.1.2.2: it must be a token that this issuer gave to this client; it may have expired."""
    token = asked.values.get("id_token_hint")
    if token is None:
        return request
    try:
        hint = read_hint(asked.keys, asked.issuer, token)
    except BadToken as error:
        raise _invalid("id_token_hint is not an ID token of this issuer", detail=str(error)) from error
    if hint.client_id != asked.app.id:
        raise _invalid("id_token_hint was given to another client")
    return replace(request, subject=hint.subject)


def known_resource(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """RFC 8707 2: one that the app has registered."""
    resource = asked.values.get("resource")
    if resource is not None and resource not in asked.app.resources:
        raise OAuthError("invalid_target", "this app may not ask for that resource")
    return replace(request, resource=resource)


def claims_by_name(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """OIDC Core 5.5. Claims that we do not have are passed over; a ``sub`` or an essential ``acr`` must be met."""
    text = asked.values.get("claims")
    if text is None:
        return request
    try:
        wanted = read_claims_parameter(text)
    except BadToken as error:
        raise _invalid("claims is not what OIDC Core 5.5 describes", detail=str(error)) from error
    if wanted.subject is not None and request.subject not in (None, wanted.subject):
        raise _invalid("claims and id_token_hint ask for two different people")
    return replace(request, claims=wanted.names, subject=wanted.subject or request.subject, acr=wanted.acr)


def dpop_key(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """RFC 9449 10."""
    jkt = asked.values.get("dpop_jkt")
    if jkt is not None and not is_thumbprint(jkt):
        raise _invalid("dpop_jkt must be a SHA-256 thumbprint in base64url")
    return replace(request, dpop_jkt=jkt)


def tenant_and_connection(asked: Asked, request: AuthorizationRequest) -> AuthorizationRequest:
    """Where to sign in. What does not exist is found out by the sign-in; a tenant's issuer serves that tenant alone."""
    tenant, connection = asked.values.get("tenant"), asked.values.get("connection")
    if len(tenant or "") > MAX_NAME or len(connection or "") > MAX_NAME:
        raise _invalid("tenant or connection is too long")
    if asked.issuer.pinned is not None and tenant not in (None, asked.issuer.pinned, asked.issuer.slug):
        raise _invalid("this issuer serves another tenant")
    return replace(request, tenant=tenant, connection=connection)


CHECKS: tuple[Check, ...] = (
    no_repeated_parameter,
    no_unsupported_parameter,
    pushed_when_required,
    response_type_code,
    known_response_mode,
    allowed_grant,
    known_scope,
    pkce,
    bounded_state_and_nonce,
    prompt,
    acr_values,
    max_age,
    login_hint,
    id_token_hint,
    known_resource,
    claims_by_name,
    dpop_key,
    tenant_and_connection,
)
"""``ui_locales``, ``display`` and whatever is unknown are passed over (OIDC Core 3.1.2.1, RFC 6749 3.1)."""


def _invalid(description: str, *, detail: str = "") -> OAuthError:
    return OAuthError("invalid_request", description, detail=detail)
