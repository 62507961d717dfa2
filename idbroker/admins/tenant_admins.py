"""A tenant's admins: people with a role in its administration, invited by e-mail, signed in by their own IdP or a link."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Index, func, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, col, select

from idbroker.access.admin_roles import check_grant, check_not_above
from idbroker.access.permissions import Permission
from idbroker.admins.operators import LinkGone
from idbroker.audit.outbox import Outbox
from idbroker.directory.model import Users
from idbroker.kernel.addresses import BadAddress, normal_email
from idbroker.kernel.errors import Conflict, NotFound, invalid_field
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.sessions.handles import Handle, new_handle
from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.unit import TenantRepository, TenantUnit, changed

INVITATION_LIFE = timedelta(days=7)
MAX_ADMINS = 500


class TenantAdmin(TenantRow, table=True):
    """One admin of one tenant. ``user_id`` is the person, once one of that address has signed in through the tenant's IdP."""

    __tablename__ = "tenant_admins"
    __table_args__ = (Index("uq_tenant_admins_tenant_id_email", "tenant_id", "email", unique=True),)

    id: str = Field(primary_key=True)
    email: str
    role: str
    user_id: str | None = None
    invitation_digest: str | None = None
    invitation_expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_sign_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TenantAdmins(TenantRepository):
    def add(self, row: TenantAdmin) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, admin_id: str) -> TenantAdmin | None:
        return self.keyed(TenantAdmin, admin_id)

    def with_email(self, email: str) -> TenantAdmin | None:
        return self.session.execute(select(TenantAdmin).where(TenantAdmin.email == email)).scalars().first()

    def invited_by(self, handle: Handle) -> TenantAdmin | None:
        """Whom an invitation that may still be used invites."""
        statement = select(TenantAdmin).where(TenantAdmin.invitation_digest == handle.digest)
        row = self.session.execute(statement).scalars().first()
        good = row is not None and row.invitation_expires_at is not None and row.invitation_expires_at > self.now()
        return row if good else None

    def spend(self, handle: Handle) -> bool:
        """Of any number of callers at the same moment one gets True."""
        statement = (
            update(TenantAdmin)
            .where(col(TenantAdmin.invitation_digest) == handle.digest, col(TenantAdmin.invitation_expires_at) > self.now())
            .values(invitation_digest=None, invitation_expires_at=None)
        )
        return changed(self.session.execute(statement.execution_options(synchronize_session=False))) == 1

    def page(self, *, text: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[TenantAdmin]:
        statement = select(TenantAdmin).order_by(col(TenantAdmin.id)).limit(limit)
        if text:
            statement = statement.where(col(TenantAdmin.email).icontains(text, autoescape=True))
        if after:
            statement = statement.where(col(TenantAdmin.id) > after)
        return self.session.execute(statement).scalars().all()

    def with_role(self, role: str) -> int:
        return self.session.execute(select(func.count()).where(TenantAdmin.role == role)).scalar_one()

    def owners(self) -> Sequence[TenantAdmin]:
        """Held until this transaction is over, in one order: of several who take the last ones away, each sees what the others
        left."""
        statement = select(TenantAdmin).where(TenantAdmin.role == "owner").order_by(col(TenantAdmin.id)).with_for_update()
        return self.session.execute(statement, execution_options={"populate_existing": True}).scalars().all()

    def check_one_left(self, leaving: Collection[str]) -> None:
        """Raise Conflict when no owner who can get in is left without those. Where none can, the rows themselves count."""
        owners = self.owners()
        counted = [row for row in owners if self._can_get_in(row)] or owners
        if counted and {row.id for row in counted} <= set(leaving):
            raise Conflict("last_owner", "This is the tenant's last owner who can get in. Make somebody else an owner first.")

    def _can_get_in(self, row: TenantAdmin) -> bool:
        """Who is switched off as a person is kept out, whatever he holds (``visits``)."""
        person = self.unit[Users].get(row.user_id) if row.user_id is not None else None
        if row.user_id is not None and (person is None or not person.active):
            return False
        return row.last_sign_in_at is not None or (
            row.invitation_expires_at is not None and row.invitation_expires_at > self.now()
        )

    def delete(self, row: TenantAdmin) -> None:
        self.session.delete(row)
        self.session.flush()


class TenantAdminService:
    """``held``: the permissions of whoever does it. Nobody grants, changes or removes what is above himself."""

    def invite(self, unit: TenantUnit, email: str, role: str, held: frozenset[Permission]) -> tuple[TenantAdmin, Handle]:
        """A new admin with the handle of his invitation. Raises Conflict when he is one already."""
        check_grant(unit, role, held)
        try:
            address = normal_email(email)
        except BadAddress as error:
            raise invalid_field("/email", f"{error}.") from error
        if len(unit[TenantAdmins].page(limit=MAX_ADMINS)) >= MAX_ADMINS:
            raise Conflict("too_many_admins", f"A tenant can have {MAX_ADMINS} admins.")
        row = TenantAdmin(tenant_id=unit.scope.tenant, id=new_id("adm"), email=address, role=role, created_at=unit.clock.now())
        handle = _invitation(unit, row)
        try:
            unit[TenantAdmins].add(row)
        except IntegrityError as error:
            raise Conflict("admin_exists", "There is an admin with this address already.") from error
        _record(unit, "admin.invited", row, context={"role": role})
        return row, handle

    def invite_again(self, unit: TenantUnit, admin_id: str, held: frozenset[Permission]) -> tuple[TenantAdmin, Handle]:
        """A fresh invitation; the one before ends."""
        row = self.known(unit, admin_id)
        check_not_above(unit, row.role, held)
        handle = _invitation(unit, row)
        _record(unit, "admin.invited", row, context={"role": row.role})
        return row, handle

    def change_role(self, unit: TenantUnit, admin_id: str, role: str, held: frozenset[Permission]) -> TenantAdmin:
        row = self.known(unit, admin_id)
        check_not_above(unit, row.role, held)
        check_grant(unit, role, held)
        if role == row.role:
            return row
        if row.role == "owner":
            unit[TenantAdmins].check_one_left([row.id])
        change = Change(row.role, role)
        row.role = role
        _record(unit, "admin.updated", row, changes={"role": change})
        return row

    def remove(self, unit: TenantUnit, admin_id: str, held: frozenset[Permission]) -> None:
        row = self.known(unit, admin_id)
        check_not_above(unit, row.role, held)
        if row.role == "owner":
            unit[TenantAdmins].check_one_left([row.id])
        unit[TenantAdmins].delete(row)
        _record(unit, "admin.removed", row, context={"role": row.role})

    def invited(self, unit: TenantUnit, handle: Handle) -> TenantAdmin:
        """Raises LinkGone."""
        row = unit[TenantAdmins].invited_by(handle)
        if row is None:
            raise LinkGone("no such invitation")
        return row

    def accept(self, unit: TenantUnit, handle: Handle) -> TenantAdmin:
        """Spend the invitation. Raises LinkGone."""
        row = self.invited(unit, handle)
        if not unit[TenantAdmins].spend(handle):
            raise LinkGone("spent by another request in the same moment")
        unit.session.refresh(row)
        return self.signed_in(unit, row, "invitation")

    def signed_in(self, unit: TenantUnit, row: TenantAdmin, by: str) -> TenantAdmin:
        row.last_sign_in_at = unit.clock.now()
        _record(unit, "admin.signed_in", row, context={"by": by})
        return row

    def known(self, unit: TenantUnit, admin_id: str) -> TenantAdmin:
        row = unit[TenantAdmins].get(admin_id)
        if row is None:
            raise NotFound("admin")
        return row


def _invitation(unit: TenantUnit, row: TenantAdmin) -> Handle:
    handle = new_handle(unit.scope.tenant)
    row.invitation_digest, row.invitation_expires_at = handle.digest, unit.clock.now() + INVITATION_LIFE
    return handle


def _record(
    unit: TenantUnit,
    action: str,
    row: TenantAdmin,
    *,
    changes: dict[str, Change] | None = None,
    context: dict[str, str] | None = None,
) -> None:
    unit[Outbox].record(Event(action, Resource("admin", row.id, row.email), changes or {}, context or {}))
