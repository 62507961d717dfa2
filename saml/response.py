"""From a reply to an identity or a refusal. The diagnosis of the same list is ``saml.explain``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from idbroker.federation.contract import ExternalIdentity, Finding, ReplyRefused
from saml import names
from saml.authn_contexts import METHODS
from saml.checks import order
from saml.checks.examination import Examination, finding, needed, verdict
from saml.checks.profile import context_class
from saml.explain import advised
from saml.faults import FAULTS
from saml.times import read_time
from saml.xml_guard import Element, children, text_of


def complete(exam: Examination) -> ExternalIdentity:
    """The identity in a reply that passes every check. Raises ReplyRefused at the first that it does not pass."""
    answers, failure = verdict(order.CHECKS, exam)
    if failure is not None:
        findings = [finding(check, seen) for check, seen in answers[:-1]]
        findings.append(advised(exam, *answers[-1]))
        raise refusal(failure.code, findings)
    return replace(identity(exam), passed=tuple(check.name for check, seen in answers if isinstance(seen, str)))


def refusal(code: str, findings: Sequence[Finding]) -> ReplyRefused:
    """What a failed check means for the browser: one of three sentences, and the findings for the admins."""
    fault, last = FAULTS[code], findings[-1]
    detail = f"{last.check}: expected {last.expected or 'otherwise'}, received {last.received or 'nothing'}"
    return ReplyRefused(code, fault.public, findings=findings, detail=detail, status=fault.status)


def identity(exam: Examination) -> ExternalIdentity:
    """What a passed examination found. Raises ValueError for one whose content was not signed."""
    if not exam.trusted:
        raise ValueError("an identity may only be read from signed content")
    assertion = needed(exam.assertion)
    statement = children(assertion, names.SAML, "AuthnStatement")[0]
    acr = context_class(assertion)
    return ExternalIdentity(
        subject=needed(exam.subject),
        profile=needed(exam.profile),
        attributes=needed(exam.attributes),
        replay_key=_replay_key(exam.idp.entity_id, assertion),
        replay_until=needed(exam.valid_until) + exam.skew,
        authenticated_at=_moment(statement, "AuthnInstant"),
        amr=METHODS.get(acr or "", ()),
        acr=None if acr == names.CONTEXT_UNSPECIFIED else acr,
        session_not_after=_moment(statement, "SessionNotOnOrAfter"),
        upstream=_upstream(exam.name_id, statement),
    )


def _replay_key(issuer: str, assertion: Element) -> str:
    """Issuer and id of the signed assertion, hashed so that a long id fits every store."""
    return hashlib.sha256(f"{issuer}\n{assertion.get('ID')}".encode()).hexdigest()


def _moment(statement: Element, attribute: str) -> datetime | None:
    text = statement.get(attribute)
    return read_time(str(text)) if text is not None else None


def _upstream(name_id: Element | None, statement: Element) -> dict[str, str]:
    """What a logout request must repeat (SAML core 3.7.1)."""
    kept: dict[str, str] = {}
    if name_id is not None:
        kept["name_id"] = text_of(name_id)
        for key, attribute in (
            ("name_id_format", "Format"),
            ("name_qualifier", "NameQualifier"),
            ("sp_name_qualifier", "SPNameQualifier"),
        ):
            if name_id.get(attribute):
                kept[key] = str(name_id.get(attribute))
    if statement.get("SessionIndex"):
        kept["session_index"] = str(statement.get("SessionIndex"))
    return kept
