"""What a signal of an identity provider does to a person: its sessions end, he is switched off, or apps are told.

A provider speaks for those whom its connection knows, and for addresses of the tenant's own domains that no other
connection knows: the provider of one connection cannot switch off the people of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Field

from idbroker.audit.outbox import Outbox
from idbroker.directories.resources import Resources
from idbroker.directory.model import Identities
from idbroker.directory.people import People, Person
from idbroker.kernel.event import Event
from idbroker.kernel.secrets import digest
from idbroker.provisioning.linking import ProvenDomains
from idbroker.provisioning.standing import deactivate, reactivate, resource
from idbroker.sessions.model import Session, Sessions
from idbroker.sessions.service import SessionService
from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, TenantUnit

Deed = Literal["end_sessions", "switch_off", "switch_on", "note_credential", "note_assurance", "nothing", "ignored"]
REASON = "idp_signal"


class SignalledOff(TenantRow, table=True):
    """Who was switched off by a signal of which connection: only that can switch him on again."""

    __tablename__ = "signalled_off"

    user_id: str = Field(primary_key=True)
    connection_id: str
    at: datetime = Field(sa_type=UtcDateTime)


class SwitchedOff(TenantRepository):
    def get(self, user_id: str) -> SignalledOff | None:
        return self.keyed(SignalledOff, user_id)

    def note(self, user_id: str, connection_id: str) -> None:
        row = self.get(user_id)
        if row is None:
            self.session.add(SignalledOff(tenant_id=self.tenant, user_id=user_id, connection_id=connection_id, at=self.now()))
        else:
            row.connection_id, row.at = connection_id, self.now()

    def forget(self, row: SignalledOff) -> None:
        self.session.delete(row)


@dataclass(frozen=True, slots=True)
class Named:
    """By what a signal names somebody: subjects of the connection, addresses in normal form, sessions at the provider."""

    subjects: Sequence[str] = ()
    emails: Sequence[str] = ()
    sessions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """One event of a SET. ``told`` is what is passed on to apps."""

    event: str
    deed: Deed
    named: Named
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a wish, for the trail."""

    event: str
    outcome: str
    """``sessions_ended``, ``switched_off``, ``switched_on``, ``noted``, ``nothing``, ``nobody``, ``ignored``."""
    user_id: str | None = None
    sessions: int = 0

    def as_document(self) -> dict[str, Any]:
        return {"event": self.event, "outcome": self.outcome, "user_id": self.user_id, "sessions": self.sessions}


class SignalledPeople:
    def __init__(self, sessions: SessionService) -> None:
        self._sessions = sessions

    def act(self, unit: TenantUnit, connection_id: str, wish: Wish) -> Done:
        """One event, in the transaction that remembers its token."""
        if wish.deed in ("nothing", "ignored"):
            return Done(wish.event, wish.deed)
        user = _meant(unit, connection_id, wish.named)
        if wish.deed == "end_sessions":
            return self._end(unit, connection_id, wish, user)
        if user is None:
            return Done(wish.event, "nobody")
        if wish.deed == "switch_off":
            return self._off(unit, connection_id, wish, user)
        if wish.deed == "switch_on":
            return self._on(unit, connection_id, wish, user)
        action = "user.credential_changed" if wish.deed == "note_credential" else "user.assurance_changed"
        context = {"connection_id": connection_id, "signal": dict(wish.told)}
        unit[Outbox].record(Event(action, resource(user), context=context))
        return Done(wish.event, "noted", user.id)

    def _end(self, unit: TenantUnit, connection_id: str, wish: Wish, user: Person | None) -> Done:
        """Those of the person at this connection; of the sessions at the provider when it names any."""
        marks = {digest(f"{connection_id}\n{name}") for name in wish.named.sessions}
        if user is not None:
            live: Sequence[Session] = unit[Sessions].live_of_user(user.id)
            meant = [row for row in live if not marks or row.upstream_session_digest in (None, *marks)]
        elif marks and not (wish.named.subjects or wish.named.emails):
            meant = list(unit[Sessions].of_upstream_sessions(sorted(marks)))
        else:
            return Done(wish.event, "nobody")
        mine = [row for row in meant if row.connection_id == connection_id]
        for row in mine:
            self._sessions.end(unit, row, REASON)
        return Done(wish.event, "sessions_ended", user.id if user is not None else None, len(mine))

    def _off(self, unit: TenantUnit, connection_id: str, wish: Wish, user: Person) -> Done:
        if not user.active:
            return Done(wish.event, "nothing", user.id)
        live = len(unit[Sessions].live_of_user(user.id))
        deactivate(unit, self._sessions, user, connection_id=connection_id)
        unit[SwitchedOff].note(user.id, connection_id)
        return Done(wish.event, "switched_off", user.id, live)

    def _on(self, unit: TenantUnit, connection_id: str, wish: Wish, user: Person) -> Done:
        """Only whom this connection switched off and nobody has changed since, and nobody whom a directory keeps."""
        row = unit[SwitchedOff].get(user.id)
        if row is None or row.connection_id != connection_id or user.updated_at > row.at:
            return Done(wish.event, "nothing", user.id)
        if user.active or user.directory_id is not None:
            return Done(wish.event, "nothing", user.id)
        unit[SwitchedOff].forget(row)
        reactivate(unit, user, connection_id=connection_id)
        return Done(wish.event, "switched_on", user.id)


def _meant(unit: TenantUnit, connection_id: str, named: Named) -> Person | None:
    """The one person, held for this transaction. A subject goes before an address; two people are as good as none."""
    for subject in named.subjects:
        identity = unit[Identities].get(connection_id, subject)
        if identity is not None:
            return _held(unit, identity.user_id)
    proven = ProvenDomains(unit)
    addresses = [address for address in named.emails if proven.own(address)]
    people = [user for user in unit[People].with_emails(addresses) if user.email_verified] if addresses else []
    known = unit[Identities].connections_of([user.id for user in people])
    meant = [user.id for user in people if connection_id in known.get(user.id, [connection_id])]
    return _held(unit, meant[0]) if len(meant) == 1 else None


def _held(unit: TenantUnit, user_id: str) -> Person | None:
    """In the order of a directory that speaks of him at the same moment: neither waits for the other in a ring."""
    unit[Resources].hold_person(user_id)
    return unit[People].held(user_id)
