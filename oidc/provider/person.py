"""Reading whom a token is about, and whether there is still anybody: session live, person active, tenant and app open."""

from __future__ import annotations

from idbroker.apps.model import App
from idbroker.apps.registered import read_app
from idbroker.directory.roles import standing
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import Actor
from idbroker.storage.database import Database
from idbroker.storage.statements.persons import session_person
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED
from idbroker.tenants.model import Tenant
from idbroker.tenants.registered import read_tenant
from oidc.provider.claims import Person


def read_open_tenant(unit: PlatformUnit, tenant: TenantId, app: App | None) -> Tenant | None:
    """The tenant, when its state lets people in and that app is open to it."""
    if app is None or not app.serves(tenant):
        return None
    row = read_tenant(unit, tenant)
    return row if row is not None and row.status in SIGN_IN_ALLOWED else None


def open_tenant(database: Database, tenant: TenantId, client_id: str, actor: Actor) -> Tenant | None:
    """The same in a transaction of its own."""
    with database.platform(actor, read_only=True) as unit:
        return read_open_tenant(unit, tenant, read_app(unit, client_id))


def read_person(unit: TenantUnit, tenant: Tenant, session_id: str, client_id: str, *, offline: bool = False) -> Person | None:
    """The person of a session as that app may see him; None when the session is over or the person is switched off.

    ``offline``: the app was granted ``offline_access``, so that a session that has merely run out will do; an ended one not.
    """
    found = session_person(unit, session_id)
    if found is None or not found.active or found.ended_at is not None:
        return None
    if not offline and found.expires_at <= unit.clock.now():
        return None
    place = standing(unit, found.user_id, client_id)
    return Person(
        tenant_id=tenant.id,
        tenant=tenant.slug,
        user_id=found.user_id,
        session_id=found.session_id,
        connection_id=found.connection_id,
        authenticated_at=found.authenticated_at,
        amr=tuple(found.amr),
        acr=found.acr,
        email=found.email,
        email_verified=found.email_verified,
        name=found.display_name,
        given_name=found.given_name,
        family_name=found.family_name,
        roles=place.roles,
        groups=place.groups,
    )
