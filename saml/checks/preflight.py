"""Stage one, on bytes and structure: is this one SAML response of the one shape that can be verified safely?

Nothing here believes the message. After it, every signature is known to be about the element around it, there is one
assertion in one place, and every algorithm is one that we want to run.
"""

from __future__ import annotations

from saml import names
from saml.checks.examination import Examination, Failed, NotApplicable, Signatures, needed
from saml.decryption import BadEncryption, read_encryption
from saml.names import tag
from saml.schemas import schema_fault
from saml.signature import BadSignature, SignatureFacts, read_signature
from saml.xml_guard import (
    MAX_BASE64,
    MAX_MESSAGE,
    Element,
    Survey,
    Unfit,
    children,
    local_name,
    message_text,
    parse,
    refuse_bulk,
    refuse_markup,
    strict_base64,
    survey,
)

_UNFIT = {
    "base64": "saml_not_base64",
    "encoding": "saml_encoding",
    "doctype": "saml_doctype",
    "comment": "saml_comment",
    "processing_instruction": "saml_processing_instruction",
    "nodes": "saml_too_complex",
    "depth": "saml_too_complex",
    "syntax": "saml_not_xml",
}


def unfit(error: Unfit) -> Failed:
    """The gate's refusal as a check's."""
    return Failed(_UNFIT[error.reason], received=str(error))


def response_present(exam: Examination) -> str:
    encoded = exam.reply.params.get("SAMLResponse", "")
    if exam.reply.method != "POST" or not encoded:
        received = ", ".join(sorted(exam.reply.params)) or "no fields"
        raise Failed("saml_response_missing", expected="a posted field SAMLResponse", received=received)
    exam.encoded = encoded
    return f"{len(encoded)} characters"


def delivered_here(exam: Examination) -> str:
    if exam.reply.address not in exam.sp.acs_urls:
        raise Failed("saml_wrong_address", expected=" or ".join(exam.sp.acs_urls), received=exam.reply.address)
    return exam.reply.address


def small_enough(exam: Examination) -> str:
    size = len(needed(exam.encoded))
    if size > MAX_BASE64:
        raise Failed("saml_too_large", expected=f"at most {MAX_MESSAGE} bytes", received=f"{size} characters of base64")
    return f"{size} characters"


def base64_strict(exam: Examination) -> str:
    encoded = needed(exam.encoded)
    if len(encoded) > MAX_BASE64:
        raise Failed("saml_too_large", expected=f"at most {MAX_MESSAGE} bytes", received=f"{len(encoded)} characters")
    try:
        data = strict_base64(encoded)
    except Unfit as error:
        raise unfit(error) from error
    if len(data) > MAX_MESSAGE:
        raise Failed("saml_too_large", expected=f"at most {MAX_MESSAGE} bytes", received=f"{len(data)} bytes")
    exam.data = data
    return f"{len(data)} bytes"


def utf8(exam: Examination) -> str:
    try:
        text = message_text(needed(exam.data))
    except Unfit as error:
        raise unfit(error) from error
    exam.text = text
    return f"{len(text)} characters"


def no_markup_tricks(exam: Examination) -> str:
    try:
        refuse_markup(needed(exam.text))
    except Unfit as error:
        exam.text = None  # never parsed, not even for a diagnosis
        raise unfit(error) from error
    return "elements and text only"


def bounded(exam: Examination) -> str:
    try:
        refuse_bulk(needed(exam.text))
    except Unfit as error:
        exam.text = None
        raise unfit(error) from error
    return "within bounds"


def well_formed(exam: Examination) -> str:
    try:
        root = parse(needed(exam.text))
        exam.survey = survey(root)
    except Unfit as error:
        raise unfit(error) from error
    exam.document = root
    return str(root.tag)


def is_response(exam: Examination) -> str:
    root = needed(exam.document)
    if root.tag != tag(names.SAMLP, "Response"):
        raise Failed("saml_not_a_response", expected="samlp:Response", received=str(root.tag))
    if root.get("Version") != "2.0" or not root.get("ID"):
        raise Failed("saml_not_a_response", expected='Version="2.0" and an ID', received=f"Version {root.get('Version')}")
    if len(needed(exam.survey).named("Response")) != 1:
        raise Failed("saml_not_a_response", expected="one Response", received="a Response inside the Response")
    return "samlp:Response 2.0"


def unique_ids(exam: Examination) -> str:
    return _unique(needed(exam.survey).identifiers)


def _unique(identifiers: list[str], known: list[str] | None = None) -> str:
    seen = set(known or ())
    for identifier in identifiers:
        if identifier in seen or not identifier.strip():
            raise Failed("saml_duplicate_id", expected="unique identifiers", received=identifier)
        seen.add(identifier)
    return f"{len(seen)} identifiers"


