"""The replay store: what an IdP vouched with once is not admitted twice, on whatever replica it arrives."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, col

from idbroker.federation.contract import ReplyRefused
from idbroker.kernel.secrets import digest
from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, changed


class SeenReply(TenantRow, table=True):
    """The digest of an admitted reply's key, remembered until the reply could not be valid any more."""

    __tablename__ = "seen_replies"

    connection_id: str = Field(primary_key=True)
    key_digest: str = Field(primary_key=True)
    until: datetime = Field(sa_type=UtcDateTime)


class SeenReplies(TenantRepository):
    def claim(self, connection_id: str, key: str, until: datetime) -> None:
        """Remember it. Raises ReplyRefused when it was admitted before; the primary key decides a race."""
        row = SeenReply(tenant_id=self.tenant, connection_id=connection_id, key_digest=digest(key), until=until)
        self.session.add(row)
        try:
            self.session.flush()
        except IntegrityError as error:
            raise ReplyRefused(
                "reply_replayed", "This sign-in answer was used before. Please start again.", detail="seen before"
            ) from error

    def purge(self) -> int:
        statement = delete(SeenReply).where(col(SeenReply.until) < self.now())
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))
