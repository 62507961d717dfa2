"""Third-party-initiated login (OIDC Core 4): a wish that somebody signs in, brought by a browser, believed in nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from idbroker.federation.beginning import SignInWished
from oidc.relying_party.checks import PASSED, Check, Judged, failed, skipped, verdict
from oidc.relying_party.refusals import shown
from oidc.relying_party.settings import RpSettings

MAX_HINT = 255
MAX_TARGET = 2048


@dataclass(frozen=True, slots=True)
class InitiationEvidence:
    params: Mapping[str, str]
    settings: RpSettings


def _issuer(evidence: InitiationEvidence) -> Judged:
    """The address belongs to one provider: a wish in another's name would send people astray."""
    received = evidence.params.get("iss")
    if received == evidence.settings.issuer:
        return PASSED
    return failed(
        expected=evidence.settings.issuer, received="no iss" if received is None else shown(received),
        advice="iss must be the issuer of this connection to the letter. Check which address the provider calls.",
    )  # fmt: skip


def _hint(evidence: InitiationEvidence) -> Judged:
    hint = evidence.params.get("login_hint")
    if not hint:
        return skipped("No login_hint came.")
    if len(hint) <= MAX_HINT and hint.isprintable():
        return PASSED
    return failed(
        expected=f"at most {MAX_HINT} printable characters", received=f"{len(hint)} characters",
        advice="The provider must send the person's user name as login_hint, or none.",
    )  # fmt: skip


INITIATION_CHECKS: tuple[Check[InitiationEvidence], ...] = (
    Check("initiation.iss", "preflight", "OIDC Core 4", "oidc_initiation_iss_mismatch", _issuer, status=400),
    Check("initiation.login_hint", "preflight", "OIDC Core 4", "oidc_initiation_malformed", _hint, status=400),
)


def read_wish(settings: RpSettings, params: Mapping[str, str]) -> SignInWished:
    """Raises ReplyRefused (400). A target that is too long is no target: only listed ones count, and none is that long."""
    verdict(INITIATION_CHECKS, InitiationEvidence(params, settings))
    target = params.get("target_link_uri") or None
    return SignInWished(params.get("login_hint") or None, target if target and len(target) <= MAX_TARGET else None)