def status_success(exam: Examination) -> str:
    # SAML core 3.2.2.2. Usually unsigned: good for refusing, never a reason to accept. Before the count of assertions,
    # because an error comes without one.
    holders = children(needed(exam.document), names.SAMLP, "Status")
    values = [str(code.get("Value") or "") for holder in holders for code in holder.iter(tag(names.SAMLP, "StatusCode"))]
    if values != [names.STATUS_SUCCESS]:
        message = needed(exam.document).findtext(f"{tag(names.SAMLP, 'Status')}/{tag(names.SAMLP, 'StatusMessage')}") or ""
        shown = " / ".join(value.rpartition(":")[2] for value in values) or "no status"
        raise Failed("idp_error", expected="Success", received=f"{shown}{': ' if message else ''}{message}")
    return "Success"


def one_assertion(exam: Examination) -> str:
    root = needed(exam.document)
    found = needed(exam.survey).named("Assertion", "EncryptedAssertion")
    if len(found) != 1:
        raise Failed("saml_assertion_count", expected="one assertion", received=f"{len(found)} assertions")
    only = found[0]
    if only.getparent() is not root or only.tag not in (tag(names.SAML, "Assertion"), tag(names.SAML, "EncryptedAssertion")):
        raise Failed("saml_assertion_count", expected="a saml:Assertion directly in the response", received=str(only.tag))
    if only.tag == tag(names.SAML, "EncryptedAssertion"):
        exam.encrypted = only
        return "one EncryptedAssertion"
    return "one Assertion"


def signatures_in_place(exam: Examination) -> str:
    root = needed(exam.document)
    owners = [root, *children(root, names.SAML, "Assertion")]
    _in_place(needed(exam.survey), owners)
    return f"{sum(len(children(owner, names.DS, 'Signature')) for owner in owners)} signatures"


def _in_place(found: Survey, owners: list[Element]) -> None:
    for node in found.named("Signature"):
        parent = node.getparent()
        if parent not in owners or node.tag != tag(names.DS, "Signature"):
            received = f"a Signature in {local_name(parent) if parent is not None else 'nothing'}"
            raise Failed("saml_signature_placement", expected="directly in Response or Assertion", received=received)
    for owner in owners:
        count = len(children(owner, names.DS, "Signature"))
        if count > 1:
            received = f"{count} signatures in {local_name(owner)}"
            raise Failed("saml_signature_placement", expected="at most one in each", received=received)


def signatures_well_made(exam: Examination) -> str:
    root = needed(exam.document)
    plain = children(root, names.SAML, "Assertion")
    read = Signatures(
        response=_facts(root, exam),
        assertion=_facts(plain[0], exam) if len(plain) == 1 else None,
    )
    exam.signatures = read
    return ", ".join(one.method_uri.rpartition("#")[2] for one in (read.response, read.assertion) if one)


_SIGNATURE_CODES = {
    "structure": "saml_signature_structure",
    "reference": "saml_signature_reference",
    "algorithm": "saml_signature_algorithm",
    "sha1": "saml_sha1",
}


def _facts(owner: Element, exam: Examination) -> SignatureFacts | None:
    found = children(owner, names.DS, "Signature")
    if not found:
        return None
    try:
        return read_signature(found[0], sha1_allowed=exam.sha1_allowed)
    except BadSignature as error:
        raise Failed(_SIGNATURE_CODES[error.reason], received=f"in {local_name(owner)}: {error}") from error


def encryption_well_made(exam: Examination) -> str:
    if exam.encrypted is None:
        needed(exam.document)
        raise NotApplicable("The assertion is not encrypted.")
    try:
        exam.encryption = read_encryption(exam.encrypted, cbc_allowed=exam.connection.options.allow_cbc_encryption)
    except BadEncryption as error:
        code = "saml_encryption_algorithm" if error.algorithm else "saml_encryption_structure"
        raise Failed(code, received=str(error)) from error
    return exam.encryption.method.rpartition("#")[2]


def signed_at_all(exam: Examination) -> str:
    signatures = needed(exam.signatures)
    if signatures.response is None and signatures.assertion is None:
        if exam.encrypted is not None:
            raise NotApplicable("To be seen after decryption.")
        raise Failed("saml_not_signed", expected="a signature on the response or the assertion", received="none")
    return "signed"


def schema_valid(exam: Examination) -> str:
    fault = schema_fault(needed(exam.document), "saml-schema-protocol-2.0.xsd")
    if fault is not None:
        raise Failed("saml_schema", expected="the SAML 2.0 protocol schema", received=fault)
    return "valid"


def inspect_decrypted(exam: Examination, root: Element) -> None:
    """The same structure checks for an assertion that came out of its encryption."""
    inside = survey(root)
    assertions = inside.named("Assertion", "EncryptedAssertion", "Response")
    if root.tag != tag(names.SAML, "Assertion") or assertions != [root]:
        raise Failed(
            "saml_assertion_count", expected="one saml:Assertion", received=f"{local_name(root)}, {len(assertions)} assertions"
        )
    _unique(inside.identifiers, needed(exam.survey).identifiers)
    _in_place(inside, [root])
    needed(exam.signatures).assertion = _facts(root, exam)
    fault = schema_fault(root, "saml-schema-protocol-2.0.xsd")
    if fault is not None:
        raise Failed("saml_schema", expected="the SAML 2.0 assertion schema", received=fault)
