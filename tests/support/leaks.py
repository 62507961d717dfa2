"""What no test may print or log: secrets by their shape, and the values that tests plant as secrets.

Asked of all that every test, its fixtures included, has printed and logged (``tests/conftest.py``): a line of a log that
somebody adds is looked at in all the ways in which the suite comes by.
"""

from __future__ import annotations

import re

import pytest

SHAPES = {
    "an API key": r"idbk_[0-9a-z]{26}_[\w-]{20,}",
    "a SCIM token": r"scim_[0-9a-z]{26}\.[0-9a-z]{26}\.[\w-]{20,}",
    "a webhook secret": r"whsec_[A-Za-z0-9+/=]{24,}",
    "a token": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a planted secret": r"planted-[a-z]+-5f1c0e7d9a|PLANTED-[A-Za-z]",
}
_ANY = re.compile("|".join(f"(?P<s{number}>{shape})" for number, shape in enumerate(SHAPES.values())))


def leaked(text: str) -> str | None:
    """What was found and where it begins, without the secret itself; None for nothing."""
    found = _ANY.search(text)
    if found is None:
        return None
    name = list(SHAPES)[int(str(found.lastgroup)[1:])]
    line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    return f"{name}, after “{line[-120:]}”"


def watched(report: pytest.TestReport, name: str) -> None:
    """Fails the report of a test's last phase, which bears all that was captured, when a secret is in it."""
    if report.when == "teardown" and report.passed:
        found = next(filter(None, (leaked(text) for _, text in report.sections)), None)
        if found is not None:
            report.outcome, report.longrepr = "failed", f"{name} shows {found}"
