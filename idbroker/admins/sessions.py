"""Sessions of administration: kept on the server, found by id, proven by a secret of which only the digest is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Index, and_, delete, update
from sqlmodel import Field, col, select

from idbroker.kernel.ids import TenantId, is_id, new_id
from idbroker.kernel.secrets import digest, matches, new_secret
from idbroker.storage.rows import PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, changed

Kind = Literal["operator", "admin", "setup"]
LIFE = {"operator": timedelta(hours=12), "admin": timedelta(hours=12), "setup": timedelta(hours=12)}
IDLE = timedelta(hours=2)
SEEN_EVERY = timedelta(minutes=5)
ENTRY_LIFE = timedelta(hours=1)


class AdminSession(PlatformRow, table=True):
    """``subject_id``: the operator, the tenant's admin or the setup link. ``person_session_id``: the broker's own session of
    the person, with which this one ends."""

    __tablename__ = "admin_sessions"
    __table_args__ = (Index("ix_admin_sessions_expires_at", "expires_at"), Index("ix_admin_sessions_subject_id", "subject_id"))

    id: str = Field(primary_key=True)
    kind: str
    subject_id: str
    tenant_id: str | None = None
    person_session_id: str | None = None
    secret_digest: str
    ip: str | None = None
    user_agent: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TenantEntry(PlatformRow, table=True):
    """An operator's leave to work in one tenant, for an hour, with the reason that the tenant's trail holds."""

    __tablename__ = "tenant_entries"

    session_id: str = Field(primary_key=True)
    tenant_id: str = Field(primary_key=True)
    reason: str
    until: datetime = Field(sa_type=UtcDateTime)


class AdminSessions(PlatformRepository):
    def open(
        self, kind: Kind, subject_id: str, tenant: TenantId | None, *, person_session_id: str | None = None
    ) -> tuple[AdminSession, str]:
        """Begin one. The second value is the cookie; it is always a fresh one, whatever the browser presented before."""
        secret, now = new_secret(), self.now()
        row = AdminSession(
            id=new_id("ads"),
            kind=kind,
            subject_id=subject_id,
            tenant_id=tenant,
            person_session_id=person_session_id,
            secret_digest=digest(secret),
            ip=self.unit.actor.ip,
            user_agent=(self.unit.actor.user_agent or "")[:400] or None,
            created_at=now,
            last_seen_at=now,
            expires_at=now + LIFE[kind],
        )
        self.session.add(row)
        self.session.flush()
        return row, f"{row.id}.{secret}"

    def find(self, cookie: str) -> AdminSession | None:
        """The live session that a cookie proves, None for anything else."""
        session_id, _, secret = cookie.partition(".")
        row = self.keyed(AdminSession, session_id) if is_id(session_id, "ads") else None
        if row is None or not matches(secret, row.secret_digest):
            return None
        now = self.now()
        live = row.ended_at is None and row.expires_at > now and row.last_seen_at + IDLE > now
        return row if live else None

    def is_stale(self, row: AdminSession) -> bool:
        """Whether ``seen`` is due: not at every page, since writers queue."""
        return self.now() - row.last_seen_at >= SEEN_EVERY

    def seen(self, session_id: str) -> None:
        statement = update(AdminSession).where(col(AdminSession.id) == session_id).values(last_seen_at=self.now())
        self.session.execute(statement.execution_options(synchronize_session=False))

    def end(self, session_id: str) -> bool:
        """False when it was over already."""
        return self._end(col(AdminSession.id) == session_id) == 1

    def end_of(self, subject_id: str) -> int:
        """Everywhere at once."""
        return self._end(col(AdminSession.subject_id) == subject_id)

    def end_vouched(self) -> int:
        """Those of operators that came through an identity provider."""
        return self._end(and_(col(AdminSession.kind) == "operator", col(AdminSession.person_session_id).is_not(None)))

    def live_of(self, subject_id: str) -> Sequence[AdminSession]:
        statement = select(AdminSession).where(
            AdminSession.subject_id == subject_id,
            col(AdminSession.ended_at).is_(None),
            col(AdminSession.expires_at) > self.now(),
        )
        return self.session.execute(statement.order_by(col(AdminSession.id)).limit(100)).scalars().all()

    def enter(self, session_id: str, tenant: TenantId, reason: str) -> None:
        until = self.now() + ENTRY_LIFE
        row = self.keyed(TenantEntry, session_id, tenant)
        if row is None:
            self.session.add(TenantEntry(session_id=session_id, tenant_id=tenant, reason=reason, until=until))
        else:
            row.reason, row.until = reason, until
        self.session.flush()

    def entry(self, session_id: str, tenant: TenantId) -> TenantEntry | None:
        row = self.keyed(TenantEntry, session_id, tenant)
        return row if row is not None and row.until > self.now() else None

    def leave(self, session_id: str, tenant: TenantId) -> None:
        row = self.keyed(TenantEntry, session_id, tenant)
        if row is not None:
            self.session.delete(row)

    def purge(self) -> int:
        """Forget what is over."""
        now = self.now()
        silent = {"synchronize_session": False}
        self.session.execute(delete(TenantEntry).where(col(TenantEntry.until) <= now).execution_options(**silent))
        gone = delete(AdminSession).where(col(AdminSession.expires_at) <= now)
        return changed(self.session.execute(gone.execution_options(**silent)))

    def _end(self, which: object) -> int:
        statement = update(AdminSession).where(which, col(AdminSession.ended_at).is_(None)).values(ended_at=self.now())  # type: ignore[arg-type] # a condition
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))
