"""What can go wrong between the lists of checks: each refusal's check, and what to do about it.

An endpoint of the IdP that was not reached, an answer that is none, a person that cannot be read. The code says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from idbroker.federation.contract import Finding, ReplyRefused, Stage
from oidc.relying_party.settings import RpSettings

Step = Literal["token_endpoint", "jwks", "userinfo", "person"]

_KEY_REFUSED = (
    "The provider does not accept our signed assertion: it does not know the key at rp.jwks_uri (yet), cannot read that "
    "address, or expects another algorithm (token_endpoint_auth_signing_alg) or method."
)
_REACH = "The provider's endpoint did not answer within 5 seconds and 1 MB, or its address is not one that may be called."


@dataclass(frozen=True, slots=True)
class Fault:
    check: str
    stage: Stage
    spec: str
    expected: str
    advice: str


FAULTS: Mapping[str, Fault] = {
    "oidc_client_rejected": Fault(
        "token_endpoint.client", "state", "RFC 6749 5.2", "our proof accepted",
        "The provider does not accept how the connection proves itself: the secret was replaced, mistyped or has expired, or "
        "the method (token_endpoint_auth_method) is another.",
    ),
    "oidc_client_secret_missing": Fault(
        "token_endpoint.client", "state", "RFC 6749 2.3", "a client secret",
        "The connection's method needs a client secret and it has none. Save client_secret.",
    ),
    "oidc_client_key_missing": Fault(
        "token_endpoint.client", "state", "RFC 7523 2.2", "a key of our own",
        "The connection's method needs a key of its own and it has none. Begin and finish a key roll-over.",
    ),
    "oidc_code_rejected": Fault(
        "token_endpoint.code", "state", "RFC 6749 5.2", "the code accepted",
        "The provider no longer knows the code: it was used before, it took too long, or the redirect URI differs.",
    ),
    "oidc_token_endpoint_failed": Fault(
        "token_endpoint.answer", "state", "RFC 6749 5.2", "status 200",
        "The token endpoint answered with an error. Look it up in the provider's log.",
    ),
    "oidc_token_response_invalid": Fault(
        "token_endpoint.answer", "preflight", "RFC 6749 5.1", "a JSON object with id_token, access_token and token_type Bearer",
        "The token endpoint's answer is not what the specification says. The provider, or something before it, must be mended.",
    ),
    "oidc_id_token_missing": Fault(
        "token_endpoint.id_token", "preflight", "OIDC Core 3.1.3.3", "an id_token",
        "The token endpoint gave no ID token: the application is not for OpenID Connect there, or lacks the scope openid.",
    ),
    "oidc_jwks_invalid": Fault(
        "jwks.form", "crypto", "RFC 7517 5", "a JSON object with a list of keys, status 200",
        "What stands at jwks_uri is no key set.",
    ),
    "oidc_userinfo_failed": Fault(
        "userinfo.answer", "profile", "OIDC Core 5.3.3", "status 200",
        "The ID token holds no e-mail address and userinfo does not answer. Let the provider put the claim into the ID token.",
    ),
    "oidc_userinfo_invalid": Fault(
        "userinfo.answer", "profile", "OIDC Core 5.3.2", "a JSON object",
        "Userinfo must answer with plain JSON; signed or encrypted answers are not supported.",
    ),
    "oidc_userinfo_sub_mismatch": Fault(
        "userinfo.sub", "profile", "OIDC Core 5.3.2", "the sub of the ID token",
        "Userinfo speaks of somebody else than the ID token, so nothing of it may be believed.",
    ),
    "oidc_claim_ambiguous": Fault(
        "person.claims", "profile", "attribute_mapping", "one value",
        "A claim that says who somebody is came with several values. Map one that has one.",
    ),
    "oidc_claim_type": Fault(
        "person.email", "profile", "OIDC Core 5.1", "email as a text",
        "The provider sends the claim email as something else than a text."
    ),
    "oidc_sub_invalid": Fault(
        "person.subject", "profile", "attribute_mapping", "1 to 255 printable characters",
        "The claim that is mapped to the subject did not come, or cannot name anybody.",
    ),
}  # fmt: skip

UNREACHED: Mapping[Step, Fault] = {
    "token_endpoint": Fault("token_endpoint.reached", "state", "RFC 6749 3.2", "an answer", _REACH),
    "jwks": Fault("jwks.reached", "crypto", "OIDC Core 10.1.1", "an answer", _REACH),
    "userinfo": Fault("userinfo.reached", "profile", "OIDC Core 5.3", "an answer", _REACH),
}

BETWEEN = (
    "token_endpoint.reached", "token_endpoint.client", "token_endpoint.code", "token_endpoint.answer",
    "token_endpoint.id_token", "jwks.reached", "jwks.form",
)  # fmt: skip
AFTER = (
    "userinfo.reached", "userinfo.answer", "userinfo.sub",
    "person.claims", "person.email", "person.email_trust", "person.groups", "person.subject",
)  # fmt: skip
"""The names in order: those before the ID token's own checks, and those behind."""

_BY_CHECK = {fault.check: fault for fault in (*FAULTS.values(), *UNREACHED.values())}


def fault_of(refusal: ReplyRefused, step: Step) -> Fault:
    fault = UNREACHED.get(step) if refusal.code == "oidc_idp_unreachable" else FAULTS.get(refusal.code)
    return fault or Fault(step, "state", "", "", "The code's entry in the reference of errors says more.")


def finding_of(refusal: ReplyRefused, step: Step, settings: RpSettings, now: datetime) -> Finding:
    fault = fault_of(refusal, step)
    advice = fault.advice
    if refusal.code == "oidc_client_rejected" and settings.token_endpoint_auth_method == "private_key_jwt":
        advice = _KEY_REFUSED
    ends = settings.client_secret_expires_at
    if fault.check == "token_endpoint.client" and ends is not None and ends <= now:
        advice = f"The client secret has expired on {ends.date().isoformat()}. {advice}"
    return Finding(fault.check, fault.stage, "fail", fault.spec, fault.expected, refusal.detail, advice)


def unrun(check: str, why: str) -> Finding:
    """A step of the diagnosis that was not come to."""
    fault = _BY_CHECK.get(check)
    return Finding(check, fault.stage if fault else "profile", "skip", fault.spec if fault else "", advice=why)


def passed(check: str) -> Finding:
    fault = _BY_CHECK.get(check)
    return Finding(check, fault.stage if fault else "profile", "pass", fault.spec if fault else "")
