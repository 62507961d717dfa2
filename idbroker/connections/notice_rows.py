"""Of what a tenant has been told already, so that it is told once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import Field, col

from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, changed


class ConnectionNotice(TenantRow, table=True):
    """``subject`` is a certificate's SHA-256 or ``sha1:<last day>``; ``level`` the fewest days ahead that were told of."""

    __tablename__ = "connection_notices"

    connection_id: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    level: int
    at: datetime = Field(sa_type=UtcDateTime)


class ConnectionNotices(TenantRepository):
    def lower(self, connection_id: str, subject: str, level: int) -> ConnectionNotice | None:
        """The notice where this level is news. Raises IntegrityError when another worker tells of it at this very moment."""
        row = self.keyed(ConnectionNotice, connection_id, subject)
        if row is None:
            row = ConnectionNotice(
                tenant_id=self.tenant, connection_id=connection_id, subject=subject, level=level, at=self.now()
            )
            self.session.add(row)
            self.session.flush()
            return row
        statement = (
            update(ConnectionNotice)
            .where(
                col(ConnectionNotice.connection_id) == connection_id,
                col(ConnectionNotice.subject) == subject,
                col(ConnectionNotice.level) > level,
            )
            .values(level=level, at=self.now())
        )
        news = changed(self.session.execute(statement.execution_options(synchronize_session=False))) == 1
        return row if news else None

    def forget(self, connection_id: str) -> None:
        statement = delete(ConnectionNotice).where(col(ConnectionNotice.connection_id) == connection_id)
        self.session.execute(statement.execution_options(synchronize_session=False))
