"""Every code with which a reply can be refused: its status, the sentence the browser sees, the advice the admin reads.

The browser sees one of three sentences, whatever the cause: who probes us learns nothing. Admins get the findings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PUBLIC_REFUSED = "Your organisation's sign-in service sent an answer that could not be accepted."
PUBLIC_BROKEN = "The answer from your organisation's sign-in service arrived damaged or incomplete."
PUBLIC_IDP_ERROR = "Your organisation's sign-in service reported an error instead of signing you in."


@dataclass(frozen=True, slots=True)
class Fault:
    """``status`` is the page's: 400 broken message, 403 refused, 502 the IdP's own error (CONTRACT 9)."""

    status: int
    public: str
    advice: str


def _broken(advice: str) -> Fault:
    return Fault(400, PUBLIC_BROKEN, advice)


def _refused(advice: str) -> Fault:
    return Fault(403, PUBLIC_REFUSED, advice)


_FORGED = (
    "Genuine identity providers do not send this. If yours does, ask its maker; if it cannot be yours, treat it as an attack."
)

FAULTS: Mapping[str, Fault] = {
    # preflight
    "saml_response_missing": _broken("The IdP posted no SAMLResponse field. Check that it uses the HTTP-POST binding."),
    "saml_wrong_address": _refused("The answer was delivered to an address that is not this connection's ACS URL."),
    "saml_too_large": _broken("Answers may have 256 KB. Let the IdP send fewer attributes, usually fewer groups."),
    "saml_not_base64": _broken("The SAMLResponse field is not base64. Something between the IdP and us changed it."),
    "saml_encoding": _broken("The answer must be UTF-8."),
    "saml_doctype": _refused(f"The answer declares a document type. {_FORGED}"),
    "saml_processing_instruction": _refused(f"The answer holds a processing instruction. {_FORGED}"),
    "saml_comment": _refused(f"The answer holds a comment or CDATA section, which can change what a name says. {_FORGED}"),
    "saml_too_complex": _refused(
        "The answer has more elements or levels than an answer needs. Let the IdP send fewer attributes."
    ),
    "saml_not_xml": _broken("The answer is not well-formed XML. Something between the IdP and us changed it."),
    "saml_not_a_response": _broken(
        "The message is not a SAML 2.0 Response. Check that the IdP's application is of the type SAML 2.0 (not 1.1 or WS-Fed)."
    ),
    "saml_duplicate_id": _refused(f"Two elements carry the same identifier. {_FORGED}"),
    "idp_error": Fault(
        502,
        PUBLIC_IDP_ERROR,
        "The IdP refused by itself; its status code says why. Often the person is not assigned to the application, or the "
        "request did not suit it (wrong entity id, ACS URL, name id format or authentication context).",
    ),
    "saml_assertion_count": _refused(f"There must be exactly one assertion, directly in the response. {_FORGED}"),
    "saml_signature_placement": _refused(f"A signature stands where none belongs, or there are several. {_FORGED}"),
    "saml_signature_structure": _refused(f"The signature has parts that SAML does not allow. {_FORGED}"),
    "saml_signature_reference": _refused(f"The signature is not about the element that it stands in. {_FORGED}"),
    "saml_signature_algorithm": _refused(
        "The IdP signs in a way that is not accepted. Set it to RSA-SHA256 with exclusive c14n."
    ),
    "saml_sha1": _refused(
        "The IdP signs with SHA-1, which can be forged. Set it to RSA-SHA256. Until then the connection's option "
        "allow_sha1_until can name the last day on which SHA-1 is accepted."
    ),
    "saml_encryption_structure": _refused("The encrypted assertion is not of the usual form."),
    "saml_encryption_algorithm": _refused(
        "The IdP encrypts in a way that is not accepted. Set it to AES-GCM with RSA-OAEP; AES-CBC "
        "needs the option allow_cbc_encryption."
    ),
    "saml_not_signed": _refused("Neither the response nor the assertion is signed. Switch signing on at the IdP."),
    "saml_schema": _refused("The answer differs from the SAML 2.0 schema."),
    # crypto
    "saml_response_not_signed": _refused(
        "This connection wants the response signed, not only the assertion. Switch it on at the IdP."
    ),
    "saml_signature_invalid": _refused(
        "No certificate of this connection verifies the signature. Compare the IdP's present signing certificate with the "
        "ones listed here, and upload the IdP's present metadata; otherwise the answer was changed on its way."
    ),
    "saml_assertion_not_encrypted": _refused(
        "This connection wants encrypted assertions. Switch it on at the IdP with our certificate."
    ),
    "saml_cannot_decrypt": _refused(
        "The assertion was not encrypted for this connection's certificate. Import our metadata at the IdP again."
    ),
    # profile
    "saml_issuer_mismatch": _refused(
        "The answer comes from another issuer than this connection's IdP. Upload that IdP's metadata."
    ),
    "saml_destination_mismatch": _refused("The IdP sent the answer to another address. Enter our ACS URL at the IdP exactly."),
    "saml_destination_missing": _refused("A signed response must name its Destination. Enter our ACS URL at the IdP."),
    "saml_in_response_to_mismatch": _refused(
        "The answer does not belong to this browser's pending sign-in. Start again from the application; sign-ins that the "
        "IdP starts by itself are answered by starting properly."
    ),
    "saml_issued_too_early": _refused(
        "The answer was issued in our future. Set the IdP's clock (NTP), or raise clock_skew_seconds."
    ),
    "saml_issued_too_long_ago": _refused("The answer is too old. Set the IdP's clock (NTP), and sign in again."),
    "saml_no_bearer_confirmation": _refused(
        "The assertion has no bearer confirmation that could be used (SAML profiles 4.1.4.2)."
    ),
    "saml_recipient_mismatch": _refused("The assertion is for another address. Enter our ACS URL at the IdP exactly."),
    "saml_expired": _refused("The assertion is past its time. Set the IdP's clock (NTP), or sign in again without waiting."),
    "saml_expiry_missing": _refused("The bearer confirmation has no NotOnOrAfter, which the profile requires."),
    "saml_not_yet_valid": _refused("The assertion is not valid yet. Set the IdP's clock (NTP), or raise clock_skew_seconds."),
    "saml_lifetime_too_long": _refused("The assertion is valid for more than 24 hours. Shorten its lifetime at the IdP."),
    "saml_bad_time": _refused("A time in the assertion is not an xs:dateTime in UTC."),
    "saml_conditions_missing": _refused("The assertion has no Conditions, or several."),
    "saml_condition_unknown": _refused(
        "The assertion is bound to a condition that we do not understand, so it cannot be relied on."
    ),
    "saml_audience_missing": _refused("The assertion names no audience. Enter our entity id as audience at the IdP."),
    "saml_audience_mismatch": _refused(
        "The assertion is for another audience. Enter our entity id at the IdP exactly, character by character."
    ),
    "saml_authn_statement_missing": _refused("The assertion does not say that anyone was authenticated."),
    "saml_session_expired": _refused("The IdP's own session was over before the answer arrived."),
    "saml_authentication_too_old": _refused("The application asked for a fresh sign-in and the IdP used an old one."),
    "saml_authn_context_mismatch": _refused(
        "The IdP did not authenticate in a way that the connection's authn_context asks for."
    ),
    "saml_subject_missing": _refused(
        "Nothing in the assertion says who the person is. Let the IdP send a NameID, or map an attribute that never "
        "changes as subject."
    ),
    "saml_subject_encrypted": _refused(
        "An attribute is encrypted by itself, or a NameID where none belongs. Encrypt the whole assertion instead."
    ),
    "saml_subject_ambiguous": _refused("The attribute that is mapped as subject came with several values."),
    "saml_subject_invalid": _refused("The subject must have 1 to 256 printable characters."),
    "saml_transient_name_id": _refused(
        "A transient NameID changes with every sign-in and identifies no one. Choose persistent or emailAddress at the IdP, "
        "or map an attribute as subject."
    ),
    "saml_name_id_format": _refused(
        "The NameID has a format that identifies no person. Choose persistent or emailAddress at the IdP."
    ),
    "saml_email_ambiguous": _refused("The e-mail attribute came with several values. Map an attribute that has one."),
    "saml_email_invalid": _refused("The e-mail attribute does not hold an e-mail address. Map the right attribute."),
    # logout
    "saml_logout_missing": _broken("A logout message comes as SAMLRequest or SAMLResponse, one of the two."),
    "saml_not_a_logout": _broken(
        "The message is not a SAML 2.0 LogoutRequest or LogoutResponse of the kind that its field says."
    ),
    "saml_logout_not_signed": _refused(
        "The logout message is not signed, so anybody could have sent it. Let the IdP sign its logout messages."
    ),
    "saml_check_broken": _refused("A check could not cope with this message. Tell the operator, with the reference."),
}
"""Public codes of the SAML checks, by stage; the reference page lists the same."""
