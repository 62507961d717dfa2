"""The list. Its order is the verdict's: cheap before dear, bytes before trees, structure before keys, keys before content."""

from __future__ import annotations

from saml.checks import crypto, identity, preflight, profile
from saml.checks.examination import Check, Examination

PREFLIGHT: tuple[Check[Examination], ...] = (
    Check("response_present", "preflight", "SAML bindings 3.5.4", preflight.response_present),
    Check("delivered_here", "preflight", "SAML profiles 4.1.3.5", preflight.delivered_here),
    Check("size", "preflight", "our bound: 256 KB", preflight.small_enough),
    Check("base64", "preflight", "RFC 4648 3.5, 4", preflight.base64_strict),
    Check("utf8", "preflight", "SAML core 1.3.1, XML 1.0 4.3.3", preflight.utf8),
    Check("no_doctype_pi_comment", "preflight", "SAML core 5.4.3, XML 1.0 2.5-2.8", preflight.no_markup_tricks),
    Check("bounds", "preflight", "our bound: 5,000 elements", preflight.bounded),
    Check("well_formed", "preflight", "XML 1.0 2.1", preflight.well_formed),
    Check("response_root", "preflight", "SAML core 3.2.2, 3.3.3", preflight.is_response),
    Check("unique_ids", "preflight", "SAML core 1.3.4", preflight.unique_ids),
    Check("status", "preflight", "SAML core 3.2.2.2", preflight.status_success),
    Check("one_assertion", "preflight", "SAML profiles 4.1.4.2", preflight.one_assertion),
    Check("signature_placement", "preflight", "SAML core 5.4.1", preflight.signatures_in_place),
    Check("signature_form", "preflight", "SAML core 5.4.2-5.4.4", preflight.signatures_well_made),
    Check("encryption_form", "preflight", "SAML core 6.1, XML Encryption 1.1 5", preflight.encryption_well_made),
    Check("signed", "preflight", "SAML profiles 4.1.3.5", preflight.signed_at_all),
    Check("schema", "preflight", "SAML core 1.1", preflight.schema_valid),
)

CRYPTO: tuple[Check[Examination], ...] = (
    Check("response_signature", "crypto", "SAML core 5.4, XML Signature 3.2", crypto.response_signature),
    Check("decryption", "crypto", "SAML core 6, XML Encryption 1.1 4.4", crypto.decryption),
    Check("assertion_signature", "crypto", "SAML core 5.4, XML Signature 3.2", crypto.assertion_signature),
    Check("signed_content", "crypto", "SAML core 5.4.2", crypto.signed_content),
)

PROFILE: tuple[Check[Examination], ...] = (
    Check("response_issuer", "profile", "SAML profiles 4.1.4.2", profile.response_issuer),
    Check("assertion_issuer", "profile", "SAML profiles 4.1.4.2", profile.assertion_issuer),
    Check("destination", "profile", "SAML bindings 3.5.5.2", profile.destination),
    Check("response_in_response_to", "profile", "SAML core 3.2.2", profile.response_in_response_to),
    Check("issue_instant", "profile", "SAML core 2.3.3", profile.issued_recently),
    Check("bearer_confirmation", "profile", "SAML profiles 4.1.4.2", profile.bearer_confirmation),
    Check("recipient", "profile", "SAML profiles 4.1.4.3", profile.recipient),
    Check("confirmation_time", "profile", "SAML profiles 4.1.4.3", profile.confirmation_time),
    Check("in_response_to", "profile", "SAML profiles 4.1.4.3", profile.in_response_to),
    Check("conditions", "profile", "SAML core 2.5", profile.conditions_present),
    Check("conditions_time", "profile", "SAML core 2.5.1.2", profile.conditions_time),
    Check("lifetime", "profile", "our bound: 24 hours", profile.lifetime),
    Check("conditions_understood", "profile", "SAML core 2.5.1.1", profile.conditions_understood),
    Check("audience", "profile", "SAML core 2.5.1.4", profile.audience),
    Check("authn_statement", "profile", "SAML profiles 4.1.4.2", profile.authn_statement),
    Check("authentication_fresh", "profile", "SAML core 3.4.1", profile.authentication_fresh),
    Check("authn_context", "profile", "SAML core 3.3.2.2.1", profile.authn_context),
    Check("nothing_hidden", "profile", "SAML core 2.2.4, 2.7.3.2", identity.nothing_hidden),
    Check("attributes", "profile", "SAML core 2.7.3", identity.attributes_read),
    Check("name_id", "profile", "SAML core 2.2.3, 8.3", identity.name_id),
    Check("subject", "profile", "SAML core 2.4.1, 8.3", identity.subject),
    Check("profile", "profile", "the connection's attribute mapping", identity.profile_mapped),
    Check("email", "profile", "RFC 5321 4.1.2", identity.email_grammar),
)

CHECKS: tuple[Check[Examination], ...] = (*PREFLIGHT, *CRYPTO, *PROFILE)
