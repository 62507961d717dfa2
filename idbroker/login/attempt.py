"""One sign-in attempt as a row: where it came from, where it was sent, how it ended. Short-lived, purged after expiry.

States: ``open`` (no connection yet) → ``sent`` (at the IdP) → ``done`` (a session stands) → ``spent`` (resumed, once).
A test sign-in ends as ``tested``.
A refused reply leaves it ``sent``: a forgery must not cost the person the genuine answer. The handle is stored hashed, and
so is the browser's secret that the attempt is bound to.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, delete, update
from sqlmodel import Field, col

from idbroker.kernel.secrets import digest
from idbroker.storage.rows import JsonColumn, PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, changed


class Attempt(PlatformRow, table=True):
    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_expires_at", "expires_at"),)

    handle_digest: str = Field(primary_key=True)
    browser_digest: str
    state: str = "open"
    origin: dict[str, Any] = Field(sa_type=JsonColumn)
    """What the one who began it wants back when it is done: opaque here."""
    resume_path: str
    app_id: str | None = None
    app_name: str | None = None
    app_tenants: list[str] | None = Field(default=None, sa_type=JsonColumn)
    pinned_tenant: str | None = None
    tenant_id: str | None = None
    connection_id: str | None = None
    login_hint: str | None = None
    force_authn: bool = False
    max_age: int | None = None
    acr_values: str | None = None
    """What the app would like of the IdP, words between spaces."""
    prompt: str | None = None
    """``select_account``, where the app asked for it."""
    route: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    session_id: str | None = None
    test_id: str | None = None
    """The test sign-in that this is: it ends at a report, never at a session."""
    candidate_id: str | None = None
    """The candidate through which a test goes; None for the live configuration."""


PENDING = ("open", "sent")
PROGRESS = ("state", "tenant_id", "connection_id", "login_hint", "route", "sent_at")
"""What a step of a pending attempt may change."""


class Attempts(PlatformRepository):
    def add(self, row: Attempt) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, handle: str) -> Attempt | None:
        """Whatever its state, as long as it has not expired."""
        row = self.keyed(Attempt, digest(handle))
        return row if row is not None and row.expires_at > self.now() else None

    def keep(self, row: Attempt) -> bool:
        """Write how far the attempt has come: insert it, or update it unless it has ended meanwhile (then False)."""
        stored = self.keyed(Attempt, row.handle_digest)
        if stored is None:
            self.add(row)
            return True
        if stored.state not in PENDING:
            return False
        for field in PROGRESS:
            setattr(stored, field, getattr(row, field))
        return True

    def finish(self, handle: str, connection: str, session_id: str) -> bool:
        """``sent`` → ``done``, for one caller only."""
        return self._move(handle, "sent", "done", session_id=session_id, connection=connection)

    def end_test(self, handle: str) -> bool:
        """``sent`` → ``tested``, for one caller only. Nothing resumes from there."""
        return self._move(handle, "sent", "tested")

    def spend(self, handle: str) -> bool:
        """``done`` → ``spent``, for one caller only."""
        return self._move(handle, "done", "spent")

    def purge(self, older_than: timedelta) -> int:
        statement = delete(Attempt).where(col(Attempt.expires_at) < self.now() - older_than)
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))

    def _move(
        self, handle: str, before: str, after: str, *, session_id: str | None = None, connection: str | None = None
    ) -> bool:
        statement = update(Attempt).where(col(Attempt.handle_digest) == digest(handle), col(Attempt.state) == before)
        if connection is not None:
            statement = statement.where(col(Attempt.connection_id) == connection)
        values = {"state": after} if session_id is None else {"state": after, "session_id": session_id}
        result = self.session.execute(statement.values(values).execution_options(synchronize_session=False))
        return changed(result) == 1
