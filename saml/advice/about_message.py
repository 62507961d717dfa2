"""What happened to the message: its delivery, its status, its signature, its encryption."""

from __future__ import annotations

from collections.abc import Mapping

from saml.advice.sentence import Sentence

ABOUT_MESSAGE: Mapping[str, Sentence] = {
    # delivery
    "request_instead": Sentence(
        "The identity provider sent a request (SAMLRequest) to the address for answers. Probably it was given our ACS URL as "
        "its own sign-on or logout address."
    ),
    "artifact_binding": Sentence(
        "The identity provider sent an artifact instead of the answer itself. Set it to the HTTP-POST binding.", "acs"
    ),
    "redirect_binding": Sentence(
        "The answer came in the address of a GET request. Answers come by POST: set the identity provider to HTTP-POST.", "acs"
    ),
    "cut_off": Sentence(
        "The SAMLResponse breaks off or has foreign characters in it. If you pasted it, take the whole value of the "
        "form field, "
        "not percent-encoded; otherwise something between the identity provider and us changed it."
    ),
    "percent_encoded": Sentence("The SAMLResponse is still percent-encoded (%2B, %3D). Decode it once, then paste it again."),
    "xml_pasted": Sentence("This is the XML itself, not its base64. Paste the value of the field SAMLResponse as it is."),
    "deflated": Sentence(
        "The SAMLResponse is compressed, as in the redirect binding. Answers come by POST and are not compressed.", "acs"
    ),
    "too_many_groups": Sentence(
        "The answer is too large: {groups} group values came. Let the identity provider send only the groups that this "
        "application needs.",
        "groups",
    ),
    "saml1": Sentence(
        "This is a SAML 1.1 or WS-Federation answer. Make the application at the identity provider anew, with the "
        "type SAML 2.0."
    ),
    "metadata_pasted": Sentence("This is metadata, not an answer. Metadata belongs into the connection's settings."),
    "logout_message": Sentence(
        "This is a logout message. It came to the address for sign-in answers instead of our logout address."
    ),
    "authn_request": Sentence("This is a sign-in request (AuthnRequest), such as we send. Take the answer to it."),
    # what the IdP itself says
    "not_assigned": Sentence(
        "The identity provider refused this person ({status}). Usually the person is not assigned to the application, or a "
        "policy there keeps them out.",
        "assign",
    ),
    "unknown_person": Sentence("The identity provider does not know this person ({status}).", "assign"),
    "authentication_failed": Sentence(
        "The identity provider could not authenticate the person ({status}): wrong password, cancelled, locked, or not "
        "assigned to the application.",
        "assign",
    ),
    "no_passive": Sentence(
        "The application asked for a sign-in without any page, and the person has no session at the identity provider. "
        "Nothing is wrong; sign in with the page."
    ),
    "no_authn_context": Sentence(
        "The identity provider cannot authenticate in the way that the connection's authn_context asks for ({wanted}). "
        "Take the option away, or choose what it can do.",
        "context",
    ),
    "name_id_policy": Sentence(
        "The identity provider cannot give the Name ID format that the connection asks for ({wanted}). Take the option "
        "name_id_format away, or choose one that it has.",
        "name_id",
    ),
    "request_not_understood": Sentence(
        "The identity provider refused our request ({status}). It knows us by another entity id or ACS URL, or could not "
        "verify our signature: give it {entity_id} and {acs_url}, and our present certificate.",
        "our_metadata",
    ),
    "idp_internal": Sentence(
        "The identity provider met an error of its own ({status}). Its log has the cause; often it wants to encrypt "
        "and has no "
        "certificate of ours.",
        "our_metadata",
    ),
    "idp_other": Sentence("The identity provider reported {status} instead of signing in.", "assign"),
    # signature
    "certificate_retired": Sentence(
        "This answer was signed by the certificate {certificate}, which was removed from this connection on {removed}. "
        "The identity provider still uses it: either switch it to the new certificate there, or add the old one here again.",
        "metadata",
    ),
    "certificate_unknown": Sentence(
        "This answer was signed by the certificate {certificate}, which this connection does not have; it has {known}. "
        "The identity provider changed its certificate, or it is another application's: give this connection the "
        "present metadata.",
        "metadata",
    ),
    "certificate_ours": Sentence(
        "This answer names our own certificate as the signer's. The identity provider was given our certificate in the place "
        "of its own."
    ),
    "certificate_not_named": Sentence(
        "The answer was not signed by a certificate of this connection ({known}), and does not say by which. Compare "
        "them with "
        "the identity provider's present signing certificate.",
        "metadata",
    ),
    "changed_on_its_way": Sentence(
        "The answer was signed by the right certificate and changed afterwards. If you pasted it, take it unchanged; "
        "otherwise "
        "something between the identity provider and us (a proxy, an extension) changes it, or it is an attack."
    ),
    "unsigned": Sentence("Neither the response nor the assertion is signed. Switch signing on.", "signing"),
    "response_unsigned": Sentence(
        "This connection wants the whole response signed (want_response_signed), and only the assertion is.", "signing"
    ),
    "sha1": Sentence(
        "The identity provider signs with SHA-1, which can be forged. Set it to RSA-SHA256. Until then the "
        "connection's option "
        "allow_sha1_until can name the last day on which SHA-1 is accepted.",
        "algorithm",
    ),
    "algorithm": Sentence(
        "The identity provider signs in a way that is not accepted ({received}). Set it to RSA-SHA256 with exclusive c14n.",
        "algorithm",
    ),
    # encryption
    "other_key": Sentence(
        "The assertion was encrypted for another certificate than ours. Our encryption certificate changed, or belongs to "
        "another connection.",
        "encryption",
    ),
    "cbc": Sentence(
        "The identity provider encrypts with AES-CBC, which can be tampered with. Set it to AES-GCM, or allow it for this "
        "connection with allow_cbc_encryption.",
        "encryption",
    ),
    "rsa15": Sentence(
        "The identity provider wraps the key with RSA 1.5, which leaks what it hides. Set it to RSA-OAEP; nothing "
        "here can allow it.",
        "encryption",
    ),
    "encryption_algorithm": Sentence(
        "The identity provider encrypts in a way that is not accepted ({received}). Set it to AES-GCM with RSA-OAEP.",
        "encryption",
    ),
    "not_encrypted": Sentence(
        "This connection wants encrypted assertions, and this one is plain. Switch encryption on with our certificate.",
        "encryption",
    ),
}
