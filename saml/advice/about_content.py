"""What the assertion says wrongly: for whom, from whom, in answer to what, when, and who it is."""

from __future__ import annotations

from collections.abc import Mapping

from saml.advice.sentence import Sentence

ABOUT_CONTENT: Mapping[str, Sentence] = {
    # audience
    "audience_slash": Sentence(
        "The audience “{received}” differs from our entity id “{expected}” only by a slash at its end. Enter it without or "
        "with the slash exactly as here.",
        "audience",
    ),
    "audience_case": Sentence(
        "The audience “{received}” differs from our entity id “{expected}” in capital letters only. They count.", "audience"
    ),
    "audience_scheme": Sentence(
        "The audience “{received}” begins with another scheme than our entity id “{expected}”: http and https are not "
        "the same.",
        "audience",
    ),
    "audience_is_acs": Sentence(
        "The audience is our ACS URL. Enter our entity id “{expected}” there; the ACS URL belongs into the other field.",
        "audience",
    ),
    "audience_other_connection": Sentence(
        "The audience “{received}” is another connection of this service. Every connection has an entity id of its "
        "own; here it "
        "is “{expected}”.",
        "audience",
    ),
    "audience_host": Sentence(
        "The audience “{received}” has another host name than our entity id “{expected}”: perhaps that of a test "
        "system or an "
        "earlier address.",
        "audience",
    ),
    "audience_other": Sentence(
        "The assertion is for “{received}”, not for us. Enter our entity id “{expected}”, character by character.", "audience"
    ),
    "audience_missing": Sentence("The assertion names no audience. Enter our entity id “{expected}”.", "audience"),
    # address
    "acs_slash": Sentence("The {where} “{received}” differs from our ACS URL “{expected}” only by a slash at its end.", "acs"),
    "acs_case": Sentence(
        "The {where} “{received}” differs from our ACS URL “{expected}” in capital letters only. They count.", "acs"
    ),
    "acs_scheme": Sentence(
        "The {where} “{received}” begins with another scheme than our ACS URL “{expected}”: enter it with {scheme}.", "acs"
    ),
    "acs_is_entity_id": Sentence(
        "The {where} is our entity id. Enter our ACS URL “{expected}” there; the entity id belongs into the other field.", "acs"
    ),
    "acs_other_connection": Sentence(
        "This answer is for another connection of this service (“{received}”). Every connection has an ACS URL of its "
        "own; here "
        "it is “{expected}”.",
        "acs",
    ),
    "acs_host": Sentence(
        "The {where} “{received}” has another host name than our ACS URL “{expected}”: perhaps that of a test system "
        "or an earlier "
        "address. The option acs_url_aliases can list an address that must stay.",
        "acs",
    ),
    "acs_other": Sentence("The {where} is “{received}”. Enter our ACS URL “{expected}”, character by character.", "acs"),
    "acs_missing": Sentence("The answer names no {where}. Enter our ACS URL “{expected}”.", "acs"),
    # issuer
    "issuer_slash": Sentence(
        "The issuer “{received}” differs from the stored entity id “{expected}” only by a slash at its end. Store it as the "
        "identity provider writes it.",
        "metadata",
    ),
    "issuer_case": Sentence(
        "The issuer “{received}” differs from the stored entity id “{expected}” in capital letters only. They count.",
        "metadata",
    ),
    "issuer_scheme": Sentence(
        "The issuer “{received}” and the stored entity id “{expected}” differ in http and https.", "metadata"
    ),
    "issuer_same_host": Sentence(
        "The answer comes from the same identity provider, but from another application or directory of it: "
        "“{received}” instead "
        "of “{expected}”. Give this connection that one's metadata, or sign in through the right one.",
        "metadata",
    ),
    "issuer_other": Sentence(
        "The answer comes from “{received}”; this connection's identity provider is “{expected}”. Give the metadata "
        "of the one "
        "that answers.",
        "metadata",
    ),
    "issuer_missing": Sentence("The answer does not say who issued it; “{expected}” was to be expected.", "metadata"),
    # correlation
    "idp_initiated": Sentence(
        "The identity provider started this sign-in by itself, and that is switched off for this connection. Start at the "
        "application, or switch allow_idp_initiated on: then such a sign-in is started anew, properly.",
        "start",
    ),
    "dummy_request": Sentence(
        "The answer names a request that we never make (“{received}”). The identity provider fills in something of "
        "its own when "
        "it starts the sign-in.",
        "start",
    ),
    "other_request": Sentence(
        "The answer belongs to another sign-in than the one that this browser waits for: two were begun at once, the "
        "back button "
        "was used, or an old answer was sent again. Start again from the application."
    ),
    # time
    "clock_ahead": Sentence(
        "The identity provider's clock is {minutes} ahead of ours ({theirs} there, {ours} here). Let it follow a time server "
        "(NTP). Up to 5 minutes can be tolerated with clock_skew_seconds."
    ),
    "clock_behind": Sentence(
        "The identity provider's clock is {minutes} behind ours ({theirs} there, {ours} here). Let it follow a time server "
        "(NTP). Up to 5 minutes can be tolerated with clock_skew_seconds."
    ),
    "arrived_late": Sentence(
        "The answer was made at {theirs} and arrived {minutes} later, when it was no longer valid. The person waited, "
        "or sent an "
        "old page again; if it happens often, let the identity provider make its answers valid for 5 minutes."
    ),
    "old_message": Sentence(
        "This answer was made at {theirs}, {minutes} before this diagnosis. A message that was kept is always too "
        "old; look at "
        "the other checks."
    ),
    "lifetime": Sentence(
        "The assertion is valid for {received}. Set its lifetime at the identity provider to at most 24 hours."
    ),
    "expiry_missing": Sentence(
        "The bearer confirmation has no NotOnOrAfter, which the Web SSO profile requires. Look for the assertion's "
        "lifetime at "
        "the identity provider."
    ),
    "session_over": Sentence(
        "The identity provider's own session was over before the answer arrived ({received}). Sign in there again, or let "
        "sessions last longer there."
    ),
    "stale_authentication": Sentence(
        "The application asked for a fresh sign-in, and the identity provider used one of {received}. It must obey ForceAuthn.",
        "context",
    ),
    "wrong_context": Sentence(
        "The person was authenticated as {received}; the connection's authn_context asks for {expected}. Change the sign-in "
        "policy there, or the option here.",
        "context",
    ),
    # identity
    "name_id_missing": Sentence(
        "The assertion has no NameID, and no attribute is mapped as subject. Let the identity provider send a NameID, "
        "or map one "
        "of the attributes that came ({attributes}) as subject: one that never changes and is never given to another person.",
        "name_id",
    ),
    "subject_attribute_missing": Sentence(
        "The attribute “{mapped}”, mapped as subject, did not come. These came: {attributes}.", "attributes"
    ),
    "transient": Sentence(
        "The NameID is transient: it changes with every sign-in and identifies no one. Choose persistent or "
        "emailAddress, or map "
        "{proposal} as subject.",
        "name_id",
    ),
    "name_id_format": Sentence("The NameID has the format {received}, which identifies no person.", "name_id"),
    "subject_ambiguous": Sentence(
        "The attribute mapped as subject came with several values. Map one that has one.", "attributes"
    ),
    "subject_unusable": Sentence("The subject must have 1 to 256 printable characters ({received} came).", "name_id"),
    "encrypted_alone": Sentence(
        "An attribute is encrypted by itself, which is not read. Encrypt the whole assertion instead.", "encryption"
    ),
    "email_ambiguous": Sentence("{received}. Map an attribute that has one address as email.", "email"),
    "email_invalid": Sentence(
        "The e-mail attribute holds “{received}”, which is no e-mail address; often it is a user name. Map the "
        "attribute that holds "
        "the address ({attributes} came).",
        "email",
    ),
    # notes on what passed
    "email_missing": Sentence("No e-mail address came. These attributes came: {attributes}.", "email"),
    "email_domain": Sentence(
        "“{domain}” is not a verified domain of this organisation, so the sign-in will be refused after these checks. "
        "Verify the "
        "domain, or set email_domain_policy to any."
    ),
    "groups_missing": Sentence(
        "No groups came, so group memberships stay as they are. These attributes came: {attributes}.", "groups"
    ),
}
