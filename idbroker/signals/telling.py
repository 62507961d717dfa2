"""From an event of the feed to the signals that tell of it. Pure.

session.ended                          session-revoked
user.deactivated, .reactivated         account-disabled, account-enabled
user.deleted, user.erased              account-purged
user.updated                           token-claims-change; identifier-changed when the e-mail address is another
group.member_added, .member_removed    token-claims-change, with groups and roles as they are now
user.credential_changed                credential-change, as the person's identity provider told it
user.assurance_changed                 assurance-level-change, likewise
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from idbroker.signals.vocabulary import (
    ACCOUNT_DISABLED,
    ACCOUNT_ENABLED,
    ACCOUNT_PURGED,
    ASSURANCE_LEVEL_CHANGE,
    CREDENTIAL_CHANGE,
    IDENTIFIER_CHANGED,
    SESSION_REVOKED,
    TOKEN_CLAIMS_CHANGE,
)

Document = Mapping[str, Any]

INITIATORS = {
    "signed_out": "user",
    "logout": "user",
    "ended_by_admin": "admin",
    "user_deactivated": "admin",
    "user_deleted": "admin",
}
"""Why a session ended → ``initiating_entity`` (CAEP 2); whatever else it was, a system did it."""

CLAIMS = {"email": "email", "display_name": "name", "given_name": "given_name", "family_name": "family_name"}
"""A person's field → the claim of tokens that shows it."""


@dataclass(frozen=True, slots=True)
class Signal:
    """``event`` is the type's URI, ``claims`` its own. About a session, else an address that was, else the person."""

    event: str
    user_id: str
    claims: Mapping[str, Any] = field(default_factory=dict)
    session_id: str | None = None
    email: str | None = None
    """What the portrait says: needed where the person is gone when the signal is made."""
    old_email: str | None = None
    standing: bool = False
    """Whether groups and roles are to be read and told."""


def signals_of(event: Document) -> list[Signal]:
    """None for most events."""
    tell = _TELLERS.get(event["type"])
    return [] if tell is None else tell(event, event["data"])


def _session_revoked(event: Document, data: Document) -> list[Signal]:
    reason = data.get("end_reason") or "ended"
    claims = {**_when(event), "initiating_entity": INITIATORS.get(reason, "system"), "reason_admin": {"en": reason}}
    return [Signal(SESSION_REVOKED, data["user_id"], claims, session_id=data["id"])] if "user_id" in data else []


def _account(name: str) -> Callable[[Document, Document], list[Signal]]:
    return lambda event, data: [Signal(name, data["id"], email=data.get("email"))]


def _updated(event: Document, data: Document) -> list[Signal]:
    previous: Document = event.get("previous") or {}
    changed = {claim: data.get(name) for name, claim in CLAIMS.items() if name in previous}
    told: list[Signal] = []
    if changed:
        claims = {**_when(event), "claims": changed}
        told.append(Signal(TOKEN_CLAIMS_CHANGE, data["id"], claims, email=data.get("email")))
    if previous.get("email"):
        new = {"new-value": data["email"]} if data.get("email") else {}
        told.append(Signal(IDENTIFIER_CHANGED, data["id"], new, old_email=previous["email"]))
    return told


def _membership(event: Document, data: Document) -> list[Signal]:
    member = data.get("user_id")
    return [Signal(TOKEN_CLAIMS_CHANGE, member, _when(event), standing=True)] if member else []


def _passed_on(name: str) -> Callable[[Document, Document], list[Signal]]:
    def tell(event: Document, data: Document) -> list[Signal]:
        claims = event.get("signal") or {}
        return [Signal(name, data["id"], claims, email=data.get("email"))]

    return tell


def _when(event: Document) -> dict[str, Any]:
    return {"event_timestamp": int(datetime.fromisoformat(event["occurred_at"]).timestamp())}


_TELLERS: Mapping[str, Callable[[Document, Document], list[Signal]]] = {
    "session.ended": _session_revoked,
    "user.deactivated": _account(ACCOUNT_DISABLED),
    "user.reactivated": _account(ACCOUNT_ENABLED),
    "user.deleted": _account(ACCOUNT_PURGED),
    "user.erased": _account(ACCOUNT_PURGED),
    "user.updated": _updated,
    "group.member_added": _membership,
    "group.member_removed": _membership,
    "user.credential_changed": _passed_on(CREDENTIAL_CHANGE),
    "user.assurance_changed": _passed_on(ASSURANCE_LEVEL_CHANGE),
}
TELLING = tuple(_TELLERS)
"""The events of the feed that anything is told of."""
