"""Stage three, who it is: NameID or mapped attribute, attributes, and the profile made of them.

The rule for the subject, which admins see in the guide: the attribute mapped as ``subject`` if there is such a mapping,
else the NameID of format persistent, emailAddress, unspecified or a directory name (or of no format). A NameID that is
encrypted by itself counts as if it came plain. A transient NameID never identifies anyone. An assertion without NameID and
without a mapped subject is refused: an e-mail address alone may pass from one person to the next, so it identifies only
where an admin maps it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from idbroker.federation.profile import AmbiguousClaim, map_profile, single_value
from idbroker.kernel.addresses import BadAddress, normal_email
from saml import names
from saml.checks.examination import Examination, Failed, NotApplicable, needed
from saml.checks.preflight import unfit
from saml.decryption import BadEncryption, CannotDecrypt, decrypt, decrypted_element, read_encryption
from saml.names import tag
from saml.xml_guard import Element, Unfit, children, local_name, text_of

MAX_SUBJECT = 256

_PLAIN_EMAIL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}", re.ASCII)
"""Addresses that ``normal_email`` takes as they are, in lower case; it asks the whole of IDNA first (30 us)."""

_SAML11, _SAML20 = "urn:oasis:names:tc:SAML:1.1:nameid-format:", "urn:oasis:names:tc:SAML:2.0:nameid-format:"
# Some products write the version that a format does not have; the name is what they mean.
_EMAIL = frozenset({names.FORMAT_EMAIL, _SAML20 + "emailAddress"})
_UNSPECIFIED = frozenset({names.FORMAT_UNSPECIFIED, _SAML20 + "unspecified"})
_DIRECTORY = frozenset({_SAML11 + "WindowsDomainQualifiedName", _SAML11 + "X509SubjectName", _SAML20 + "kerberos"})
_IDENTIFYING = _EMAIL | _UNSPECIFIED | _DIRECTORY | {names.FORMAT_PERSISTENT}


def nothing_hidden(exam: Examination) -> str:
    """What is encrypted by itself: one NameID of the subject may be, an attribute may not (SAML core 2.2.4, 2.7.3.2)."""
    assertion = needed(exam.assertion)
    for node in assertion.iter(tag(names.SAML, "EncryptedAttribute")):
        raise Failed("saml_subject_encrypted", expected="plain attributes", received=local_name(node))
    hidden = list(assertion.iter(tag(names.SAML, "EncryptedID")))
    if not hidden:
        return "plain"
    subjects = children(assertion, names.SAML, "Subject")
    if len(hidden) != 1 or len(subjects) != 1 or hidden[0].getparent() is not subjects[0]:
        raise Failed("saml_subject_encrypted", expected="one EncryptedID in the subject", received=f"{len(hidden)} elsewhere")
    exam.plain_name_id = _decrypted_name_id(exam, hidden[0])
    return "an encrypted NameID, decrypted"


def _decrypted_name_id(exam: Examination, holder: Element) -> Element:
    """The ciphertext is covered by the signature, so its plaintext is as good as a signed NameID."""
    try:
        facts = read_encryption(holder, cbc_allowed=exam.connection.options.allow_cbc_encryption)
        plain = decrypted_element(decrypt(facts, exam.keys.decrypting), holder)
    except BadEncryption as error:
        code = "saml_encryption_algorithm" if error.algorithm else "saml_encryption_structure"
        raise Failed(code, received=f"in the EncryptedID: {error}") from error
    except CannotDecrypt as error:
        raise Failed("saml_cannot_decrypt", expected="encrypted for our certificate", received=str(error)) from error
    except Unfit as error:
        raise unfit(error) from error
    if plain.tag != tag(names.SAML, "NameID") or len(plain):
        raise Failed("saml_subject_encrypted", expected="an encrypted saml:NameID", received=local_name(plain))
    return plain


def attributes_read(exam: Examination) -> str:
    found: dict[str, list[str]] = {}
    for statement in children(needed(exam.assertion), names.SAML, "AttributeStatement"):
        for attribute in children(statement, names.SAML, "Attribute"):
            # Keycloak repeats an attribute once per value: one name, one list.
            values = found.setdefault(str(attribute.get("Name") or ""), [])
            values.extend(_values(attribute))
    exam.attributes = found
    return ", ".join(found) or "none"


def _values(attribute: Element) -> list[str]:
    values: list[str] = []
    for node in children(attribute, names.SAML, "AttributeValue"):
        # eduPersonTargetedID carries a NameID as its value.
        inner = children(node, names.SAML, "NameID")
        text = text_of(inner[0]) if len(node) == 1 and inner else text_of(node)
        if text:
            values.append(text)
    return values


def name_id(exam: Examination) -> str:
    subjects = children(needed(exam.assertion), names.SAML, "Subject")
    found = children(subjects[0], names.SAML, "NameID") if len(subjects) == 1 else []
    if exam.plain_name_id is not None:
        found.append(exam.plain_name_id)
    if len(found) != 1:
        raise NotApplicable("The assertion has no NameID.")
    exam.name_id = found[0]
    return f"{text_of(found[0])} ({_format(found[0]).rpartition(':')[2]})"


def _format(node: Element) -> str:
    return str(node.get("Format") or names.FORMAT_UNSPECIFIED)


def subject(exam: Examination) -> str:
    mapping = exam.connection.attribute_mapping
    value = _mapped_subject(exam) if "subject" in mapping else _name_id_subject(exam)
    if not value or len(value) > MAX_SUBJECT or not value.isprintable():
        raise Failed("saml_subject_invalid", expected="1 to 256 printable characters", received=f"{len(value)} characters")
    exam.subject = value
    return value


def _mapped_subject(exam: Examination) -> str:
    attribute = exam.connection.attribute_mapping["subject"]
    attributes = needed(exam.attributes)
    try:
        value = single_value("subject", attributes, exam.connection.attribute_mapping)
    except AmbiguousClaim as error:
        raise Failed("saml_subject_ambiguous", expected=f"one value of {attribute}", received=str(error)) from error
    if value is None:
        came = ", ".join(attributes) or "no attributes"
        raise Failed("saml_subject_missing", expected=f"the attribute {attribute}", received=came)
    return value


def _name_id_subject(exam: Examination) -> str:
    needed(exam.assertion)
    node = exam.name_id
    if node is None:
        raise Failed("saml_subject_missing", expected="a NameID or a mapped subject", received="neither")
    if _format(node) == names.FORMAT_TRANSIENT:
        raise Failed("saml_transient_name_id", expected="persistent or emailAddress", received="transient")
    if _format(node) not in _IDENTIFYING:
        raise Failed("saml_name_id_format", expected="persistent or emailAddress", received=_format(node))
    return text_of(node)


def profile_mapped(exam: Examination) -> str:
    mapping = exam.connection.attribute_mapping
    try:
        profile = map_profile(needed(exam.attributes), mapping)
    except AmbiguousClaim as error:
        raise Failed("saml_email_ambiguous", expected="one e-mail address", received=str(error)) from error
    if profile.email is None and "email" not in mapping:
        # Okta and AD FS often send nothing but an e-mail NameID.
        profile = replace(profile, email=_email_name_id(exam.name_id))
    exam.profile = profile
    return ", ".join(profile.as_document()) or "nothing"


def _email_name_id(node: Element | None) -> str | None:
    if node is None or _format(node) not in _EMAIL | _UNSPECIFIED:
        return None
    try:
        normal_email(text_of(node))
    except BadAddress:
        return None
    return text_of(node)


def email_grammar(exam: Examination) -> str:
    profile = needed(exam.profile)
    if profile.email is None:
        raise NotApplicable("No e-mail address came.")
    if len(profile.email) <= 64 and _PLAIN_EMAIL.fullmatch(profile.email):
        return profile.email.lower()
    try:
        return normal_email(profile.email)
    except BadAddress as error:
        raise Failed("saml_email_invalid", expected="an e-mail address", received=f"{profile.email}: {error}") from error
