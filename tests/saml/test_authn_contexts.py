"""Comparing authentication context classes: only what is known to be strong enough counts as strong enough."""

from __future__ import annotations

import pytest

from saml import names
from saml.authn_contexts import satisfies

PASSWORD, MFA = names.CONTEXT_PASSWORD_PROTECTED, "https://refeds.org/profile/mfa"
X509 = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509"


@pytest.mark.parametrize(
    ("came", "wanted", "comparison", "expected"),
    [
        (MFA, (MFA,), "exact", True),
        (PASSWORD, (MFA,), "exact", False),
        ("urn:own", ("urn:own",), "minimum", True),
        (MFA, (PASSWORD,), "minimum", True),
        (PASSWORD, (X509,), "minimum", False),
        ("urn:unknown", (PASSWORD,), "minimum", False),
        (MFA, ("urn:unknown",), "minimum", False),
        (MFA, (PASSWORD,), "better", True),
        (PASSWORD, (PASSWORD,), "better", False),
        (PASSWORD, (MFA,), "maximum", True),
        (MFA, (PASSWORD,), "maximum", False),
        (names.CONTEXT_UNSPECIFIED, (PASSWORD,), "minimum", False),
    ],
)
def test_comparison(came: str, wanted: tuple[str, ...], comparison: str, expected: bool) -> None:
    assert satisfies(came, wanted, comparison) is expected  # type: ignore[arg-type]
