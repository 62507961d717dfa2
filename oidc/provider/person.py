"""Reading whom a token is about, and whether there is still anybody: session live, person active, tenant and app open."""

from __future__ import annotations

from idbroker.apps.model import Apps
from idbroker.directory.model import Users
from idbroker.directory.roles import standing
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import Actor
from idbroker.sessions.model import Sessions
from idbroker.sessions.service import is_live
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED
from idbroker.tenants.model import Tenant, Tenants
from oidc.provider.claims import Person


def open_tenant(database: Database, tenant: TenantId, client_id: str, actor: Actor) -> Tenant | None:
    """The tenant, when its state lets people in and that app is open to it."""
    with database.platform(actor, read_only=True) as unit:
        row, app = unit[Tenants].get(tenant), unit[Apps].get(client_id)
    if row is None or row.status not in SIGN_IN_ALLOWED or app is None or not app.serves(tenant):
        return None
    return row


def read_person(unit: TenantUnit, tenant: Tenant, session_id: str, client_id: str) -> Person | None:
    """The person of a session as that app may see him; None when the session is over or the person is switched off."""
    session = unit[Sessions].get(session_id)
    if session is None or not is_live(session, unit.clock.now()):
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
