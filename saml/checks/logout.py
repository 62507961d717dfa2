"""The checks of a logout message that the IdP sent, by redirect or by POST: the same gate, then signature, then content.

A message by redirect is signed by its query, one by POST by an enveloped signature over the whole message; unsigned
ones are refused, so that nobody but the IdP can end a person's session (SAML profiles 4.4.3.1, 4.4.4.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from idbroker.federation.contract import ConnectionConfig, UnverifiedReply
from saml import names
from saml.bindings import Field, inflated, query_signer, signed_query
from saml.checks.examination import Check, Failed, NotApplicable, needed
from saml.checks.preflight import unfit
from saml.decryption import BadEncryption, CannotDecrypt, decrypt, decrypted_element, read_encryption
from saml.keys import ConnectionKeys
from saml.names import tag
from saml.schemas import schema_fault
from saml.settings import SpAddresses
from saml.signature import BadSignature, read_signature, verified_bytes
from saml.times import read_time, write_time
from saml.xml_guard import (
    MAX_BASE64,
    MAX_MESSAGE,
    Element,
    Unfit,
    children,
    guarded,
    message_text,
    parse,
    strict_base64,
    survey,
    text_of,
)

MAX_AGE = timedelta(minutes=10)

Kind = Literal["LogoutRequest", "LogoutResponse"]
_FIELDS: dict[Field, Kind] = {"SAMLRequest": "LogoutRequest", "SAMLResponse": "LogoutResponse"}


@dataclass(slots=True)
class LogoutExamination:
    """One logout message under examination. The first group is given; each check fills in what it establishes."""

    connection: ConnectionConfig
    keys: ConnectionKeys
    sp: SpAddresses
    message: UnverifiedReply
    expected_request: str | None
    """The ID of the request that an answer must name; None while none of ours is pending."""
    now: datetime

    field: Field | None = None
    encoded: str | None = None
    document: Element | None = None
    """The message as it came, unverified."""
    verified: Element | None = None
    """The message, its signature verified. By POST re-parsed from the signed bytes."""
    name_id: Element | None = None

    @property
    def skew(self) -> timedelta:
        return timedelta(seconds=self.connection.options.clock_skew_seconds)


def message_present(exam: LogoutExamination) -> str:
    named: list[Field] = [field for field in _FIELDS if exam.message.params.get(field)]
    if len(named) != 1:
        raise Failed("saml_logout_missing", expected="SAMLRequest or SAMLResponse", received=f"{len(named)} of them")
    exam.field, exam.encoded = named[0], exam.message.params[named[0]]
    if len(exam.encoded) > MAX_BASE64:
        raise Failed("saml_too_large", expected=f"at most {MAX_MESSAGE} bytes", received=f"{len(exam.encoded)} characters")
    return named[0]


def delivered_here(exam: LogoutExamination) -> str:
    if exam.message.address != exam.sp.slo_url:
        raise Failed("saml_wrong_address", expected=exam.sp.slo_url, received=exam.message.address)
    return exam.message.address


def well_formed(exam: LogoutExamination) -> str:
    encoded = needed(exam.encoded)
    try:
        data = inflated(encoded) if exam.message.method == "GET" else strict_base64(encoded)
        if len(data) > MAX_MESSAGE:
            raise Failed("saml_too_large", expected=f"at most {MAX_MESSAGE} bytes", received=f"{len(data)} bytes")
        exam.document = guarded(message_text(data))
    except Unfit as error:
        if error.reason == "size":
            raise Failed("saml_too_large", received=str(error)) from error
        raise unfit(error) from error
    return str(exam.document.tag)


def is_logout(exam: LogoutExamination) -> str:
    root, kind = needed(exam.document), _FIELDS[needed(exam.field)]
    if root.tag != tag(names.SAMLP, kind) or root.get("Version") != "2.0" or not root.get("ID"):
        raise Failed("saml_not_a_logout", expected=f"samlp:{kind} 2.0 with an ID", received=str(root.tag))
    found = survey(root).identifiers
    if len(set(found)) != len(found):
        raise Failed("saml_duplicate_id", expected="unique identifiers", received=", ".join(found))
    return kind


def schema_valid(exam: LogoutExamination) -> str:
    fault = schema_fault(needed(exam.document), "saml-schema-protocol-2.0.xsd")
    if fault is not None:
        raise Failed("saml_schema", expected="the SAML 2.0 protocol schema", received=fault)
    return "valid"


def signed(exam: LogoutExamination) -> str:
    root = needed(exam.document)
    known = ", ".join(one.sha256 for one in exam.keys.certificates)
    signatures = survey(root).named("Signature")
    if exam.message.method == "GET":
        if signatures:
            raise Failed("saml_signature_placement", expected="a signature of the query", received="one in the message")
        return _signed_query(exam, root, known)
    own = children(root, names.DS, "Signature")
    if not own:
        raise Failed("saml_logout_not_signed", expected=f"signed by certificate {known}", received="no signature")
    if len(signatures) != 1:
        raise Failed("saml_signature_placement", expected="one signature", received=f"{len(signatures)} signatures")
    try:
        facts = read_signature(own[0], sha1_allowed=_sha1_allowed(exam))
    except BadSignature as error:
        raise Failed("saml_signature_structure", received=str(error)) from error
    content = verified_bytes(facts, exam.keys.trusted)
    if content is None:
        raise Failed("saml_signature_invalid", expected=f"signed by certificate {known}", received="another signature")
    exam.verified = parse(content)
    return "verified"


def _signed_query(exam: LogoutExamination, root: Element, known: str) -> str:
    try:
        found = signed_query(exam.message.raw_query, needed(exam.field))
    except Unfit as error:
        raise Failed("saml_signature_structure", received=str(error)) from error
    if found is None:
        raise Failed("saml_logout_not_signed", expected=f"signed by certificate {known}", received="no signature")
    covered, algorithm, value = found
    if algorithm == names.RSA_SHA1 and not _sha1_allowed(exam):
        raise Failed("saml_sha1", received=algorithm)
    if query_signer(covered, algorithm, value, exam.keys.certificates) is None:
        raise Failed("saml_signature_invalid", expected=f"signed by certificate {known}", received=f"SigAlg {algorithm[:120]}")
    exam.verified = root
    return "verified"


def _sha1_allowed(exam: LogoutExamination) -> bool:
    last_day = exam.connection.options.allow_sha1_until
    return last_day is not None and exam.now.date() <= last_day


def issuer(exam: LogoutExamination) -> str:
    found = children(needed(exam.verified), names.SAML, "Issuer")
    expected = exam.keys.settings.idp.entity_id
    if len(found) != 1 or text_of(found[0]) != expected:
        received = text_of(found[0]) if found else "no issuer"
        raise Failed("saml_issuer_mismatch", expected=expected, received=received)
    return expected


def destination(exam: LogoutExamination) -> str:
    # SAML bindings 3.4.5.2, 3.5.5.2: a signed message must name where it goes.
    named = needed(exam.verified).get("Destination")
    if named is None:
        raise Failed("saml_destination_missing", expected=exam.sp.slo_url, received="none")
    if named != exam.sp.slo_url:
        raise Failed("saml_destination_mismatch", expected=exam.sp.slo_url, received=str(named))
    return str(named)


def issued_recently(exam: LogoutExamination) -> str:
    issued = _time(needed(exam.verified), "IssueInstant")
    if issued is None or issued < exam.now - MAX_AGE - exam.skew:
        raise Failed("saml_issued_too_long_ago", expected=f"about {write_time(exam.now)}", received=_shown(issued))
    if issued > exam.now + exam.skew:
        raise Failed("saml_issued_too_early", expected=f"about {write_time(exam.now)}", received=_shown(issued))
    return _shown(issued)


def not_expired(exam: LogoutExamination) -> str:
    end = _time(needed(exam.verified), "NotOnOrAfter")
    if end is None:
        raise NotApplicable("The message names no end.")
    if end + exam.skew <= exam.now:
        raise Failed("saml_expired", expected=f"valid at {write_time(exam.now)}", received=f"until {_shown(end)}")
    return f"until {_shown(end)}"


def _time(node: Element, attribute: str) -> datetime | None:
    text = node.get(attribute)
    if text is None:
        return None
    try:
        return read_time(str(text))
    except ValueError as error:
        raise Failed("saml_bad_time", expected="xs:dateTime in UTC", received=f"{attribute} {error}") from error


def _shown(moment: datetime | None) -> str:
    return write_time(moment) if moment is not None else "none"


def name_id(exam: LogoutExamination) -> str:
    root = needed(exam.verified)
    if exam.field != "SAMLRequest":
        raise NotApplicable("An answer names nobody.")
    hidden = children(root, names.SAML, "EncryptedID")
    found = children(root, names.SAML, "NameID")
    if hidden:
        found.append(_decrypted(exam, hidden[0]))
    if len(found) != 1 or not text_of(found[0]):
        raise Failed("saml_subject_missing", expected="one NameID", received=f"{len(found)}")
    exam.name_id = found[0]
    return text_of(found[0])


def _decrypted(exam: LogoutExamination, holder: Element) -> Element:
    try:
        facts = read_encryption(holder, cbc_allowed=exam.connection.options.allow_cbc_encryption)
        plain = decrypted_element(decrypt(facts, exam.keys.decrypting), holder)
    except BadEncryption as error:
        raise Failed("saml_encryption_structure", received=str(error)) from error
    except CannotDecrypt as error:
        raise Failed("saml_cannot_decrypt", expected="encrypted for our certificate", received=str(error)) from error
    except Unfit as error:
        raise unfit(error) from error
    if plain.tag != tag(names.SAML, "NameID") or len(plain):
        raise Failed("saml_subject_encrypted", expected="an encrypted saml:NameID", received=str(plain.tag))
    return plain


def in_response_to(exam: LogoutExamination) -> str:
    root = needed(exam.verified)
    if exam.field != "SAMLResponse":
        raise NotApplicable("A request answers nothing.")
    named = root.get("InResponseTo")
    if exam.expected_request is None or named != exam.expected_request:
        raise Failed("saml_in_response_to_mismatch", expected=exam.expected_request or "none", received=str(named or "none"))
    return str(named)


LOGOUT_CHECKS: tuple[Check[LogoutExamination], ...] = (
    Check("message_present", "preflight", "SAML bindings 3.4.4, 3.5.4", message_present),
    Check("delivered_here", "preflight", "SAML profiles 4.4.3", delivered_here),
    Check("well_formed", "preflight", "XML 1.0 2.1, our bounds", well_formed),
    Check("logout_root", "preflight", "SAML core 3.7.1, 3.7.2", is_logout),
    Check("schema", "preflight", "SAML core 1.1", schema_valid),
    Check("signature", "crypto", "SAML bindings 3.4.4.1, SAML core 5.4", signed),
    Check("issuer", "profile", "SAML profiles 4.4.4", issuer),
    Check("destination", "profile", "SAML bindings 3.4.5.2, 3.5.5.2", destination),
    Check("issue_instant", "profile", "SAML core 3.2.1", issued_recently),
    Check("not_on_or_after", "profile", "SAML core 3.7.1", not_expired),
    Check("name_id", "profile", "SAML core 3.7.1", name_id),
    Check("in_response_to", "profile", "SAML core 3.2.2", in_response_to),
)
"""The list, in the order of its verdict."""
