"""One trip to an IdP that is to end its session too, as a row: where the person goes afterwards, and what is still to do.

It lives minutes, is bound to the browser, and is taken once. Our own sessions have ended before it begins: nothing here
keeps anybody signed in, and nothing that comes back can end anything.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Index, delete
from sqlmodel import Field, col

from idbroker.kernel.secrets import digest
from idbroker.storage.rows import JsonColumn, PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, changed


class LogoutAttempt(PlatformRow, table=True):
    __tablename__ = "logout_attempts"
    __table_args__ = (Index("ix_logout_attempts_expires_at", "expires_at"),)

    handle_digest: str = Field(primary_key=True)
    browser_digest: str
    tenant_id: str
    connection_id: str
    session_id: str
    waiting: list[list[str]] = Field(sa_type=JsonColumn)
    """(tenant, session) of the ended sessions whose IdPs come after this one."""
    troubles: list[str] = Field(sa_type=JsonColumn)
    """What the person must be told at the end, in sentences."""
    location: str | None = None
    """Where the browser goes at the end; None for our own page."""
    app_name: str | None = None
    expires_at: datetime = Field(sa_type=UtcDateTime)


class LogoutAttempts(PlatformRepository):
    def add(self, row: LogoutAttempt) -> None:
        self.session.add(row)
        self.session.flush()

    def pending(self, handle: str, browser: str, connection_id: str) -> LogoutAttempt | None:
        """That connection's, begun by that browser, and not expired."""
        row = self.keyed(LogoutAttempt, digest(handle))
        if row is None or row.expires_at <= self.now():
            return None
        return row if (row.browser_digest, row.connection_id) == (digest(browser), connection_id) else None

    def take(self, row: LogoutAttempt) -> bool:
        """For one caller only."""
        statement = delete(LogoutAttempt).where(col(LogoutAttempt.handle_digest) == row.handle_digest)
        return changed(self.session.execute(statement.execution_options(synchronize_session=False))) == 1

    def purge(self, older_than: timedelta) -> int:
        statement = delete(LogoutAttempt).where(col(LogoutAttempt.expires_at) < self.now() - older_than)
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))
