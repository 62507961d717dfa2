"""Checks on the ID token as a signed object: form, algorithm, key, signature, type, and the hashes that bind its companions."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TypeVar

from oidc.jose import BadToken, check_signature, half_hash, media_type
from oidc.relying_party.checks import PASSED, Judged, failed, skipped
from oidc.relying_party.evidence import IdTokenEvidence, Signed
from oidc.relying_party.refusals import shown

E = TypeVar("E", bound=Signed)
UNREADABLE = skipped("The token could not be read.")


def when_readable(run: Callable[[E], Judged]) -> Callable[[E], Judged]:
    """The check, skipped where there is no token to look into: one that cannot be read fails for its form alone."""

    def judged(evidence: E) -> Judged:
        return UNREADABLE if evidence.token is None else run(evidence)

    return judged


def form(evidence: Signed) -> Judged:
    if evidence.token is not None:
        return PASSED
    return failed(
        expected="a signed JWT in compact form", received=evidence.problem,
        advice="The provider must send a signed, not an encrypted, ID token with ordinary JSON inside.",
    )  # fmt: skip


def algorithm(evidence: Signed) -> Judged:
    """RFC 8725 3.1: the header only names; what is allowed was fixed when the connection was saved."""
    if evidence.token is None:
        return UNREADABLE
    if evidence.token.alg in evidence.algorithms:
        return PASSED
    return failed(
        expected=" ".join(evidence.algorithms), received=shown(evidence.token.alg),
        advice="Choose one of these signing algorithms at the provider. If it has changed there, save the connection again.",
    )  # fmt: skip


def key_known(evidence: Signed) -> Judged:
    if evidence.token is None:
        return UNREADABLE
    kid = evidence.token.kid
    if any(kid is None or key.kid == kid for key in evidence.keys):
        return PASSED
    return failed(
        expected="a signature key published at jwks_uri", received=f"kid {shown(kid)}",
        advice="The provider's key set has no usable key of that name (RSA keys need 2,048 bit). Key sets are read again "
        "once a minute.",
    )  # fmt: skip


def signature(evidence: Signed) -> Judged:
    if evidence.token is None:
        return UNREADABLE
    try:
        check_signature(evidence.token, evidence.keys, evidence.algorithms)
    except BadToken as error:
        return failed(
            expected="a signature by a key of jwks_uri", received=str(error),
            advice="The token was changed on its way, or signed with a key that the provider does not publish.",
        )  # fmt: skip
    return PASSED


def typ(evidence: IdTokenEvidence) -> Judged:
    """RFC 8725 3.11: an access token or a logout token is no ID token; most providers say JWT or nothing."""
    if evidence.token is None:
        return UNREADABLE
    if media_type(evidence.token.header) in ("", "jwt"):
        return PASSED
    return failed(
        expected="JWT", received=shown(evidence.token.header.get("typ")), advice="The provider sent another kind of token."
    )


def access_token_hash(evidence: IdTokenEvidence) -> Judged:
    return _bound(evidence, "at_hash", evidence.access_token)


def code_hash(evidence: IdTokenEvidence) -> Judged:
    return _bound(evidence, "c_hash", evidence.code)


def _bound(evidence: IdTokenEvidence, name: str, companion: str | None) -> Judged:
    received = evidence.claims.get(name)
    if evidence.token is None or name not in evidence.claims:
        return skipped(f"The token has no {name}.")
    if companion is None:
        return skipped("Nothing came beside the token.")
    expected = half_hash(companion, evidence.token.alg)
    if isinstance(received, str) and hmac.compare_digest(received.encode(), expected.encode()):
        return PASSED
    return failed(
        expected=expected, received=shown(received), advice="The token was issued for another answer of the provider."
    )
