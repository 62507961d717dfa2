"""Claims from the userinfo endpoint (OIDC Core 5.3), for providers that keep their ID tokens thin."""

from __future__ import annotations

from typing import Any

from idbroker.outbound.fetcher import Fetcher, FetchFailed
from oidc.jose import BadToken, Json, strict_json
from oidc.relying_party.answers import is_json, media_type
from oidc.relying_party.quirks import groups_overage
from oidc.relying_party.refusals import refused, shown, unreachable
from oidc.relying_party.settings import RpSettings

MAX_ANSWER = 256 * 1024

SIGNED_ONLY = frozenset(
    {
        "iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "auth_time", "acr", "amr", "sid",
        "tid", "oid", "hd", "xms_edov", "_claim_names", "_claim_sources", "hasgroups",
    }
)  # fmt: skip
"""Claims that decide something and so are taken from the signed token alone."""


def lacking(claims: Json, settings: RpSettings) -> bool:
    """Whether a scope was asked for whose claims the ID token does not hold."""
    named = ("name", "given_name", "family_name")
    return (
        ("email" in settings.scopes and not claims.get("email"))
        or ("profile" in settings.scopes and not any(claims.get(name) for name in named))
        or ("groups" in settings.scopes and "groups" not in claims and not groups_overage(claims))
    )


def needed(claims: Json, settings: RpSettings, access_token: str | None) -> bool:
    """Whether userinfo is asked: only where it can be, and something is missing."""
    return settings.userinfo_endpoint is not None and access_token is not None and lacking(claims, settings)


def merged_claims(fetcher: Fetcher, settings: RpSettings, claims: Json, access_token: str | None) -> Json:
    """The verified claims, completed from userinfo where they are thin; the signed token always wins.

    Raises ReplyRefused when userinfo contradicts the token, or cannot be had and the token has no e-mail address.
    """
    if settings.userinfo_endpoint is None or access_token is None or not needed(claims, settings, access_token):
        return claims
    told = _fetch(fetcher, settings.userinfo_endpoint, access_token, must=not claims.get("email"))
    if told is None:
        return claims
    if told.get("sub") != claims["sub"]:  # OIDC Core 5.3.2: or the answer is someone else's
        raise refused("oidc_userinfo_sub_mismatch", f"userinfo is about {shown(told.get('sub'))}")
    extra = {name: value for name, value in told.items() if name not in SIGNED_ONLY}
    if claims.get("email") and claims["email"] != told.get("email"):
        extra.pop("email_verified", None)  # that word is about the other address
    elif "email_verified" in claims and not claims.get("email"):
        return {**extra, **_present(claims), "email_verified": extra.get("email_verified", claims["email_verified"])}
    return {**extra, **_present(claims)}


def _present(claims: Json) -> Json:
    return {name: value for name, value in claims.items() if value is not None}


def _fetch(fetcher: Fetcher, url: str, access_token: str, *, must: bool) -> dict[str, Any] | None:
    """None when it is of no consequence that userinfo does not answer."""
    try:
        answer = fetcher.get(url, accept="application/json", headers={"authorization": f"Bearer {access_token}"})
    except FetchFailed as failure:
        if must:
            raise unreachable("userinfo_endpoint", failure) from failure
        return None
    if answer.status != 200:
        if must:
            raise refused("oidc_userinfo_failed", f"userinfo answered {answer.status}", status=502)
        return None
    if not is_json(answer.headers):
        told = shown(media_type(answer.headers))
        raise refused("oidc_userinfo_invalid", f"userinfo: {told}, not application/json", status=502)
    try:
        return strict_json(answer.body, limit=MAX_ANSWER)
    except BadToken as error:
        raise refused("oidc_userinfo_invalid", f"userinfo: {error}", status=502) from error
