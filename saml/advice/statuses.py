"""What the IdP means by its status codes (SAML core 3.2.2.2), and by what some vendors write beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from saml import names
from saml.advice.sentences import Symptom
from saml.checks.examination import Examination
from saml.names import tag

_BY_CODE: Mapping[str, str] = {
    "RequestDenied": "not_assigned",
    "AuthnFailed": "authentication_failed",
    "UnknownPrincipal": "unknown_person",
    "NoPassive": "no_passive",
    "NoAuthnContext": "no_authn_context",
    "InvalidNameIDPolicy": "name_id_policy",
    "RequestUnsupported": "request_not_understood",
    "UnsupportedBinding": "request_not_understood",
    "VersionMismatch": "request_not_understood",
    "Requester": "request_not_understood",
    "Responder": "idp_internal",
}

_BY_MESSAGE: tuple[tuple[re.Pattern[str], str], ...] = (
    # Microsoft Entra: the signed-in user is not assigned to a role for the application.
    (re.compile(r"AADSTS50105\b|AADSTS50020\b"), "not_assigned"),
    (re.compile(r"AADSTS75011\b"), "no_authn_context"),
    (re.compile(r"AADSTS(?:700016|50011|750054|75005)\b"), "request_not_understood"),
    (re.compile(r"not assigned|not authori[sz]ed|access denied|app_not_enabled|forbidden", re.IGNORECASE), "not_assigned"),
    (re.compile(r"cancel", re.IGNORECASE), "authentication_failed"),
    (re.compile(r"encrypt", re.IGNORECASE), "idp_internal"),
)


def status(exam: Examination) -> Symptom:
    """The symptom behind a response whose status is not Success; the innermost code says most."""
    document = exam.document
    nodes = [] if document is None else list(document.iter(tag(names.SAMLP, "StatusCode")))
    codes = [str(node.get("Value") or "").rpartition(":")[2] for node in nodes]
    said = f"{tag(names.SAMLP, 'Status')}/{tag(names.SAMLP, 'StatusMessage')}"
    message = "" if document is None else document.findtext(said)
    shown = " / ".join(code for code in codes if code) or "no status"
    options = exam.connection.options
    wanted = options.name_id_format or ""
    name = next((_BY_CODE[code] for code in reversed(codes) if code in _BY_CODE), "idp_other")
    for pattern, symptom in _BY_MESSAGE:
        if name in ("idp_other", "idp_internal", "request_not_understood") and pattern.search(message or ""):
            name = symptom
            break
    if name == "no_authn_context":
        wanted = ", ".join(options.authn_context) or "none"
    values = {
        "status": f"{shown}: {' '.join(message.split())}" if message and message.strip() else shown,
        "wanted": wanted or "none",
        "entity_id": exam.sp.entity_id,
        "acs_url": exam.sp.acs_url,
    }
    return Symptom(name, values)
