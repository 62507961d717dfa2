"""The operators' tenant: the one tenant through whose identity provider operators may sign in, and what is asked of them there.

It is named at the command line alone. Who becomes an operator stays the operators' own business: a person of that tenant is
taken for an operator whose address he has, never made one. See docs/decisions/0041.
"""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import Field, col

from idbroker.admins.operators import Operator
from idbroker.admins.sessions import AdminSession, AdminSessions
from idbroker.audit.outbox import Outbox
from idbroker.connections.model import Whereabouts
from idbroker.directory.model import User, Users
from idbroker.kernel.addresses import email_domain
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.sessions.model import Sessions
from idbroker.sessions.service import is_live
from idbroker.storage.rows import PlatformRow
from idbroker.storage.unit import PlatformRepository, PlatformUnit
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED
from idbroker.tenants.model import Tenant, Tenants

ONLY = 1


class OperatorTenant(PlatformRow, table=True):
    """One row, or none."""

    __tablename__ = "operator_tenant"

    id: int = Field(primary_key=True)
    tenant: str


class OperatorTenants(PlatformRepository):
    def named(self) -> Tenant | None:
        """The operators' tenant, whatever its state."""
        row = self.keyed(OperatorTenant, ONLY)
        tenant = self.unit[Tenants].get(row.tenant) if row is not None else None
        return tenant if tenant is not None and tenant.status != "erased" else None

    def open(self) -> Tenant | None:
        """The same, if people may sign in to it."""
        tenant = self.named()
        return tenant if tenant is not None and tenant.status in SIGN_IN_ALLOWED else None

    def name(self, tenant: Tenant | None) -> None:
        """Name another one, or none. Who had signed in through the one before is out, and tied to nobody there any more."""
        before = self.keyed(OperatorTenant, ONLY)
        was, now = (before.tenant if before else None), (tenant.id if tenant else None)
        if was == now:
            return
        if before is not None and now is None:
            self.session.delete(before)
        elif before is not None and now is not None:
            before.tenant = now
        elif now is not None:
            self.session.add(OperatorTenant(id=ONLY, tenant=now))
        untied = update(Operator).where(col(Operator.user_id).is_not(None)).values(user_id=None)
        self.session.execute(untied.execution_options(synchronize_session=False))
        self.session.flush()
        self.unit[AdminSessions].end_vouched()
        changes = {"tenant_id": Change(was, now)}
        resource = Resource("tenant", now or was or "", tenant.name if tenant else None)
        self.unit.own_trail()[Outbox].record(Event("operator_tenant.changed", resource, changes=changes))


def is_operator(unit: PlatformUnit, home: Tenant, person: User | None, operator: Operator) -> bool:
    """Whether a person of the operators' tenant is that operator: by his address, at a domain that the tenant has proven,
    whatever its connections let in. Once somebody has signed in with it, he must be the same: addresses are given to others."""
    if person is None or not person.active or not person.email_verified or person.email != operator.email:
        return False
    return operator.user_id in (None, person.id) and _owns(unit, home, email_domain(operator.email))


def _owns(unit: PlatformUnit, home: Tenant, domain: str) -> bool:
    entry = unit[Whereabouts].responsible(domain)
    return entry is not None and entry.tenant == home.tenant_id


def is_vouched_for(unit: PlatformUnit, operator: Operator, session: AdminSession) -> bool:
    """Whether what the session was begun with still holds. One that came through the identity provider lasts as long as the
    person's own session there; one that began with a passkey, as long as he was not switched off. A link asks nobody."""
    if session.person_session_id is None:
        return not is_switched_off(unit, operator)
    home = unit[OperatorTenants].open()
    if home is None or home.id != session.tenant_id:
        return False
    with unit.enter(TenantScope(home.tenant_id, SYSTEM)) as inside:
        own = inside[Sessions].get(session.person_session_id)
        if own is None or not is_live(own, unit.clock.now()):
            return False
        person = inside[Users].get(own.user_id)
    return is_operator(unit, home, person, operator)


def is_switched_off(unit: PlatformUnit, operator: Operator) -> bool:
    """Whether he is known to the operators' tenant, and is not, or not any more, somebody who may sign in there."""
    home = unit[OperatorTenants].named() if operator.user_id is not None else None
    if home is None or operator.user_id is None:
        return False
    with unit.enter(TenantScope(home.tenant_id, SYSTEM)) as inside:
        person = inside[Users].get(operator.user_id)
    return person is None or not person.active
