"""Diagnoses as rows: the whole report of a refused answer, sealed, for a week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Index, delete, func, or_
from sqlmodel import Field, col, select

from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, changed


class Diagnosis(TenantRow, table=True):
    """``code`` says nothing of a person; all that does is in ``sealed``."""

    __tablename__ = "diagnoses"
    __table_args__ = (Index("ix_diagnoses_tenant_id_connection_id_at", "tenant_id", "connection_id", "at"),)

    reference: str = Field(primary_key=True)
    connection_id: str
    attempt_digest: str
    code: str
    at: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    sealed: bytes


class Diagnoses(TenantRepository):
    def add(self, row: Diagnosis) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, reference: str) -> Diagnosis | None:
        """As long as it may be kept."""
        row = self.keyed(Diagnosis, reference)
        return row if row is not None and row.until > self.now() else None

    def newest(
        self, *, connection_id: str | None = None, before: tuple[datetime, str] | None = None, limit: int = 50
    ) -> Sequence[Diagnosis]:
        """Newest first, older than (at, reference) of ``before``."""
        order = (col(Diagnosis.at).desc(), col(Diagnosis.reference).desc())
        statement = select(Diagnosis).where(col(Diagnosis.until) > self.now()).order_by(*order).limit(limit)
        if connection_id is not None:
            statement = statement.where(Diagnosis.connection_id == connection_id)
        if before is not None:
            at, reference = before
            older = or_(col(Diagnosis.at) < at, (col(Diagnosis.at) == at) & (col(Diagnosis.reference) < reference))
            statement = statement.where(older)
        return self.session.execute(statement).scalars().all()

    def counts(self) -> dict[str, int]:
        """Connection → how many are kept."""
        statement = select(Diagnosis.connection_id, func.count()).where(col(Diagnosis.until) > self.now())
        return {row[0]: row[1] for row in self.session.execute(statement.group_by(col(Diagnosis.connection_id)))}

    def recent(self, connection_id: str, span: timedelta, limit: int) -> Sequence[str]:
        """The attempts (digests) of what was kept of that connection lately, one entry for each diagnosis."""
        statement = (
            select(Diagnosis.attempt_digest)
            .where(Diagnosis.connection_id == connection_id, col(Diagnosis.at) > self.now() - span)
            .limit(limit)
        )
        return self.session.execute(statement).scalars().all()

    def delete(self, row: Diagnosis) -> None:
        self.session.delete(row)
        self.session.flush()

    def trim(self, connection_id: str, keep: int) -> None:
        """Let go of the oldest, down to so many of that connection."""
        statement = (
            select(Diagnosis.reference)
            .where(Diagnosis.connection_id == connection_id)
            .order_by(col(Diagnosis.at).desc())
            .offset(keep)
            .limit(100)
        )
        beyond = self.session.execute(statement).scalars().all()
        if beyond:
            gone = delete(Diagnosis).where(col(Diagnosis.reference).in_(beyond))
            self.session.execute(gone.execution_options(synchronize_session=False))

    def purge(self) -> int:
        statement = delete(Diagnosis).where(col(Diagnosis.until) <= self.now())
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))
