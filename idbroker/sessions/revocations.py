"""What an ending took along, and who has to hear of it: receipts, and the logout tokens that apps are still to be sent.

Written in the transaction that ends the sessions; the deliveries are made later, by ``oidc.provider.backchannel``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Index, case, delete, func
from sqlmodel import Field, col, or_, select

from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId, new_id
from idbroker.sessions.model import AuthorizationCode
from idbroker.storage.rows import IndexRow, TenantRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, TenantRepository, TenantUnit, changed

KEPT_FOR = timedelta(days=90)


class Revocation(TenantRow, table=True):
    """One ending: a sign-out, an administrator's wish, a deactivation; of one session or of all that a person had."""

    __tablename__ = "revocations"
    __table_args__ = (Index("ix_revocations_tenant_id_user_id", "tenant_id", "user_id"),)

    id: str = Field(primary_key=True)
    user_id: str
    cause: str
    requested_at: datetime = Field(sa_type=UtcDateTime)
    sessions: int = 0
    refresh_families: int = 0


class LogoutDelivery(TenantRow, table=True):
    """A logout token for one app about one session. ``issuer`` is the one where the app got its tokens."""

    __tablename__ = "logout_deliveries"
    __table_args__ = (Index("ix_logout_deliveries_tenant_id_revocation_id", "tenant_id", "revocation_id"),)

    id: str = Field(primary_key=True)
    revocation_id: str
    session_id: str
    user_id: str
    client_id: str
    issuer: str
    status: str = "pending"
    """``pending``, ``confirmed``, ``failed``."""
    attempts: int = 0
    """0 in a failed one: there was no way to tell the app."""
    at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was last tried."""
    error: str | None = None


class LogoutDue(IndexRow, table=True):
    """Which tenant has a delivery to make, and when: so that the worker need not ask every tenant."""

    __tablename__ = "logouts_due"
    __table_args__ = (Index("ix_logouts_due_due_at", "due_at"),)

    delivery_id: str = Field(primary_key=True)
    due_at: datetime = Field(sa_type=UtcDateTime)
    client_id: str | None = None
    """None in rows from before there was this column."""


class LogoutsDue(PlatformRepository):
    def apps_due(self, limit: int = 500) -> list[str | None]:
        """The apps that are to be told something now, those that have waited longest first."""
        statement = (
            select(LogoutDue.client_id)
            .where(col(LogoutDue.due_at) <= self.now())
            .group_by(col(LogoutDue.client_id))
            .order_by(func.min(LogoutDue.due_at))
            .limit(limit)
        )
        return list(self.session.execute(statement).scalars())

    def now_due(self, client_id: str | None, limit: int = 50) -> list[tuple[TenantId, str]]:
        """(tenant, delivery) of an app whose time has come, oldest first."""
        statement = select(LogoutDue).where(col(LogoutDue.due_at) <= self.now(), LogoutDue.client_id == client_id)
        rows = self.session.execute(statement.order_by(col(LogoutDue.due_at)).limit(limit)).scalars()
        return [(TenantId(row.tenant_id), row.delivery_id) for row in rows]


class Revocations(TenantRepository):
    def __init__(self, unit: TenantUnit) -> None:
        super().__init__(unit)
        self._noted: dict[tuple[str, str], Revocation] = {}

    def note(self, user_id: str, reason: str, *, session_id: str | None = None, families: int = 0) -> None:
        """A session has ended, or families alone. All that one transaction ends of a person for one reason is one receipt."""
        row = self._noted.get((user_id, reason))
        if row is None and session_id is None and families == 0:
            return
        if row is None:
            row = Revocation(tenant_id=self.tenant, id=new_id("rev"), user_id=user_id, cause=reason, requested_at=self.now())
            self.session.add(row)
            self._noted[user_id, reason] = row
        row.refresh_families += families
        if session_id is not None:
            row.sessions += 1
            self._plan(row, session_id)

    def of_user(self, user_id: str) -> Sequence[Revocation]:
        """Newest first."""
        statement = select(Revocation).where(Revocation.user_id == user_id).order_by(col(Revocation.id).desc()).limit(100)
        return self.session.execute(statement).scalars().all()

    def deliveries(self, ids: Sequence[str]) -> Sequence[LogoutDelivery]:
        """Those of several revocations, in the order in which they were planned."""
        statement = select(LogoutDelivery).where(col(LogoutDelivery.revocation_id).in_(ids)).order_by(col(LogoutDelivery.id))
        return self.session.execute(statement).scalars().all()

    def times(self, since: datetime, limit: int) -> Sequence[tuple[datetime, datetime | None, int, int]]:
        """(when it was asked for, when the last app answered, how many are pending, how many failed) of each ending since then
        of which an app was to hear and could; the newest ones."""
        waiting = func.sum(case((col(LogoutDelivery.status) == "pending", 1), else_=0))
        failed = func.sum(case((col(LogoutDelivery.status) == "failed", 1), else_=0))
        statement = (
            select(Revocation.requested_at, func.max(LogoutDelivery.at), waiting, failed)
            .join(LogoutDelivery, col(LogoutDelivery.revocation_id) == Revocation.id)
            .where(col(Revocation.requested_at) >= since, LogoutDelivery.tenant_id == Revocation.tenant_id)
            .where(or_(LogoutDelivery.status == "pending", col(LogoutDelivery.attempts) > 0))
            .group_by(col(Revocation.id), col(Revocation.requested_at))
            .order_by(col(Revocation.requested_at).desc())
            .limit(limit)
        )
        return [(row[0], row[1], int(row[2]), int(row[3])) for row in self.session.execute(statement)]

    def take(self, delivery_id: str, pauses: Sequence[int]) -> LogoutDelivery | None:
        """A delivery to try now, counted as tried; None when it is not due any more. ``pauses``: seconds to the next attempt,
        after the first, the second and so on.
        """
        statement = select(LogoutDue).where(LogoutDue.delivery_id == delivery_id).with_for_update()
        due = self.session.execute(statement).scalars().first()
        row = self.keyed(LogoutDelivery, delivery_id)
        if due is None or due.tenant_id != self.tenant or due.due_at > self.now() or row is None:
            return None
        row.attempts, row.at = row.attempts + 1, self.now()
        due.due_at = self.now() + timedelta(seconds=pauses[min(row.attempts, len(pauses)) - 1])
        return row

    def finish(self, delivery_id: str, status: str, error: str | None = None) -> timedelta | None:
        """It is done, or given up. When nothing else of the receipt is pending: how long all of it took."""
        row = self.keyed(LogoutDelivery, delivery_id)
        self._forget_due(delivery_id)
        if row is None or row.status != "pending":
            return None
        row.status, row.error, row.at = status, error, self.now()
        if status == "failed":
            self._tell_failure(row)
        self.session.flush()
        return self._took(row.revocation_id)

    def _tell_failure(self, row: LogoutDelivery) -> None:
        context = {
            "app": row.client_id,
            "user_id": row.user_id,
            "revocation_id": row.revocation_id,
            "attempts": row.attempts,
            "error": row.error,
        }
        event = Event("session.logout_failed", Resource("session", row.session_id), context=context, session_id=row.session_id)
        self.unit[Outbox].record(event)

    def _took(self, revocation_id: str) -> timedelta | None:
        pending = select(LogoutDelivery).where(
            LogoutDelivery.revocation_id == revocation_id, LogoutDelivery.status == "pending"
        )
        receipt = self.keyed(Revocation, revocation_id)
        if receipt is None or self.session.execute(pending.limit(1)).scalars().first() is not None:
            return None
        return self.now() - receipt.requested_at

    def fail(self, delivery_id: str, error: str) -> None:
        """It failed, and is tried again when ``take`` said."""
        row = self.keyed(LogoutDelivery, delivery_id)
        if row is not None:
            row.error = error

    def cannot_be_told(self, delivery_id: str, error: str) -> None:
        """There is no way to tell that app: the receipt says so. Nothing was tried, so no alarm is raised."""
        row = self.keyed(LogoutDelivery, delivery_id)
        self._forget_due(delivery_id)
        if row is not None:
            row.status, row.error, row.attempts, row.at = "failed", error, 0, None

    def purge(self) -> int:
        horizon = self.now() - KEPT_FOR
        old = self.session.execute(select(Revocation).where(col(Revocation.requested_at) < horizon).limit(1000)).scalars().all()
        ids = [row.id for row in old]
        self.session.execute(delete(LogoutDelivery).where(col(LogoutDelivery.revocation_id).in_(ids)))
        return changed(self.session.execute(delete(Revocation).where(col(Revocation.id).in_(ids))))

    def _forget_due(self, delivery_id: str) -> None:
        self.session.execute(delete(LogoutDue).where(col(LogoutDue.delivery_id) == delivery_id))

    def _plan(self, row: Revocation, session_id: str) -> None:
        """One for each app and issuer that got tokens under the session. Whether the app wants any is asked when it is sent."""
        codes = select(AuthorizationCode).where(
            AuthorizationCode.session_id == session_id, col(AuthorizationCode.consumed_at).is_not(None)
        )
        told = {(code.client_id, code.grant["issuer"]) for code in self.session.execute(codes).scalars() if code.grant}
        for client_id, issuer in sorted(told):
            delivery = LogoutDelivery(
                tenant_id=self.tenant,
                id=new_id("lgd"),
                revocation_id=row.id,
                session_id=session_id,
                user_id=row.user_id,
                client_id=client_id,
                issuer=issuer,
            )
            self.session.add(delivery)
            due = LogoutDue(tenant_id=self.tenant, delivery_id=delivery.id, due_at=self.now(), client_id=client_id)
            self.session.add(due)
