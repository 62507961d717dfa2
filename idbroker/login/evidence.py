"""What the diagnosis of an answer is made of, and how the verdict of a real sign-in and a diagnosis become one report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from idbroker.federation.contract import Document, ExternalIdentity, Finding, Received, ReplyRefused
from idbroker.kernel.errors import Refusal


@dataclass(frozen=True, slots=True)
class Evidence:
    """An answer that came, by the browser that was asked, to a pending sign-in of that connection.

    ``report`` computes the diagnosis; it costs about what the checks have cost.
    """

    attempt_digest: str
    report: Callable[[], Document]


@dataclass(frozen=True, slots=True)
class _Rule:
    """What stands behind a refusal that no check of the protocol has given."""

    spec: str
    expected: str
    advice: str


_STATE: Mapping[str, _Rule] = {
    "reply_replayed": _Rule(
        "SAML profiles 4.1.4.5",
        "an answer that was not used before",
        "This very answer has signed somebody in already. Going back in the browser does that; if nobody did, it was stolen.",
    ),
    "attempt_finished": _Rule(
        "one answer to one sign-in",
        "a sign-in that still waits",
        "Another answer to it was faster. Nothing to do.",
    ),
    "email_domain_not_verified": _Rule(
        "email_domain_policy",
        "an address of a verified domain of this tenant",
        "Verify the domain, or have the identity provider send the address of one that is. If the connection may assert every "
        "address, set email_domain_policy to any.",
    ),
    "email_malformed": _Rule("RFC 5321 4.1.2", "one e-mail address", "Map email to the attribute that holds the address."),
    "email_not_verified": _Rule(
        "OpenID Connect Core 5.1", "email_verified: true", "The identity provider says that it has not verified this address."
    ),
    "user_unknown": _Rule(
        "jit",
        "a person who is known here",
        "The subject is new and jit does not create people. Let it, or provision.",
    ),
    "user_inactive": _Rule("the person's standing", "a person who is switched on", "Switch the person on again if so meant."),
    "user_removed": _Rule("the person's standing", "a person who is here", "The person was removed: provision anew."),
    "not_reauthenticated": _Rule(
        "OpenID Connect Core 3.1.2.1",
        "a sign-in made just now",
        "The application asks for a fresh sign-in; the identity provider answered from an old one. Let it honour ForceAuthn.",
    ),
    "authentication_too_old": _Rule(
        "OpenID Connect Core 3.1.2.1",
        "a sign-in younger than the application's max_age",
        "The identity provider answered from an older sign-in. Shorten its session, or let it honour ForceAuthn.",
    ),
    "tenant_closed": _Rule("the tenant's state", "a tenant whose people may sign in", "Ask the operator why it is not."),
}


def refused_report(report: Document, refusal: Refusal) -> Document:
    """The diagnosis with the refusal that the sign-in really met: what the real checks found counts, and if none of them failed
    the rule that did is a finding of its own."""
    real = refusal.findings if isinstance(refusal, ReplyRefused) else ()
    if isinstance(refusal, ReplyRefused) and refusal.received is not None:
        report = _seen(report, refusal.received)
    findings = with_real(report["findings"], real)
    if not any(finding["outcome"] == "fail" for finding in findings):
        findings.append(_state_finding(refusal).as_document())
    return {**report, "verdict": "refuse", "code": refusal.code, "findings": findings}


def verified_report(report: Document, identity: ExternalIdentity) -> Document:
    """The diagnosis with what the real checks verified, which counts where the diagnosis could not run them again."""
    if identity.received is not None:
        report = _seen(report, identity.received)
    mapped = {"subject": identity.subject, **identity.profile.as_document()}
    if identity.profile.groups is not None:
        mapped["groups"] = list(identity.profile.groups)
    attributes = {name: list(values) for name, values in identity.attributes.items()}
    findings = with_real(report["findings"], identity.findings)
    return {**report, "verdict": "accept", "code": None, "findings": findings, "attributes": attributes, "mapped": mapped}


def _seen(report: Document, received: Received) -> Document:
    attributes = {name: list(values) for name, values in received.attributes.items()}
    return {**report, "attributes": attributes, "mapped": dict(received.mapped), "xml": received.text}


def with_real(diagnosed: Sequence[Document], real: Sequence[Finding]) -> list[Document]:
    """Each check once: as the sign-in found it where it came that far, else as the diagnosis did."""
    found = {finding.check: finding.as_document() for finding in real}
    merged = [found.pop(finding["check"], finding) for finding in diagnosed]
    return [*merged, *found.values()]


def _state_finding(refusal: Refusal) -> Finding:
    rule = _STATE.get(refusal.code, _Rule("the sign-in itself", "", "The code's entry in the reference of errors says more."))
    return Finding(refusal.code, "state", "fail", rule.spec, rule.expected, refusal.detail or refusal.public, rule.advice)
