"""What is particular to a vendor. One place, one vendor's name on every line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

HintBy = Literal["subject", "query", "nothing"]

# How a vendor takes the address that the person typed. What a vendor is not known to take is not sent: Entra answers a
# Subject with an error (AADSTS900236) and documents login_hint in the query instead; AD FS reads login_hint there too.
# Keycloak documents the Subject; Okta is sent it as the standard has it.
_HINTS: Mapping[str, HintBy] = {"entra": "query", "adfs": "query", "keycloak": "subject", "okta": "subject"}


def hint_by(vendor: str) -> HintBy:
    """Where that vendor reads the login hint (SAML core 3.4.1 knows the Subject alone)."""
    return _HINTS.get(vendor, "nothing")


# The first pattern that is found in the entity id or an endpoint names the vendor; the special ones come first.
_MARKS: tuple[tuple[str, str], ...] = (
    ("sts.windows.net/", "entra"),
    ("login.microsoftonline.", "entra"),
    ("accounts.google.com/o/saml2", "google"),
    (".okta.com/", "okta"),
    (".oktapreview.com/", "okta"),
    (".okta-emea.com/", "okta"),
    ("okta.", "okta"),
    ("onelogin.", "onelogin"),
    ("jumpcloud.", "jumpcloud"),
    ("pingone.", "pingone"),
    (".pingidentity.", "pingone"),
    (".auth0.com", "auth0"),
    ("/adfs/", "adfs"),
    ("/realms/", "keycloak"),
    ("/simplesaml/", "simplesamlphp"),
    ("/simplesamlphp/", "simplesamlphp"),
    ("/idp/shibboleth", "shibboleth"),
    ("/idp/profile/saml2/", "shibboleth"),
)


def guess_vendor(addresses: Sequence[str | None]) -> str:
    """The vendor that an IdP's entity id and endpoints betray, ``generic`` when none does."""
    text = " ".join(address.lower() for address in addresses if address)
    return next((vendor for mark, vendor in _MARKS if mark in text), "generic")
