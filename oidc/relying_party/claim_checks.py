"""Checks on the claims of an ID token: who issued it, for whom, when, and to which attempt."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any

from oidc.relying_party.checks import PASSED, Judged, failed, skipped
from oidc.relying_party.evidence import IdTokenEvidence, SignedEvidence, numeric_date
from oidc.relying_party.quirks import google_domain_allowed
from oidc.relying_party.refusals import shown

OLDEST_TOKEN = 600
"""Seconds. The token was made for this code; Entra dates its tokens five minutes back."""
_CLOCK = "Check the provider's clock and ours."


def issuer(evidence: SignedEvidence) -> Judged:
    received = evidence.claims.get("iss")
    if received == evidence.settings.issuer:
        return PASSED
    return failed(
        expected=evidence.settings.issuer, received=shown(received),
        advice="The issuer must be the same to the letter, the final slash included.",
    )  # fmt: skip


def audience(evidence: SignedEvidence) -> Judged:
    received = evidence.claims.get("aud")
    named = [received] if isinstance(received, str) else received
    if isinstance(named, list) and all(isinstance(name, str) for name in named) and evidence.settings.client_id in named:
        return PASSED
    return failed(
        expected=evidence.settings.client_id, received=shown(received),
        advice="The token is for another application. Compare the client id here and at the provider.",
    )  # fmt: skip


def authorized_party(evidence: IdTokenEvidence) -> Judged:
    """With several audiences, only ``azp`` says which of them asked."""
    received, audiences = evidence.claims.get("azp"), evidence.claims.get("aud")
    several = isinstance(audiences, list) and len(audiences) > 1
    if "azp" not in evidence.claims and not several:
        return skipped("One audience, no azp.")
    if received == evidence.settings.client_id:
        return PASSED
    return failed(
        expected=evidence.settings.client_id, received=shown(received), advice="The token was asked for by another application."
    )


def expiry(evidence: SignedEvidence) -> Judged:
    moment = numeric_date(evidence.claims.get("exp"))
    if moment is not None and evidence.now < moment + evidence.skew:
        return PASSED
    return failed(expected=f"after {_utc(evidence.now)}", received=_when(evidence, "exp"), advice=_CLOCK)


def issued_at(evidence: SignedEvidence) -> Judged:
    moment = numeric_date(evidence.claims.get("iat"))
    if moment is not None and -evidence.skew <= evidence.now - moment <= OLDEST_TOKEN + evidence.skew:
        return PASSED
    return failed(
        expected=f"{_utc(evidence.now)}, or up to {OLDEST_TOKEN} s before", received=_when(evidence, "iat"), advice=_CLOCK
    )


def not_before(evidence: IdTokenEvidence) -> Judged:
    if "nbf" not in evidence.claims:
        return skipped("The token has no nbf.")
    moment = numeric_date(evidence.claims["nbf"])
    if moment is not None and moment - evidence.skew <= evidence.now:
        return PASSED
    return failed(expected=f"before {_utc(evidence.now)}", received=_when(evidence, "nbf"), advice=_CLOCK)


def nonce(evidence: IdTokenEvidence) -> Judged:
    received = evidence.claims.get("nonce")
    if isinstance(received, str) and hmac.compare_digest(received.encode(), evidence.nonce.encode()):
        return PASSED
    return failed(
        expected="the nonce of this attempt", received="no nonce" if received is None else "another value",
        advice="The token was made for another sign-in, or the provider does not return the nonce.",
    )  # fmt: skip


def authentication_time(evidence: IdTokenEvidence) -> Judged:
    """Judged at the moment of the request: whoever lingers at the provider afterwards has still just signed in."""
    if "auth_time" not in evidence.claims and evidence.max_age is None:
        return skipped("No auth_time, and none was asked for.")
    moment = numeric_date(evidence.claims.get("auth_time"))
    oldest = evidence.begun_at - evidence.max_age if evidence.max_age is not None else 0.0
    if evidence.forced:
        oldest = evidence.begun_at
    if moment is not None and oldest - evidence.skew <= moment <= evidence.now + evidence.skew:
        return PASSED
    return failed(
        expected=f"between {_utc(oldest)} and {_utc(evidence.now)}", received=_when(evidence, "auth_time"),
        advice="The app asked for a fresh sign-in. The provider must send auth_time and obey max_age and prompt=login.",
    )  # fmt: skip


def authentication_context(evidence: IdTokenEvidence) -> Judged:
    wanted = evidence.connection.options.authn_context
    if not wanted:
        return skipped("The connection asks for no authn_context.")
    received = evidence.claims.get("acr")
    if received in wanted:
        return PASSED
    return failed(
        expected=" or ".join(wanted), received=shown(received),
        advice="The provider did not sign the person in as strongly as authn_context demands, or does not say so in acr.",
    )  # fmt: skip


def subject(evidence: IdTokenEvidence) -> Judged:
    """OIDC Core 2: at most 255 ASCII characters, and case matters."""
    received = evidence.claims.get("sub")
    if isinstance(received, str) and 0 < len(received) <= 255 and received.isascii() and received.isprintable():
        return PASSED
    return failed(
        expected="1 to 255 ASCII characters", received=shown(received),
        advice="The provider must send a permanent identifier of the person as sub.",
    )  # fmt: skip


def entra_tenant(evidence: IdTokenEvidence) -> Judged:
    pinned = evidence.connection.options.entra_tenant_id
    if pinned is None:
        return skipped("No entra_tenant_id is set.")
    received = evidence.claims.get("tid")
    if isinstance(received, str) and received.lower() == pinned.lower():
        return PASSED
    return failed(
        expected=pinned, received=shown(received), advice="The person signed in with an account of another directory."
    )


def google_domain(evidence: IdTokenEvidence) -> Judged:
    if evidence.connection.vendor != "google" and evidence.settings.issuer != "https://accounts.google.com":
        return skipped("Not Google.")
    listed = evidence.connection.options.google_hosted_domains
    allowed = evidence.connection.verified_domains if listed is None else listed
    if google_domain_allowed(evidence.claims, allowed):
        return PASSED
    return failed(
        expected=" or ".join(allowed) or "a verified domain", received=shown(evidence.claims.get("hd")),
        advice="Only accounts of the Workspace sign in. Verify its domain here, or list it in google_hosted_domains.",
    )  # fmt: skip


def _when(evidence: SignedEvidence, name: str) -> str:
    received: Any = evidence.claims.get(name)
    moment = numeric_date(received)
    return shown(received) if moment is None else _utc(moment)


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(max(moment, 0.0), UTC).isoformat(timespec="seconds")
