"""Logout tokens (OIDC Back-Channel Logout 1.0 2.4 to 2.6): one visible list of checks, and what a good one asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from idbroker.federation.logout import LogoutAsked
from oidc.jose import media_type
from oidc.relying_party import claim_checks as claim
from oidc.relying_party import token_checks as token
from oidc.relying_party.checks import PASSED, Check, Judged, failed, verdict
from oidc.relying_party.evidence import SignedEvidence
from oidc.relying_party.refusals import shown
from oidc.relying_party.token_checks import when_readable as read

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MEMORY = timedelta(seconds=claim.OLDEST_TOKEN)
"""How old a token may be; as long as that, and the skew on both sides, its ``jti`` is remembered."""


def typ(evidence: SignedEvidence) -> Judged:
    """2.4 recommends ``logout+jwt``, and many say JWT or nothing; whatever says that it is something else is refused."""
    if evidence.token is None:
        return token.UNREADABLE
    if media_type(evidence.token.header) in ("logout+jwt", "jwt", ""):
        return PASSED
    return failed(
        expected="logout+jwt", received=shown(evidence.token.header.get("typ")), advice="This is another kind of token."
    )


def identifier(evidence: SignedEvidence) -> Judged:
    received = evidence.claims.get("jti")
    if isinstance(received, str) and 0 < len(received) <= 255:
        return PASSED
    return failed(
        expected="a jti of 1 to 255 characters", received=shown(received),
        advice="Without a jti a logout token could be sent again and again. The provider must give each one its own.",
    )  # fmt: skip


def event(evidence: SignedEvidence) -> Judged:
    received = evidence.claims.get("events")
    if isinstance(received, dict) and isinstance(received.get(EVENT), dict):
        return PASSED
    return failed(
        expected=f'events with the member "{EVENT}", an object', received=shown(received),
        advice="Only a logout token has this event. An ID token or an access token ends no session.",
    )  # fmt: skip


def no_nonce(evidence: SignedEvidence) -> Judged:
    """2.4: a nonce must not be there, so that no ID token can pass for a logout token."""
    if "nonce" not in evidence.claims:
        return PASSED
    return failed(
        expected="no nonce", received=shown(evidence.claims["nonce"]), advice="An ID token was sent as a logout token."
    )


def who(evidence: SignedEvidence) -> Judged:
    """2.4: ``sub``, ``sid`` or both; what is there must be well-formed."""
    named = [name for name in ("sub", "sid") if name in evidence.claims]
    if named and all(_name(evidence.claims[name]) for name in named):
        return PASSED
    return failed(
        expected="sub, sid or both, each of 1 to 255 printable characters",
        received=shown({name: evidence.claims[name] for name in named}),
        advice="The token does not say whose session is over.",
    )  # fmt: skip


def _name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()


LOGOUT_TOKEN_CHECKS: tuple[Check[SignedEvidence], ...] = (
    Check("logout_token.form", "preflight", "BCL 2.4", "oidc_token_malformed", token.form, status=400),
    Check("logout_token.algorithm", "crypto", "BCL 2.6 (2)", "oidc_alg_not_allowed", token.algorithm, status=400),
    Check("logout_token.key", "crypto", "OIDC Core 10.1.1", "oidc_key_unknown", token.key_known, status=400),
    Check("logout_token.signature", "crypto", "BCL 2.6 (2)", "oidc_signature_invalid", token.signature, status=400),
    Check("logout_token.typ", "preflight", "BCL 2.4", "oidc_token_type", typ, status=400),
    Check("logout_token.iss", "profile", "BCL 2.6 (3)", "oidc_iss_mismatch", read(claim.issuer), status=400),
    Check("logout_token.aud", "profile", "BCL 2.6 (3)", "oidc_aud_mismatch", read(claim.audience), status=400),
    Check("logout_token.exp", "profile", "BCL 2.6 (3)", "oidc_token_expired", read(claim.expiry), status=400),
    Check("logout_token.iat", "profile", "BCL 2.6 (3)", "oidc_iat_invalid", read(claim.issued_at), status=400),
    Check("logout_token.who", "profile", "BCL 2.6 (4)", "oidc_logout_nobody_named", read(who), status=400),
    Check("logout_token.events", "profile", "BCL 2.6 (5)", "oidc_logout_event_missing", read(event), status=400),
    Check("logout_token.nonce", "profile", "BCL 2.6 (6)", "oidc_logout_nonce_present", read(no_nonce), status=400),
    Check("logout_token.jti", "profile", "BCL 2.4", "oidc_logout_jti_missing", read(identifier), status=400),
)  # fmt: skip
"""BCL is OIDC Back-Channel Logout 1.0. Its 2.6 (7), that the ``jti`` was not seen before, is the replay store's: it is claimed
where the sessions end."""


def wish_of(evidence: SignedEvidence) -> LogoutAsked:
    """Whose sessions are to end. Raises ReplyRefused (400) at the first failed check."""
    verdict(LOGOUT_TOKEN_CHECKS, evidence)
    claims = evidence.claims
    until = datetime.fromtimestamp(evidence.now, UTC) + MEMORY + timedelta(seconds=2 * evidence.skew)
    return LogoutAsked(
        person=claims.get("sub"),
        sessions=(claims["sid"],) if "sid" in claims else (),
        replay_key=claims["jti"],
        replay_until=until,
    )
