"""Starting, finding and ending sessions. Ending one ends, in the same transaction, all that hangs on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from idbroker.audit.outbox import Outbox
from idbroker.federation.logout import named_in
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.kernel.secrets import digest, matches, new_secret
from idbroker.keys.envelope import Envelope
from idbroker.sessions.handles import Handle, new_handle
from idbroker.sessions.model import AuthorizationCode, AuthorizationCodes, Session, Sessions
from idbroker.sessions.refresh import RefreshFamilies
from idbroker.sessions.revocations import Revocations
from idbroker.storage.unit import TenantUnit

CODE_SECONDS = 60
UPSTREAM_PURPOSE = "session-upstream:"


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a session came to be."""

    user_id: str
    connection_id: str
    authenticated_at: datetime
    amr: tuple[str, ...]
    acr: str | None
    upstream: dict[str, str]
    not_after: datetime | None
    """The IdP's own limit (SessionNotOnOrAfter), if it set one."""


class SessionService:
    def __init__(self, envelope: Envelope, *, lifetime: timedelta) -> None:
        self._envelope = envelope
        self._lifetime = lifetime

    def start(self, unit: TenantUnit, beginning: Beginning) -> tuple[Session, str]:
        """Begin a session. The second value is the cookie's part: session id and secret."""
        now, session_id, secret = unit.clock.now(), new_id("ses"), new_secret()
        expires = now + self._lifetime
        person, index = named_in(beginning.upstream)
        row = Session(
            tenant_id=unit.scope.tenant,
            id=session_id,
            user_id=beginning.user_id,
            connection_id=beginning.connection_id,
            secret_digest=digest(secret),
            authenticated_at=min(beginning.authenticated_at, now),
            amr=list(beginning.amr),
            acr=beginning.acr,
            upstream_person_digest=upstream_digest(beginning.connection_id, person),
            upstream_session_digest=upstream_digest(beginning.connection_id, index),
            upstream_sealed=self._envelope.seal(unit, UPSTREAM_PURPOSE + session_id, json.dumps(beginning.upstream).encode()),
            ip=unit.scope.actor.ip,
            user_agent=(unit.scope.actor.user_agent or "")[:400] or None,
            started_at=now,
            last_seen_at=now,
            expires_at=min(expires, beginning.not_after) if beginning.not_after else expires,
        )
        unit[Sessions].add(row)
        unit[Outbox].record(
            Event(
                "session.started",
                Resource("session", session_id),
                context={"user_id": beginning.user_id, "connection_id": beginning.connection_id},
                session_id=session_id,
            )
        )
        return row, str(Handle(unit.scope.tenant, f"{session_id}.{secret}"))

    def find(self, unit: TenantUnit, handle: Handle) -> Session | None:
        """The live session that a cookie's handle proves, None for anything else."""
        session_id, _, secret = handle.secret.partition(".")
        row = unit[Sessions].get(session_id)
        if row is None or not matches(secret, row.secret_digest) or not is_live(row, unit.clock.now()):
            return None
        return row

    def end(self, unit: TenantUnit, row: Session, reason: str) -> None:
        """Dead from this transaction on: the session, its codes, and userinfo for the tokens given under it."""
        if row.ended_at is not None:
            return
        row.ended_at, row.end_reason = unit.clock.now(), reason
        unit[AuthorizationCodes].revoke_of_session(row.id)
        families = unit[RefreshFamilies].end_of_session(row.id, reason)
        unit[Revocations].note(row.user_id, reason, session_id=row.id, families=families)
        unit[Outbox].record(
            Event(
                "session.ended",
                Resource("session", row.id),
                context={"user_id": row.user_id, "reason": reason},
                session_id=row.id,
            )
        )

    def end_all(self, unit: TenantUnit, user_id: str, reason: str) -> Sequence[Session]:
        if not unit[Sessions].anything_open(user_id):
            return ()
        rows = unit[Sessions].live_of_user(user_id)
        for row in rows:
            self.end(unit, row, reason)
        unit[Revocations].note(user_id, reason, families=unit[RefreshFamilies].end_of_user(user_id, reason))
        return rows

    def end_upstream(
        self, unit: TenantUnit, connection_id: str, person: str | None, sessions: Sequence[str], reason: str
    ) -> int:
        """End the live sessions that an IdP's logout names: those of ``sessions``, or all of the person's. Answers how many."""
        named = {digest(f"{connection_id}\n{index}") for index in sessions}
        if person is None:
            rows = unit[Sessions].of_upstream_sessions(sorted(named))
        else:
            rows = unit[Sessions].of_upstream(upstream_digest(connection_id, person) or "")
        # A session whose IdP gave it no name cannot be told from the one that is meant.
        meant = [row for row in rows if not named or row.upstream_session_digest in (None, *named)]
        for row in meant:
            self.end(unit, row, reason)
        return len(meant)

    def upstream(self, unit: TenantUnit, row: Session) -> dict[str, str]:
        """What the sign-in kept for a logout at the IdP."""
        if row.upstream_sealed is None:
            return {}
        kept: dict[str, str] = json.loads(self._envelope.open(unit, UPSTREAM_PURPOSE + row.id, row.upstream_sealed))
        return kept

    def grant_code(self, unit: TenantUnit, session: Session, client_id: str, grant: dict[str, Any]) -> str:
        """An authorization code under a session, for one client. Returns what goes to the browser."""
        handle = new_handle(unit.scope.tenant)
        unit[AuthorizationCodes].add(
            AuthorizationCode(
                tenant_id=unit.scope.tenant,
                digest=handle.digest,
                session_id=session.id,
                client_id=client_id,
                grant=grant,
                expires_at=unit.clock.now() + timedelta(seconds=CODE_SECONDS),
            )
        )
        unit[Sessions].note_app(session.id, client_id)
        session.last_seen_at = unit.clock.now()
        return str(handle)


def upstream_digest(connection_id: str, name: str | None) -> str | None:
    """By which a name that an IdP uses is found again; the same name of another connection is another one."""
    return None if name is None else digest(f"{connection_id}\n{name}")


def is_live(row: Session, now: datetime) -> bool:
    return row.ended_at is None and row.expires_at > now
