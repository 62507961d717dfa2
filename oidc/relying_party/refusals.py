"""How a reply is refused: stable codes, and only three sentences that a person may read.

The sentences do not tell a forger which check caught him; the findings and the detail, for the tenant's admins, do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from idbroker.federation.contract import Finding, ReplyRefused
from idbroker.outbound.fetcher import FetchFailed

ANSWER_REFUSED = (
    "The answer of your identity provider could not be accepted. Please start again from the app. "
    "If this happens again, give the reference to your administrator."
)
PROVIDER_FAILED = (
    "Your identity provider could not complete the sign-in. Please try again in a moment. "
    "If this happens again, give the reference to your administrator."
)
ACCESS_DENIED = (
    "Your identity provider did not let you in. If you should have access, give the reference to your administrator."
)


def refused(code: str, detail: str, *, status: int = 403, findings: Sequence[Finding] = ()) -> ReplyRefused:
    """The reply is to blame (400, 403), or the IdP itself (502)."""
    public = PROVIDER_FAILED if status == 502 else ANSWER_REFUSED
    if code == "oidc_access_denied":
        public = ACCESS_DENIED
    return ReplyRefused(code, public, findings=findings, detail=detail, status=status)


def unreachable(what: str, failure: FetchFailed) -> ReplyRefused:
    """An endpoint of the IdP did not answer within bounds."""
    return refused("oidc_idp_unreachable", f"{what}: {failure.code}: {failure.detail}", status=502)


def shown(value: Any) -> str:
    """A received value as a finding may carry it: JSON in ASCII (no control characters), at most 160 characters."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    return text if len(text) <= 160 else text[:157] + "..."
