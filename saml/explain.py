"""The diagnosis: the same checks, run to the end, each with the advice for this connection's vendor (CONTRACT 8)."""

from __future__ import annotations

from dataclasses import replace

from lxml import etree

from idbroker.federation.contract import Document, Finding
from saml import names
from saml.advice.symptoms import advice_for, note_for
from saml.checks import order
from saml.checks.crypto import look_at_unverified
from saml.checks.examination import Check, Examination, Failed, Seen, ask, finding
from saml.names import tag
from saml.xml_guard import Element, Unfit, parse

MAX_XML = 512 * 1024
"""Characters of readable XML in a report."""


def advised(exam: Examination, check: Check[Examination], seen: Seen) -> Finding:
    """The finding of a check with what this vendor's admin should do."""
    made = finding(check, seen)
    if isinstance(seen, Failed):
        return replace(made, advice=advice_for(exam, check.name, seen))
    note = note_for(exam, check.name)
    return replace(made, advice=note) if note else made


def findings(exam: Examination) -> list[Finding]:
    """All findings. Where no signature held, the profile checks look at the unverified assertion: a diagnosis, no verdict."""
    return [made for made, _ in _examined(exam)]


def report(exam: Examination) -> Document:
    """``{"verdict", "code", "findings", "attributes", "mapped", "xml"}``: JSON, and personal data like the message itself."""
    examined = _examined(exam)
    code = next((failure.code for _, failure in examined if failure is not None), None)
    return {
        "verdict": "accept" if code is None else "refuse",
        "code": code,
        "findings": [made.as_document() for made, _ in examined],
        "attributes": dict(exam.attributes or {}),
        "mapped": _mapped(exam),
        "xml": readable(exam),
    }


def _examined(exam: Examination) -> list[tuple[Finding, Failed | None]]:
    answers: list[tuple[Check[Examination], Seen]] = []
    for check in order.CHECKS:
        if check.stage == "profile":
            look_at_unverified(exam)
        answers.append((check, ask(check, exam)))
    # Advice is given when all is known: a wrong certificate is told better by someone who has seen the issuer.
    return [(advised(exam, check, seen), seen if isinstance(seen, Failed) else None) for check, seen in answers]


def _mapped(exam: Examination) -> Document:
    mapped: Document = dict(exam.profile.as_document()) if exam.profile is not None else {}
    if exam.subject is not None:
        mapped["subject"] = exam.subject
    if isinstance(mapped.get("groups"), tuple):
        mapped["groups"] = list(mapped["groups"])
    return mapped


def readable(exam: Examination) -> str:
    """The message as indented XML, what was encrypted in its plain form; as plain text where it may not be parsed; or ""."""
    if exam.document is None:
        text = exam.text if exam.text is not None else (exam.data or b"").decode("utf-8", "replace")
        return text[:MAX_XML]
    try:
        # Indented for reading only: a copy, since white space belongs to what was signed.
        root = parse(etree.tostring(exam.document))
    except Unfit:
        return ""
    hidden = exam.decrypted
    if hidden is not None:
        _put_in_place(root, hidden)
    if exam.plain_name_id is not None:
        _reveal(root, exam.plain_name_id)
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")[:MAX_XML]


def _put_in_place(root: Element, plain: Element) -> None:
    for holder in root.iter(tag(names.SAML, "EncryptedAssertion")):
        parent = holder.getparent()
        if parent is not None:
            parent.replace(holder, parse(etree.tostring(plain)))
            return


def _reveal(root: Element, plain: Element) -> None:
    for holder in root.iter(tag(names.SAML, "EncryptedID")):
        parent = holder.getparent()
        if parent is not None:
            parent.replace(holder, parse(etree.tostring(plain)))
            return
