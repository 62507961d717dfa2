"""The shape of a diagnosis, wherever the Admin API shows one (CONTRACT 8)."""

from __future__ import annotations

from typing import Any, Literal

from idbroker.admin_api.shapes import Document


class FindingDocument(Document):
    check: str
    stage: Literal["preflight", "crypto", "profile", "state"]
    outcome: Literal["pass", "fail", "skip"]
    spec: str
    expected: str
    received: str
    advice: str


class Report(Document):
    """``attributes`` as received, ``mapped`` the profile made of them, ``xml`` the message in readable form, if it has one
    (for OpenID Connect the ID token's header and claims, and what userinfo added, as JSON)."""

    verdict: Literal["accept", "refuse"]
    code: str | None
    findings: list[FindingDocument]
    attributes: dict[str, list[str]]
    mapped: dict[str, Any]
    xml: str
