"""Stage two: who signed what, and what was hidden. After it there is an assertion re-parsed from signed bytes, or nothing."""

from __future__ import annotations

from saml import names
from saml.checks.examination import Examination, Failed, NotApplicable, needed
from saml.checks.preflight import inspect_decrypted, unfit
from saml.decryption import CannotDecrypt, decrypt, decrypted_element, read_encryption
from saml.signature import SignatureFacts, verified_bytes
from saml.xml_guard import Element, Unfit, children, parse


def response_signature(exam: Examination) -> str:
    facts = needed(exam.signatures).response
    if facts is None:
        if exam.connection.options.want_response_signed:
            raise Failed("saml_response_not_signed", expected="a signed response", received="an unsigned response")
        raise NotApplicable("The response itself is not signed.")
    exam.verified_response = _verified(exam, facts)
    return "verified"


def _verified(exam: Examination, facts: SignatureFacts) -> Element:
    signed = verified_bytes(facts, exam.keys.trusted)
    if signed is None:
        known = ", ".join(one.sha256 for one in exam.keys.certificates)
        named = facts.named_certificate
        received = f"a signature that names certificate {named}" if named else "a signature that names no certificate"
        if named and named in known:
            received = f"a signature of certificate {named} over other content: the message was changed"
        raise Failed("saml_signature_invalid", expected=f"signed by certificate {known}", received=received)
    return parse(signed)


def decryption(exam: Examination) -> str:
    if exam.encrypted is None:
        needed(exam.document)
        if exam.connection.options.want_assertions_encrypted:
            raise Failed("saml_assertion_not_encrypted", expected="an encrypted assertion", received="a plain assertion")
        raise NotApplicable("The assertion is not encrypted.")
    holder, facts = exam.encrypted, needed(exam.encryption)
    if exam.verified_response is not None:
        holder = children(exam.verified_response, names.SAML, "EncryptedAssertion")[0]
        facts = read_encryption(holder, cbc_allowed=exam.connection.options.allow_cbc_encryption)
    try:
        root = decrypted_element(decrypt(facts, exam.keys.decrypting), holder)
    except CannotDecrypt as error:
        raise Failed("saml_cannot_decrypt", expected="encrypted for our certificate", received=str(error)) from error
    except Unfit as error:
        raise unfit(error) from error
    inspect_decrypted(exam, root)
    exam.decrypted = root
    return "decrypted"


def assertion_signature(exam: Examination) -> str:
    if exam.encrypted is not None:
        needed(exam.decrypted)
    signatures = needed(exam.signatures)
    facts = signatures.assertion
    if facts is None:
        if signatures.response is not None:
            needed(exam.verified_response)
        if exam.verified_response is None:
            raise Failed("saml_not_signed", expected="a signature on the response or the assertion", received="none")
        raise NotApplicable("The response's signature covers the assertion.")
    exam.assertion = _verified(exam, facts)
    exam.trusted = True
    return "verified"


def signed_content(exam: Examination) -> str:
    """From here on nothing is read but what a signature covers (SAML core 5.4.2)."""
    if exam.assertion is None:
        covering = needed(exam.verified_response)
        if exam.encrypted is not None:
            # The response's signature covers the ciphertext, whose plaintext this is.
            exam.assertion = needed(exam.decrypted)
        else:
            inside = children(covering, names.SAML, "Assertion")
            if len(inside) != 1:
                raise Failed("saml_assertion_count", expected="one assertion", received=f"{len(inside)} in the signed bytes")
            exam.assertion = inside[0]
        exam.trusted = True
    return "the assertion" if needed(exam.signatures).assertion is not None else "the response"


def look_at_unverified(exam: Examination) -> None:
    """For a diagnosis only: when nothing could be verified, the profile checks look at what came."""
    if exam.assertion is not None or exam.document is None:
        return
    plain = children(exam.document, names.SAML, "Assertion")
    if exam.decrypted is not None:
        exam.assertion = exam.decrypted
    elif len(plain) == 1:
        exam.assertion = plain[0]
