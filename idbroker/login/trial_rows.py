"""Test sign-ins as rows: a link that works once, and what came of it, sealed, for a week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Index, delete, update
from sqlmodel import Field, col, select

from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, changed


class TrialSignIn(TenantRow, table=True):
    """States: ``created`` → ``started`` (the link is spent) → ``passed`` or ``failed``."""

    __tablename__ = "test_sign_ins"
    __table_args__ = (
        Index("uq_test_sign_ins_tenant_id_link_digest", "tenant_id", "link_digest", unique=True),
        Index("ix_test_sign_ins_tenant_id_connection_id", "tenant_id", "connection_id"),
    )

    id: str = Field(primary_key=True)
    connection_id: str
    candidate_id: str | None = None
    link_digest: str
    state: str = "created"
    code: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    link_expires_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    sealed: bytes | None = None


class TrialSignIns(TenantRepository):
    def add(self, row: TrialSignIn) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, test_id: str) -> TrialSignIn | None:
        row = self.keyed(TrialSignIn, test_id)
        return row if row is not None and row.until > self.now() else None

    def linked(self, digest: str) -> TrialSignIn | None:
        """The one of a link that may still be used."""
        row = self.session.execute(select(TrialSignIn).where(TrialSignIn.link_digest == digest)).scalars().first()
        return row if row is not None and row.state == "created" and row.link_expires_at > self.now() else None

    def start(self, test_id: str) -> bool:
        """Spend the link, for one browser only."""
        return self._move(test_id, "created", {"state": "started"})

    def finish(self, test_id: str, outcome: str, code: str | None, sealed: bytes) -> bool:
        """Keep what came of it, once."""
        return self._move(test_id, "started", {"state": outcome, "code": code, "sealed": sealed, "finished_at": self.now()})

    def newest(self, *, connection_id: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[TrialSignIn]:
        """Newest first; ``after`` is the last id of the page before."""
        statement = (
            select(TrialSignIn).where(col(TrialSignIn.until) > self.now()).order_by(col(TrialSignIn.id).desc()).limit(limit)
        )
        if connection_id is not None:
            statement = statement.where(TrialSignIn.connection_id == connection_id)
        if after is not None:
            statement = statement.where(col(TrialSignIn.id) < after)
        return self.session.execute(statement).scalars().all()

    def purge(self) -> int:
        statement = delete(TrialSignIn).where(col(TrialSignIn.until) <= self.now())
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))

    def _move(self, test_id: str, before: str, values: dict[str, object]) -> bool:
        statement = update(TrialSignIn).where(col(TrialSignIn.id) == test_id, col(TrialSignIn.state) == before).values(**values)
        return changed(self.session.execute(statement.execution_options(synchronize_session=False))) == 1
