"""The one exception of SCIM, and the document that it becomes on the wire (RFC 7644 3.12, RFC 9865 4).

ScimError       status, scimType (table 9) and a detail that names the attribute
"""

from __future__ import annotations

from typing import Any, Literal

from idbroker.kernel.errors import Refusal

ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"

ScimType = Literal[
    "invalidFilter",
    "tooMany",
    "uniqueness",
    "mutability",
    "invalidSyntax",
    "invalidPath",
    "noTarget",
    "invalidValue",
    "invalidVers",
    "sensitive",
    "invalidCursor",
    "expiredCursor",
    "invalidCount",
]

CODES: dict[ScimType | None, str] = {
    None: "scim_refused",
    "invalidFilter": "scim_invalid_filter",
    "tooMany": "scim_too_many",
    "uniqueness": "scim_uniqueness",
    "mutability": "scim_mutability",
    "invalidSyntax": "scim_invalid_syntax",
    "invalidPath": "scim_invalid_path",
    "noTarget": "scim_no_target",
    "invalidValue": "scim_invalid_value",
    "invalidVers": "scim_invalid_version",
    "sensitive": "scim_sensitive",
    "invalidCursor": "scim_invalid_cursor",
    "expiredCursor": "scim_expired_cursor",
    "invalidCount": "scim_invalid_count",
}
_STATUS: dict[ScimType | None, int] = {"uniqueness": 409, "sensitive": 403}
_FOREIGN: dict[str, ScimType] = {
    "bad_json": "invalidSyntax",
    "bad_parameters": "invalidSyntax",
    "invalid_input": "invalidValue",
    "scim_unknown_member": "invalidValue",
}
"""Refusals from below that have a word in SCIM's table."""


class ScimError(Refusal):
    """A refusal in SCIM's words. ``wire`` is the sentence that the client reads; it names the attribute, never a value of
    somebody else's. The status follows from the scimType unless it is given."""

    def __init__(self, scim_type: ScimType | None, wire: str, *, status: int | None = None) -> None:
        super().__init__(CODES[scim_type], wire, status=status or _STATUS.get(scim_type, 400))
        self.scim_type = scim_type


def error_document(refusal: Refusal) -> dict[str, Any]:
    """The body of any refusal at a SCIM address. ``status`` is a string (RFC 7644 3.12)."""
    status = refusal.status
    scim_type = refusal.scim_type if isinstance(refusal, ScimError) else _FOREIGN.get(refusal.code)
    if scim_type is not None and status == 422:
        status = 400
    document: dict[str, Any] = {"schemas": [ERROR_SCHEMA], "status": str(status)}
    if scim_type is not None:
        document["scimType"] = scim_type
    document["detail"] = refusal.public
    return document


def quoted(name: object, limit: int = 80) -> str:
    """A client's word, fit to be repeated in a sentence: bounded, printable, in quotation marks."""
    text = str(name)
    text = "".join(c if c.isprintable() else "\ufffd" for c in text[: limit + 1])
    return f"'{text[:limit]}…'" if len(text) > limit else f"'{text}'"
