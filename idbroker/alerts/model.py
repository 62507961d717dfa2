"""Alerts as rows, who gets mail of them, and how far into the trail they have come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, delete, update
from sqlmodel import Field, col, select

from idbroker.storage.rows import JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, changed

MAX_RECIPIENTS = 20


class Alert(TenantRow, table=True):
    """``status``: open, acknowledged, resolved. ``settled`` is empty until it is resolved, then its id: of one kind and
    subject there is one at a time that is not."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("uq_alerts_tenant_id_kind_subject_settled", "tenant_id", "kind", "subject", "settled", unique=True),
        Index("ix_alerts_tenant_id_mail_due_at", "tenant_id", "mail_due_at"),
    )

    id: str = Field(primary_key=True)
    kind: str
    subject: str
    settled: str = ""
    summary: str
    details: dict[str, Any] = Field(sa_type=JsonColumn)
    status: str = "open"
    times: int = 1
    opened_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acknowledged_by: str | None = None
    resolved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    mail_due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    mail_attempts: int = 0


class AlertCursor(TenantRow, table=True):
    """Up to which sequence the trail was looked through."""

    __tablename__ = "alert_cursors"

    sequence: int


class AlertRecipient(TenantRow, table=True):
    __tablename__ = "alert_recipients"

    email: str = Field(primary_key=True)


class Alerts(TenantRepository):
    def add(self, row: Alert) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, alert_id: str) -> Alert | None:
        return self.keyed(Alert, alert_id)

    def unsettled(self, alert_kind: str, subject: str) -> Alert | None:
        statement = select(Alert).where(Alert.kind == alert_kind, Alert.subject == subject, Alert.settled == "")
        return self.session.execute(statement).scalars().first()

    def unsettled_of(self, alert_kind: str) -> Sequence[Alert]:
        return self.session.execute(select(Alert).where(Alert.kind == alert_kind, Alert.settled == "")).scalars().all()

    def newest(self, statuses: Sequence[str], *, after: str | None = None, limit: int = 50) -> Sequence[Alert]:
        """Newest first; ``after`` is the last id of the page before."""
        statement = select(Alert).where(col(Alert.status).in_(statuses)).order_by(col(Alert.id).desc()).limit(limit)
        if after is not None:
            statement = statement.where(col(Alert.id) < after)
        return self.session.execute(statement).scalars().all()

    def to_mail(self, until: datetime, limit: int = 50) -> Sequence[Alert]:
        due = select(Alert).where(col(Alert.mail_due_at) <= until).order_by(col(Alert.id)).limit(limit)
        return self.session.execute(due).scalars().all()

    def claim_mail(self, alert_id: str, due: datetime, until: datetime) -> bool:
        """Of several workers one gets to mail it; where that one dies, it is due again at ``until``."""
        mine = update(Alert).where(col(Alert.id) == alert_id, col(Alert.mail_due_at) == due).values(mail_due_at=until)
        return changed(self.session.execute(mine.execution_options(synchronize_session=False))) == 1


class AlertCursors(TenantRepository):
    def get(self) -> int:
        row = self.keyed(AlertCursor)
        return row.sequence if row else 0

    def move(self, before: int, sequence: int) -> bool:
        """From where it was to there, for one caller only."""
        if before == 0 and self.keyed(AlertCursor) is None:
            self.session.add(AlertCursor(tenant_id=self.tenant, sequence=sequence))
            self.session.flush()
            return True
        forward = update(AlertCursor).where(col(AlertCursor.sequence) == before).values(sequence=sequence)
        return changed(self.session.execute(forward.execution_options(synchronize_session=False))) == 1


class AlertRecipients(TenantRepository):
    def all(self) -> list[str]:
        return list(self.session.execute(select(AlertRecipient.email).order_by(col(AlertRecipient.email))).scalars())

    def replace(self, emails: Sequence[str]) -> int:
        """How many there were before."""
        before = changed(self.session.execute(delete(AlertRecipient).execution_options(synchronize_session=False)))
        for email in dict.fromkeys(emails):
            self.session.add(AlertRecipient(tenant_id=self.tenant, email=email))
        self.session.flush()
        return before
