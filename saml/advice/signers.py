"""Who signed an answer that no certificate of the connection verifies, as far as the message itself says."""

from __future__ import annotations

from saml import names
from saml.advice.sentences import Symptom
from saml.certificates import BadCertificate, Certificate, read_certificate
from saml.checks.examination import Examination
from saml.names import tag
from saml.signature import SignatureFacts


def signer(exam: Examination, check: str) -> Symptom:
    """The certificate in KeyInfo proves nothing, but tells an honest admin which one his IdP uses."""
    signatures = exam.signatures
    facts = None
    if signatures is not None:
        facts = signatures.response if check == "response_signature" else signatures.assertion
    known = ", ".join(_short(one) for one in exam.keys.certificates)
    named = facts.named_certificate if facts is not None else None
    if facts is None or named is None:
        return Symptom("certificate_not_named", {"known": known})
    if named in {one.sha256 for one in exam.keys.certificates}:
        return Symptom("changed_on_its_way")
    shown = _shown(facts, named)
    for retired in exam.keys.settings.retired_certificates:
        if retired.sha256 == named:
            return Symptom("certificate_retired", {"certificate": shown, "removed": f"{retired.removed_at:%Y-%m-%d}"})
    if named in _ours(exam):
        return Symptom("certificate_ours")
    return Symptom("certificate_unknown", {"certificate": shown, "known": known})


def _short(certificate: Certificate) -> str:
    return f"{certificate.sha256[:16]}… (until {certificate.not_after:%Y-%m-%d})"


def _shown(facts: SignatureFacts, sha256: str) -> str:
    for node in facts.parent.iter(tag(names.DS, "X509Certificate")):
        try:
            certificate = read_certificate("".join((node.text or "").split()))
        except BadCertificate:
            continue
        if certificate.sha256 == sha256:
            return _short(certificate)
    return f"{sha256[:16]}…"


def _ours(exam: Examination) -> set[str]:
    settings = exam.keys.settings
    found = set()
    for pem in (settings.sp_certificate, settings.next_sp_certificate):
        if pem is not None:
            found.add(read_certificate(pem).sha256)
    return found
