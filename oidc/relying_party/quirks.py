"""What single vendors do in their own way. Everything named after a vendor is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

_HOSTS = {
    "okta": ("okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com"),
    "entra": ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "sts.windows.net"),
    "google": ("accounts.google.com",),
    "auth0": ("auth0.com",),
    "onelogin": ("onelogin.com",),
    "jumpcloud": ("jumpcloud.com",),
    "pingone": ("pingone.com", "pingone.eu", "pingone.ca", "pingone.asia", "pingone.com.au", "pingone.sg"),
}
_ENTRA_SHARED = ("common", "organizations", "consumers")
ENTRA_TEMPLATE = "{tenantid}"


def guess_vendor(issuer: str) -> str:
    """The vendor by the issuer's host, or by Keycloak's path; ``generic`` when nothing tells."""
    parts = urlsplit(issuer)
    host = (parts.hostname or "").lower()
    for vendor, suffixes in _HOSTS.items():
        if any(host == suffix or host.endswith("." + suffix) for suffix in suffixes):
            return vendor
    return "keycloak" if "/realms/" in parts.path else "generic"


def entra_shared_segment(issuer: str) -> str | None:
    """``common`` and its like: an issuer that anyone with a Microsoft account can sign in through."""
    first = urlsplit(issuer).path.strip("/").split("/")[0].lower()
    return first if first in _ENTRA_SHARED else None


def entra_subject(claims: Mapping[str, Any]) -> str | None:
    """``tid:oid`` when the token names both: ``sub`` at Entra is another one for every app registration."""
    tid, oid = claims.get("tid"), claims.get("oid")
    if isinstance(tid, str) and isinstance(oid, str) and 0 < len(tid) <= 64 and 0 < len(oid) <= 64 and ":" not in tid:
        return f"{tid.lower()}:{oid.lower()}"
    return None


def entra_email_verified(claims: Mapping[str, Any]) -> bool | None:
    """``xms_edov``: whether the domain's owner was verified. It comes as bool, number or text; absent says nothing."""
    if "xms_edov" not in claims:
        return None
    return claims["xms_edov"] in (True, 1, "1", "true", "True")


def groups_overage(claims: Mapping[str, Any]) -> bool:
    """Entra leaves the groups out of a token when there are too many, and says where to ask instead."""
    names = claims.get("_claim_names")
    return (isinstance(names, dict) and "groups" in names) or claims.get("hasgroups") in (True, "true")


def google_domain_allowed(claims: Mapping[str, Any], allowed: Sequence[str]) -> bool:
    """``hd`` is the Workspace domain of the account; a consumer account has none."""
    hosted = claims.get("hd")
    return isinstance(hosted, str) and hosted.lower() in allowed
