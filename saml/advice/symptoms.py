"""What exactly is wrong: from a failed check and what the examination knows to one named symptom."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from idbroker.kernel.addresses import BadAddress, email_domain, normal_email
from saml.advice.addresses import difference, same_host
from saml.advice.moments import clock
from saml.advice.sentences import Symptom, told
from saml.advice.signers import signer
from saml.advice.statuses import status
from saml.checks.examination import Examination, Failed
from saml.faults import FAULTS

MAX_NAMES = 300

Find = Callable[[Examination, str, Failed], Symptom | None]


def advice_for(exam: Examination, check: str, failure: Failed) -> str:
    """What this vendor's admin should do about a failed check; what holds for every vendor where nothing more is known."""
    found = find_symptom(exam, check, failure)
    return told(found, exam.connection.vendor) if found is not None else FAULTS[failure.code].advice


def find_symptom(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    find = _FINDERS.get(failure.code)
    return find(exam, check, failure) if find is not None else None


def note_for(exam: Examination, check: str) -> str:
    """What an admin should know although the check did not fail, or ""."""
    if check == "email" and exam.profile is not None and exam.attributes is not None:
        if exam.profile.email is None:
            return told(Symptom("email_missing", {"attributes": _attributes(exam)}), exam.connection.vendor)
        return _domain_note(exam, exam.profile.email)
    if check == "profile" and exam.profile is not None and exam.profile.groups is None:
        return told(Symptom("groups_missing", {"attributes": _attributes(exam)}), exam.connection.vendor)
    return ""


def _domain_note(exam: Examination, email: str) -> str:
    try:
        domain = email_domain(normal_email(email))
    except BadAddress:
        return ""
    if exam.connection.options.email_domain_policy != "verified" or exam.connection.owns(domain):
        return ""
    return told(Symptom("email_domain", {"domain": domain}), exam.connection.vendor)


def _attributes(exam: Examination) -> str:
    found = ", ".join(f"“{name}”" for name in exam.attributes or ())
    return found[:MAX_NAMES] or "none"


# --- one finder per code; a code without one has one advice for all ---


def _response_missing(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    params = exam.reply.params
    if "SAMLRequest" in params:
        return Symptom("request_instead")
    if "SAMLart" in params:
        return Symptom("artifact_binding")
    return Symptom("redirect_binding") if exam.reply.method == "GET" and "SAMLResponse" in params else None


def _not_base64(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    text = (exam.encoded or "").strip()
    if text.startswith("<"):
        return Symptom("xml_pasted")
    return Symptom("percent_encoded" if "%2" in text or "%3" in text else "cut_off")


def _not_text(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    data = exam.data or b""
    # A deflated message begins with no letter of XML, and almost never is UTF-8.
    return (
        Symptom("deflated")
        if not data.lstrip().startswith(b"<") and data[:2] != b"\xff\xfe" and data[:2] != b"\xfe\xff"
        else None
    )


def _not_a_response(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    name = "" if exam.document is None else str(exam.document.tag)
    namespace, _, local = name.rpartition("}")
    if "SAML:1." in namespace or "ws-trust" in namespace.lower() or local == "RequestSecurityTokenResponse":
        return Symptom("saml1")
    if local in ("EntityDescriptor", "EntitiesDescriptor"):
        return Symptom("metadata_pasted")
    if local in ("LogoutRequest", "LogoutResponse"):
        return Symptom("logout_message")
    return Symptom("authn_request") if local == "AuthnRequest" else None


def _too_large(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    if exam.text is None and exam.encoded is None:
        return None
    count = (exam.text or "").count("AttributeValue>") // 2
    return Symptom("too_many_groups", {"groups": str(count) if count else "probably many"})


def _status(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    return status(exam)


def _signer(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    return signer(exam, check)


def _clock(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    return clock(exam)


def _same(name: str) -> Find:
    """A symptom that needs no more than what was expected and what came."""
    return lambda exam, check, failure: Symptom(
        name, {"expected": failure.expected, "received": failure.received, "attributes": _attributes(exam)}
    )


def _encryption_algorithm(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    if "cbc" in failure.received:
        return Symptom("cbc")
    return Symptom("rsa15" if "rsa-1_5" in failure.received else "encryption_algorithm", {"received": failure.received})


def _audience(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    named = failure.received.split(", ")
    if any(one in exam.sp.acs_urls for one in named):
        return Symptom("audience_is_acs", {"expected": exam.sp.entity_id})
    kind, received = difference(exam.sp.entity_id, [] if failure.received == "none" else named)
    return Symptom(f"audience_{kind}", {"expected": exam.sp.entity_id, "received": received})


_WHERE = {
    "recipient": "recipient (Recipient)",
    "destination": "destination (Destination)",
    "delivered_here": "address of delivery",
}


def _address(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    named = [one for one in failure.received.split(", ") if one != "none"]
    values = {"where": _WHERE.get(check, "address"), "expected": exam.sp.acs_url}
    if any(one in (exam.sp.entity_id, exam.sp.metadata_url) for one in named):
        return Symptom("acs_is_entity_id", values)
    kind, received = difference(exam.sp.acs_url, named)
    return Symptom(f"acs_{kind}", {**values, "received": received, "scheme": exam.sp.acs_url.partition(":")[0]})


def _issuer(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    received = "" if failure.received == "no issuer" else failure.received
    kind, _ = difference(exam.idp.entity_id, [received])
    if kind in ("other", "host", "other_connection"):
        kind_name = "same_host" if same_host(exam.idp.entity_id, received) else "other"
    else:
        kind_name = kind
    return Symptom(f"issuer_{kind_name}", {"expected": exam.idp.entity_id, "received": received})


def _in_response_to(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    named = [one for one in failure.received.split(", ") if one not in ("", "none")]
    if not named:
        return Symptom("idp_initiated")
    # Ours begin with an underscore and have 43 characters behind it.
    ours = any(one.startswith("_") and len(one) == len(exam.expected_request or "") for one in named)
    return Symptom("other_request" if ours else "dummy_request", {"received": named[0]})


def _subject_missing(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    mapped = exam.connection.attribute_mapping.get("subject")
    if mapped is not None:
        return Symptom("subject_attribute_missing", {"mapped": mapped, "attributes": _attributes(exam)})
    return Symptom("name_id_missing", {"attributes": _attributes(exam)})


_LASTING = (
    "uid", "employeenumber", "employeeid", "objectguid", "objectidentifier", "objectid", "edupersonprincipalname", "subject-id",
    "pairwise-id", "id", "userid", "user.id", "username", "samaccountname", "userprincipalname", "mail", "email",
)  # fmt: skip


def _transient(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    """Proposes the attribute that came and most likely stays: an employee number before an e-mail address."""
    came = {name.rpartition("/")[2].casefold(): name for name in exam.attributes or ()}
    best = next((came[one] for one in _LASTING if one in came), None)
    return Symptom("transient", {"proposal": f"the attribute “{best}”" if best else "an attribute that never changes"})


def _context(exam: Examination, check: str, failure: Failed) -> Symptom | None:
    return Symptom("wrong_context", {"expected": failure.expected, "received": failure.received})


_FINDERS: Mapping[str, Find] = {
    "saml_response_missing": _response_missing,
    "saml_wrong_address": _address,
    "saml_not_base64": _not_base64,
    "saml_encoding": _not_text,
    "saml_not_xml": _not_text,
    "saml_not_a_response": _not_a_response,
    "saml_too_large": _too_large,
    "saml_too_complex": _too_large,
    "idp_error": _status,
    "saml_not_signed": _same("unsigned"),
    "saml_response_not_signed": _same("response_unsigned"),
    "saml_sha1": _same("sha1"),
    "saml_signature_algorithm": _same("algorithm"),
    "saml_signature_invalid": _signer,
    "saml_cannot_decrypt": _same("other_key"),
    "saml_encryption_algorithm": _encryption_algorithm,
    "saml_assertion_not_encrypted": _same("not_encrypted"),
    "saml_audience_mismatch": _audience,
    "saml_audience_missing": _same("audience_missing"),
    "saml_recipient_mismatch": _address,
    "saml_destination_mismatch": _address,
    "saml_destination_missing": _address,
    "saml_issuer_mismatch": _issuer,
    "saml_in_response_to_mismatch": _in_response_to,
    "saml_issued_too_early": _clock,
    "saml_issued_too_long_ago": _clock,
    "saml_not_yet_valid": _clock,
    "saml_expired": _clock,
    "saml_expiry_missing": _same("expiry_missing"),
    "saml_lifetime_too_long": _same("lifetime"),
    "saml_session_expired": _same("session_over"),
    "saml_authentication_too_old": _same("stale_authentication"),
    "saml_authn_context_mismatch": _context,
    "saml_subject_missing": _subject_missing,
    "saml_subject_ambiguous": _same("subject_ambiguous"),
    "saml_subject_invalid": _same("subject_unusable"),
    "saml_subject_encrypted": _same("encrypted_alone"),
    "saml_transient_name_id": _transient,
    "saml_name_id_format": _same("name_id_format"),
    "saml_email_ambiguous": _same("email_ambiguous"),
    "saml_email_invalid": _same("email_invalid"),
}
