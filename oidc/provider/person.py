"""Reading whom a token is about, and whether there is still anybody: session live, person active, tenant and app open."""

from __future__ import annotations

from idbroker.apps.model import App, Apps
from idbroker.directory.model import Users
from idbroker.directory.roles import standing
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import Actor
from idbroker.sessions.model import Sessions
from idbroker.sessions.service import is_live
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED
from idbroker.tenants.model import Tenant, Tenants
from oidc.provider.claims import Person


def read_open_tenant(unit: PlatformUnit, tenant: TenantId, app: App | None) -> Tenant | None:
    """The tenant, when its state lets people in and that app is open to it."""
    if app is None or not app.serves(tenant):
        return None
    row = unit[Tenants].get(tenant)
    return row if row is not None and row.status in SIGN_IN_ALLOWED else None


def open_tenant(database: Database, tenant: TenantId, client_id: str, actor: Actor) -> Tenant | None:
    """The same in a transaction of its own."""
    with database.platform(actor, read_only=True) as unit:
        return read_open_tenant(unit, tenant, unit[Apps].get(client_id))


def read_person(unit: TenantUnit, tenant: Tenant, session_id: str, client_id: str, *, offline: bool = False) -> Person | None:
    """The person of a session as that app may see him; None when the session is over or the person is switched off.

    ``offline``: the app was granted ``offline_access``, so that a session that has merely run out will do; an ended one not.
    """
    session = unit[Sessions].get(session_id)
    if session is None or session.ended_at is not None or not (offline or is_live(session, unit.clock.now())):
        return None
    user = unit[Users].get(session.user_id)
    if user is None or not user.active:
        return None
    place = standing(unit, user.id, client_id)
    return Person(
        tenant_id=tenant.id,
        tenant=tenant.slug,
        user_id=user.id,
        session_id=session.id,
        connection_id=session.connection_id,
        authenticated_at=session.authenticated_at,
        amr=tuple(session.amr),
        acr=session.acr,
        email=user.email,
        email_verified=user.email_verified,
        name=user.display_name,
        given_name=user.given_name,
        family_name=user.family_name,
        roles=place.roles,
        groups=place.groups,
    )
