"""Authentication context classes: what they say about the method, and which are known to be stronger than others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from saml import names

Comparison = Literal["exact", "minimum", "better", "maximum"]

_CLASS = "urn:oasis:names:tc:SAML:2.0:ac:classes:"

METHODS: Mapping[str, tuple[str, ...]] = {
    names.CONTEXT_PASSWORD: ("pwd",),
    names.CONTEXT_PASSWORD_PROTECTED: ("pwd",),
    _CLASS + "Kerberos": ("kerberos",),
    "urn:federation:authentication:windows": ("kerberos",),
    _CLASS + "X509": ("x509",),
    _CLASS + "TLSClient": ("x509",),
    _CLASS + "Smartcard": ("sc",),
    _CLASS + "SmartcardPKI": ("sc",),
    _CLASS + "TimeSyncToken": ("otp",),
    _CLASS + "MobileTwoFactorContract": ("mfa",),
    _CLASS + "MobileTwoFactorUnregistered": ("mfa",),
    "https://refeds.org/profile/mfa": ("mfa",),
    "http://schemas.microsoft.com/claims/multipleauthn": ("mfa",),
}
"""AuthnContextClassRef to RFC 8176 method names; classes that are not listed say nothing about the method."""

_STRENGTH: Mapping[tuple[str, ...], int] = {("pwd",): 1, ("kerberos",): 1, ("otp",): 2, ("x509",): 2, ("sc",): 3, ("mfa",): 3}


def _strength(context: str) -> int | None:
    """A rank for comparing; None for a class that nobody has ranked."""
    return 0 if context == names.CONTEXT_UNSPECIFIED else _STRENGTH.get(METHODS.get(context, ()))


def satisfies(came: str, wanted: Sequence[str], comparison: Comparison) -> bool:
    """Whether a class answers a request (SAML core 3.3.2.2.1). Beyond the named ones only ranked classes are compared: one
    that is not known to be strong enough is not."""
    if comparison == "exact" or (came in wanted and comparison != "better"):
        return came in wanted
    rank = _strength(came)
    ranks = [known for one in wanted if (known := _strength(one)) is not None]
    if rank is None or len(ranks) < len(wanted):
        return False
    if comparison == "minimum":
        return rank >= min(ranks)
    return rank > max(ranks) if comparison == "better" else rank <= max(ranks)
