"""What changed between two readings of an IdP's metadata, and which changes may be taken without asking anybody.

The rule: what only adds to what we believe from the same IdP is taken, because its own metadata says so and nothing that
worked stops working; what moves where browsers are sent, who the IdP is, or whom we believe no longer is held for an
admin's word. What neither trusts nor sends anybody is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from idbroker.federation.contract import Document
from saml.certificates import BadCertificate, read_certificate

Kind = Literal["added", "removed", "changed"]
Policy = Literal["take", "hold"]


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """One difference. ``before`` and ``after`` are for people: certificates by their SHA-256, the rest as it stands."""

    field: str
    kind: Kind
    before: str | None
    after: str | None
    policy: Policy

    def as_document(self) -> Document:
        return {"field": self.field, "kind": self.kind, "before": self.before, "after": self.after, "policy": self.policy}


_ENDPOINTS = ("sso.redirect", "sso.post", "slo.redirect", "slo.post", "slo.response_redirect", "slo.response_post")


def metadata_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[SettingsChange]:
    """All changes from one connection's ``settings`` to another's, those to be held first. Our own side is not compared."""
    before, after = old["idp"], new["idp"]
    found = [
        *_value("idp.entity_id", before["entity_id"], after["entity_id"], "hold"),
        *(change for path in _ENDPOINTS for change in _endpoint(path, before, after)),
        *_certificates("idp.certificates", before["certificates"], after["certificates"], "hold"),
        *_certificates(
            "idp.encryption_certificates", before["encryption_certificates"], after["encryption_certificates"], "take"
        ),
        *_value("idp.name_id_formats", _joined(before["name_id_formats"]), _joined(after["name_id_formats"]), "take"),
        *_value(
            "idp.want_authn_requests_signed",
            str(before["want_authn_requests_signed"]).lower(),
            str(after["want_authn_requests_signed"]).lower(),
            "take",
        ),
        *_value("idp.valid_until", before["valid_until"], after["valid_until"], "take"),
    ]
    return sorted(found, key=lambda change: change.policy != "hold")


def must_be_held(changes: Sequence[SettingsChange]) -> bool:
    """Whether any of the changes waits for an admin: then the whole reading becomes a candidate, never a half of it."""
    return any(change.policy == "hold" for change in changes)


def _joined(values: Sequence[str]) -> str | None:
    return " ".join(values) or None


def _endpoint(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[SettingsChange]:
    service, binding = path.split(".")
    return _value(f"idp.{path}", before[service].get(binding), after[service].get(binding), "hold")


def _value(field: str, before: str | None, after: str | None, policy: Policy) -> list[SettingsChange]:
    if before == after:
        return []
    kind: Kind = "added" if before is None else "removed" if after is None else "changed"
    return [SettingsChange(field, kind, before, after, policy)]


def _certificates(field: str, before: Sequence[str], after: Sequence[str], removed: Policy) -> list[SettingsChange]:
    """Compared as sets: their order decides nothing."""
    gone = [SettingsChange(field, "removed", _sha256(der), None, removed) for der in before if der not in after]
    fresh = [SettingsChange(field, "added", None, _sha256(der), "take") for der in after if der not in before]
    return gone + fresh


def _sha256(der: str) -> str:
    try:
        return read_certificate(der).sha256
    except BadCertificate:
        return "unreadable"
