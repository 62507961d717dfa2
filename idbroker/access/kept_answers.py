"""Answers that are kept for a day, so that a call that is sent again with its ``Idempotency-Key`` is not done again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Index
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, col, delete, update

from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, changed

KEPT = timedelta(days=1)


class KeptAnswer(TenantRow, table=True):
    """``sealed`` is the answer under the tenant's data key: it can hold a secret that is shown once. None until it is there."""

    __tablename__ = "kept_answers"
    __table_args__ = (Index("ix_kept_answers_tenant_id_begun_at", "tenant_id", "begun_at"),)

    key_digest: str = Field(primary_key=True)
    request_digest: str
    begun_at: datetime = Field(sa_type=UtcDateTime)
    status: int | None = None
    sealed: bytes | None = None


class KeptAnswers(TenantRepository):
    def get(self, key_digest: str) -> KeptAnswer | None:
        return self.keyed(KeptAnswer, key_digest)

    def claim(self, key_digest: str, request_digest: str) -> KeptAnswer | None:
        """None for the one who is first, of two at once for one of them; else what the first has left."""
        row = KeptAnswer(tenant_id=self.tenant, key_digest=key_digest, request_digest=request_digest, begun_at=self.now())
        try:
            with self.session.begin_nested():
                self.session.add(row)
        except IntegrityError:
            return self.get(key_digest) or row
        return None

    def finish(self, key_digest: str, status: int, sealed: bytes) -> None:
        finished = update(KeptAnswer).where(col(KeptAnswer.key_digest) == key_digest)
        self.session.execute(finished.values(status=status, sealed=sealed))

    def drop(self, key_digest: str) -> None:
        self.session.execute(delete(KeptAnswer).where(col(KeptAnswer.key_digest) == key_digest))

    def purge(self) -> int:
        return changed(self.session.execute(delete(KeptAnswer).where(col(KeptAnswer.begun_at) < self.now() - KEPT)))
