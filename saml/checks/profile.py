"""Stage three, what the verified assertion says: for us, from this IdP, now, in answer to this browser (SAML profiles 4.1.4).

Every comparison of names and addresses is exact. One clock skew, the connection's, is used everywhere.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from saml import names
from saml.authn_contexts import satisfies
from saml.checks.examination import Confirmation, Examination, Failed, NotApplicable, needed
from saml.names import tag
from saml.times import read_time, write_time
from saml.xml_guard import Element, children, local_name, text_of

MAX_AGE = timedelta(minutes=10)
MAX_LIFETIME = timedelta(hours=24)


def response_issuer(exam: Examination) -> str:
    issuers = children(needed(exam.document), names.SAML, "Issuer")
    if not issuers:
        raise NotApplicable("The response names no issuer; the assertion must.")
    return _issuer(exam, issuers)


def assertion_issuer(exam: Examination) -> str:
    return _issuer(exam, children(needed(exam.assertion), names.SAML, "Issuer"))


def _issuer(exam: Examination, issuers: list[Element]) -> str:
    expected = exam.idp.entity_id
    if len(issuers) != 1 or text_of(issuers[0]) != expected:
        received = text_of(issuers[0]) if issuers else "no issuer"
        raise Failed("saml_issuer_mismatch", expected=expected, received=received)
    if issuers[0].get("Format", names.FORMAT_ENTITY) not in (names.FORMAT_ENTITY, names.FORMAT_UNSPECIFIED):
        raise Failed(
            "saml_issuer_mismatch", expected="an entity id", received=f"an issuer of format {issuers[0].get('Format')}"
        )
    return expected


def destination(exam: Examination) -> str:
    response = needed(exam.document)
    named = response.get("Destination")
    if named is None:
        # SAML bindings 3.5.5.2: a signed message must name it.
        if needed(exam.signatures).response is not None:
            raise Failed("saml_destination_missing", expected=exam.sp.acs_url, received="none")
        raise NotApplicable("The unsigned response names no Destination.")
    if named not in exam.sp.acs_urls:
        raise Failed("saml_destination_mismatch", expected=exam.sp.acs_url, received=str(named))
    return str(named)


def response_in_response_to(exam: Examination) -> str:
    response = needed(exam.document)
    if exam.expected_request is None:
        raise NotApplicable("No pending sign-in to compare with.")
    named = response.get("InResponseTo")
    if named is None:
        raise NotApplicable("The response names no request; the assertion must.")
    if named != exam.expected_request:
        raise Failed("saml_in_response_to_mismatch", expected=exam.expected_request, received=str(named))
    return str(named)


def issued_recently(exam: Examination) -> str:
    for node in (needed(exam.document), needed(exam.assertion)):
        issued = _time(node, "IssueInstant")
        if issued is not None and exam.now - MAX_AGE - exam.skew <= issued <= exam.now + exam.skew:
            continue
        code = "saml_issued_too_early" if issued is not None and issued > exam.now else "saml_issued_too_long_ago"
        received = write_time(issued) if issued is not None else "no IssueInstant"
        raise Failed(code, expected=f"about {write_time(exam.now)}", received=received)
    return str(needed(exam.assertion).get("IssueInstant"))


def _time(node: Element, attribute: str) -> datetime | None:
    text = node.get(attribute)
    if text is None:
        return None
    try:
        return read_time(str(text))
    except ValueError as error:
        raise Failed("saml_bad_time", expected="xs:dateTime in UTC", received=f"{attribute} {error}") from error


def bearer_confirmation(exam: Examination) -> str:
    subjects = children(needed(exam.assertion), names.SAML, "Subject")
    confirmations = children(subjects[0], names.SAML, "SubjectConfirmation") if len(subjects) == 1 else []
    bearers = [one for one in confirmations if one.get("Method") == names.METHOD_BEARER]
    data = [found[0] for found in (children(one, names.SAML, "SubjectConfirmationData") for one in bearers) if len(found) == 1]
    if not data:
        received = ", ".join(str(one.get("Method")) for one in confirmations) or "no confirmation"
        raise Failed("saml_no_bearer_confirmation", expected="bearer with SubjectConfirmationData", received=received)
    exam.confirmations = tuple(Confirmation(one) for one in data)
    return f"{len(data)} bearer confirmation{'s' if len(data) > 1 else ''}"


def _candidates(exam: Examination) -> tuple[Confirmation, ...]:
    return needed(exam.confirmations or None)


def _keep(exam: Examination, kept: list[Confirmation], failure: Failed) -> None:
    """One and the same confirmation must pass every check, so each keeps only those that passed it."""
    if not kept:
        raise failure
    exam.confirmations = tuple(kept)


def recipient(exam: Examination) -> str:
    candidates = _candidates(exam)
    named = [str(one.data.get("Recipient") or "") for one in candidates]
    kept = [one for one in candidates if one.data.get("Recipient") in exam.sp.acs_urls]
    received = ", ".join(name or "none" for name in named)
    _keep(exam, kept, Failed("saml_recipient_mismatch", expected=exam.sp.acs_url, received=received))
    return received


def confirmation_time(exam: Examination) -> str:
    candidates = _candidates(exam)
    ends = [_time(one.data, "NotOnOrAfter") for one in candidates]
    if all(end is None for end in ends):
        raise Failed("saml_expiry_missing", expected="NotOnOrAfter", received="none")
    latest = max((end for end in ends if end is not None), default=None)
    kept = [
        one
        for one, end in zip(candidates, ends, strict=True)
        if end is not None and exam.now < end + exam.skew and _begun(exam, one)
    ]
    shown = write_time(latest) if latest is not None else ""
    unexpired = latest is not None and exam.now < latest + exam.skew
    code = "saml_not_yet_valid" if unexpired else "saml_expired"
    _keep(exam, kept, Failed(code, expected=f"valid at {write_time(exam.now)}", received=f"until {shown}"))
    exam.valid_until = latest
    return f"until {shown}"


def _begun(exam: Examination, confirmation: Confirmation) -> bool:
    start = _time(confirmation.data, "NotBefore")
    return start is None or start - exam.skew <= exam.now


def in_response_to(exam: Examination) -> str:
    candidates = _candidates(exam)
    if exam.expected_request is None:
        raise NotApplicable("No pending sign-in to compare with.")
    named = ", ".join(str(one.data.get("InResponseTo") or "none") for one in candidates)
    kept = [one for one in candidates if one.data.get("InResponseTo") == exam.expected_request]
    _keep(exam, kept, Failed("saml_in_response_to_mismatch", expected=exam.expected_request, received=named))
    return named


def conditions_present(exam: Examination) -> str:
    found = children(needed(exam.assertion), names.SAML, "Conditions")
    if len(found) != 1:
        raise Failed("saml_conditions_missing", expected="one Conditions", received=str(len(found)))
    return "present"


def _conditions(exam: Examination) -> Element:
    found = children(needed(exam.assertion), names.SAML, "Conditions")
    return needed(found[0] if len(found) == 1 else None)


def conditions_time(exam: Examination) -> str:
    conditions = _conditions(exam)
    start, end = _time(conditions, "NotBefore"), _time(conditions, "NotOnOrAfter")
    received = f"{conditions.get('NotBefore') or 'any time'} to {conditions.get('NotOnOrAfter') or 'any time'}"
    if start is not None and start - exam.skew > exam.now:
        raise Failed("saml_not_yet_valid", expected=f"valid at {write_time(exam.now)}", received=received)
    if end is not None and end + exam.skew <= exam.now:
        raise Failed("saml_expired", expected=f"valid at {write_time(exam.now)}", received=received)
    return received


def lifetime(exam: Examination) -> str:
    issued = needed(_time(needed(exam.assertion), "IssueInstant"))
    conditions_end = _time(_conditions(exam), "NotOnOrAfter")
    ends = [end for end in (exam.valid_until, conditions_end) if end is not None]
    longest = max(needed(ends or None)) - issued
    if longest > MAX_LIFETIME:
        raise Failed("saml_lifetime_too_long", expected="at most 24 hours", received=str(longest))
    return str(longest)


_KNOWN_CONDITIONS = frozenset(tag(names.SAML, local) for local in ("AudienceRestriction", "OneTimeUse", "ProxyRestriction"))


def conditions_understood(exam: Examination) -> str:
    # SAML core 2.5.1.1: an assertion with a condition that is not understood is of unknown validity.
    conditions = _conditions(exam)
    unknown = [
        str(node.get(tag(names.XSI, "type")) or local_name(node)) for node in conditions if node.tag not in _KNOWN_CONDITIONS
    ]
    if unknown:
        raise Failed("saml_condition_unknown", received=", ".join(unknown))
    return ", ".join(local_name(node) for node in conditions)


def audience(exam: Examination) -> str:
    # SAML core 2.5.1.4: the restrictions are a conjunction, the audiences inside each a disjunction.
    restrictions = children(_conditions(exam), names.SAML, "AudienceRestriction")
    if not restrictions:
        raise Failed("saml_audience_missing", expected=exam.sp.entity_id, received="no AudienceRestriction")
    for restriction in restrictions:
        named = [text_of(node) for node in children(restriction, names.SAML, "Audience")]
        if exam.sp.entity_id not in named:
            received = ", ".join(named) or "none"
            raise Failed("saml_audience_mismatch", expected=exam.sp.entity_id, received=received)
    return exam.sp.entity_id


def _statements(exam: Examination) -> list[Element]:
    return children(needed(exam.assertion), names.SAML, "AuthnStatement")


def authn_statement(exam: Examination) -> str:
    statements = _statements(exam)
    if not statements:
        raise Failed("saml_authn_statement_missing", expected="an AuthnStatement", received="none")
    for statement in statements:
        instant = _time(statement, "AuthnInstant")
        if instant is not None and instant > exam.now + exam.skew:
            raise Failed("saml_issued_too_early", expected=f"before {write_time(exam.now)}", received=write_time(instant))
        end = _time(statement, "SessionNotOnOrAfter")
        if end is not None and end + exam.skew <= exam.now:
            raise Failed("saml_session_expired", expected=f"after {write_time(exam.now)}", received=write_time(end))
    return f"{len(statements)} statement{'s' if len(statements) > 1 else ''}"


def authentication_fresh(exam: Examination) -> str:
    """ForceAuthn and the app's max_age, held against AuthnInstant (SAML core 3.4.1, OpenID Connect core 3.1.2.1)."""
    statements, attempt = needed(_statements(exam) or None), exam.attempt
    if attempt is None:
        raise NotApplicable("No pending sign-in to compare with.")
    earliest = attempt.begun_at if attempt.force_authn or exam.connection.options.force_authn else None
    if earliest is None and attempt.max_age is not None:
        earliest = exam.now - timedelta(seconds=attempt.max_age)
    if earliest is None:
        raise NotApplicable("No fresh sign-in was asked for.")
    instants = [instant for one in statements if (instant := _time(one, "AuthnInstant")) is not None]
    latest = max(instants, default=None)
    if latest is None or latest < earliest - exam.skew:
        received = write_time(latest) if latest is not None else "none"
        raise Failed("saml_authentication_too_old", expected=f"after {write_time(earliest)}", received=received)
    return write_time(latest)


def context_class(assertion: Element) -> str | None:
    """The AuthnContextClassRef of the first statement."""
    node: Element | None = assertion
    for local in ("AuthnStatement", "AuthnContext", "AuthnContextClassRef"):
        node = next(node.iterchildren(tag(names.SAML, local)), None) if node is not None else None
    return text_of(node) or None if node is not None else None


def authn_context(exam: Examination) -> str:
    came = context_class(needed(exam.assertion))
    wanted = exam.connection.options.authn_context
    if not wanted:
        return came or "none"
    comparison = exam.connection.options.authn_context_comparison
    if came is None or not satisfies(came, wanted, comparison):
        expected = f"{'' if comparison == 'exact' else f'{comparison}: '}{' or '.join(wanted)}"
        raise Failed("saml_authn_context_mismatch", expected=expected, received=came or "none")
    return came
