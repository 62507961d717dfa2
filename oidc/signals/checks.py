"""Security Event Tokens of identity providers (RFC 8417, SSF 1.0 section 4): one visible list of checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oidc.jose import ALGORITHMS, Json, KeySet, UnverifiedToken, media_type
from oidc.relying_party import token_checks as token
from oidc.relying_party.checks import PASSED, Check, Judged, failed
from oidc.relying_party.evidence import numeric_date
from oidc.relying_party.refusals import shown
from oidc.relying_party.token_checks import when_readable as read

OLDEST = 7 * 86_400
"""Seconds: transmitters hold SETs while a receiver is down; as long as that a ``jti`` is remembered."""
MAX_EVENTS = 10


@dataclass(frozen=True, slots=True, repr=False)
class SetEvidence:
    """A token, and what its connection expects of it. Whatever is fetched is fetched before."""

    token: UnverifiedToken | None
    problem: str
    keys: KeySet
    issuer: str
    audience: Sequence[str]
    untyped: bool
    """Whether the issuer is one that types its SETs as any JWT."""
    now: float
    skew: int

    @property
    def algorithms(self) -> Sequence[str]:
        return ALGORITHMS

    @property
    def claims(self) -> Json:
        return self.token.claims if self.token else {}


def typ(evidence: SetEvidence) -> Judged:
    """RFC 8417 2.3, SSF 4.1.1: nothing else that the issuer signs can be taken for a SET."""
    header: Mapping[str, Any] = evidence.token.header if evidence.token else {}
    allowed = ("secevent+jwt", "jwt", "") if evidence.untyped else ("secevent+jwt",)
    if media_type(header) in allowed:
        return PASSED
    return failed(expected="secevent+jwt", received=shown(header.get("typ")), advice="This is another kind of token.")


def issuer(evidence: SetEvidence) -> Judged:
    if evidence.claims.get("iss") == evidence.issuer:
        return PASSED
    return failed(
        expected=evidence.issuer, received=shown(evidence.claims.get("iss")),
        advice="The issuer must be the same to the letter, the final slash included.",
    )  # fmt: skip


def audience(evidence: SetEvidence) -> Judged:
    received = evidence.claims.get("aud")
    named = [received] if isinstance(received, str) else received
    if isinstance(named, list) and any(name in evidence.audience for name in named if isinstance(name, str)):
        return PASSED
    return failed(
        expected=" or ".join(evidence.audience), received=shown(received),
        advice="The token is for another receiver. Compare the audience here and at the identity provider.",
    )  # fmt: skip


def issued_at(evidence: SetEvidence) -> Judged:
    moment = numeric_date(evidence.claims.get("iat"))
    if moment is not None and -evidence.skew <= evidence.now - moment <= OLDEST:
        return PASSED
    return failed(
        expected="the last seven days",
        received=shown(evidence.claims.get("iat")),
        advice="Check the provider's clock and ours.",
    )


def identifier(evidence: SetEvidence) -> Judged:
    received = evidence.claims.get("jti")
    if isinstance(received, str) and 0 < len(received) <= 255:
        return PASSED
    return failed(
        expected="a jti of 1 to 255 characters", received=shown(received),
        advice="Without a jti a SET could be sent again and again. The provider must give each one its own.",
    )  # fmt: skip


def no_session(evidence: SetEvidence) -> Judged:
    """SSF 4.1.3, 4.1.6, RFC 8417 4.5: what makes it look like an ID token or an access token must not be there."""
    found = [name for name in ("nonce", "at_hash", "c_hash", "exp", "scope") if name in evidence.claims]
    if not found:
        return PASSED
    return failed(
        expected="no exp, nonce or scope", received=", ".join(found), advice="Another kind of token was sent as a SET."
    )


def events(evidence: SetEvidence) -> Judged:
    received = evidence.claims.get("events")
    if isinstance(received, dict) and 0 < len(received) <= MAX_EVENTS and all(isinstance(v, dict) for v in received.values()):
        return PASSED
    return failed(
        expected=f"events, an object of 1 to {MAX_EVENTS} events, each an object", received=shown(received),
        advice="The token does not say what happened.",
    )  # fmt: skip


SET_CHECKS: tuple[Check[SetEvidence], ...] = (
    Check("set.form", "preflight", "RFC 8417 2.2", "set_malformed", token.form, status=400),
    Check("set.algorithm", "crypto", "RFC 8725 3.1", "set_alg_not_allowed", token.algorithm, status=400),
    Check("set.key", "crypto", "SSF 4.1.5", "set_key_unknown", token.key_known, status=400),
    Check("set.signature", "crypto", "RFC 8417 5.1", "set_signature_invalid", token.signature, status=400),
    Check("set.typ", "preflight", "SSF 4.1.1", "set_type", read(typ), status=400),
    Check("set.iss", "profile", "SSF 4.1.7", "set_iss_mismatch", read(issuer), status=400),
    Check("set.aud", "profile", "SSF 4.1.9", "set_aud_mismatch", read(audience), status=400),
    Check("set.iat", "profile", "RFC 8417 2.2", "set_iat_invalid", read(issued_at), status=400),
    Check("set.jti", "profile", "RFC 8417 2.2", "set_jti_missing", read(identifier), status=400),
    Check("set.other_kind", "profile", "SSF 4.1.3", "set_other_kind", read(no_session), status=400),
    Check("set.events", "profile", "RFC 8417 2.2", "set_events_missing", read(events), status=400),
)
"""That the ``jti`` was not acted on before is the replay store's to say: one that was is acknowledged, and nothing done."""

ERRORS: Mapping[str, str] = {
    "set_alg_not_allowed": "invalid_key",
    "set_key_unknown": "invalid_key",
    "set_signature_invalid": "invalid_key",
    "set_iss_mismatch": "invalid_issuer",
    "set_aud_mismatch": "invalid_audience",
}
"""Our code → the error of RFC 8935 2.4; all others are ``invalid_request``."""
