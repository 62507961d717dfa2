"""From the cookie of an administration's session to who it is and what he may do: asked anew at every request."""

from __future__ import annotations

from dataclasses import dataclass, field

from idbroker.access.admin_roles import permissions_of
from idbroker.access.api_keys import Principal
from idbroker.access.permissions import OPERATOR
from idbroker.admins.operator_tenant import is_vouched_for
from idbroker.admins.operators import Operators
from idbroker.admins.sessions import AdminSession, AdminSessions, Kind
from idbroker.admins.setup_links import SetupLinks
from idbroker.admins.tenant_admins import TenantAdmin, TenantAdmins
from idbroker.directory.model import Users
from idbroker.kernel.ids import KeyId, TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.kernel.secrets import derive
from idbroker.sessions.model import Sessions
from idbroker.sessions.service import is_live
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.model import Tenant, Tenants

FORM_PURPOSE = "administration form"


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody in front of a page, proven by his session. ``form_token`` proves that a form was ours."""

    session: str
    kind: Kind
    principal: Principal
    form_token: str = field(repr=False)
    tenant: Tenant | None = None
    """The tenant of the page, once it is known that he may work in it."""
    stale: bool = False

    @property
    def is_operator(self) -> bool:
        return self.kind == "operator"


def visit_of(unit: PlatformUnit, cookie: str, kind: Kind | None = None) -> Visit | None:
    """The visit that a cookie proves, None for anything else. What was taken away since it began counts at once."""
    row = unit[AdminSessions].find(cookie)
    if row is None or (kind == "setup") != (row.kind == "setup"):
        return None
    principal = _PRINCIPALS[row.kind](unit, row)
    if principal is None:
        return None
    token = derive(cookie, FORM_PURPOSE)
    stale = unit[AdminSessions].is_stale(row)
    return Visit(row.id, row.kind, principal, token, stale=stale)  # type: ignore[arg-type] # one of the kinds


def _operator(unit: PlatformUnit, row: AdminSession) -> Principal | None:
    operator = unit[Operators].get(row.subject_id)
    if operator is None or operator.disabled_at is not None or not is_vouched_for(unit, operator, row):
        return None
    return Principal(KeyId(operator.id), operator.email, None, OPERATOR)


def _admin(unit: PlatformUnit, row: AdminSession) -> Principal | None:
    tenant = unit[Tenants].get(row.tenant_id or "")
    if tenant is None:
        return None
    with unit.enter(TenantScope(tenant.tenant_id, SYSTEM)) as inside:
        admin = inside[TenantAdmins].get(row.subject_id)
        if admin is None:
            return None
        if row.person_session_id is not None:
            session = inside[Sessions].get(row.person_session_id)
            person = inside[Users].get(session.user_id) if session is not None else None
            gone = session is None or not is_live(session, unit.clock.now()) or person is None or not person.active
            if gone:
                return None
        elif admin.user_id is not None:
            person = inside[Users].get(admin.user_id)
            if person is None or not person.active:  # his identity provider took him away, whatever he signed in with
                return None
        return as_principal(inside, admin)


def as_principal(unit: TenantUnit, admin: TenantAdmin) -> Principal:
    return Principal(KeyId(admin.id), admin.email, TenantId(admin.tenant_id), permissions_of(unit, admin.role))


def _setup(unit: PlatformUnit, row: AdminSession) -> Principal | None:
    tenant = unit[Tenants].get(row.tenant_id or "")
    if tenant is None:
        return None
    with unit.enter(TenantScope(tenant.tenant_id, SYSTEM)) as inside:
        link = inside[SetupLinks].get(row.subject_id)
        if link is None or not link.is_live(unit.clock.now()):
            return None
        return Principal(KeyId(link.id), "setup link", tenant.tenant_id, link.permissions, "visitor")


_PRINCIPALS = {"operator": _operator, "admin": _admin, "setup": _setup}
