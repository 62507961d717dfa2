"""Whether an access token is still good beyond its signature, and whom it is about: asked of the database, now."""

from __future__ import annotations

from idbroker.apps.model import App
from idbroker.apps.registered import read_app
from idbroker.kernel.ids import PLATFORM_TRAIL, RequestId
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.sessions.refresh import family_of
from idbroker.storage.statements.persons import is_revoked
from idbroker.storage.unit import PlatformUnit
from oidc.provider.bearer import AccessToken
from oidc.provider.claims import Machine, Person
from oidc.provider.person import read_open_tenant, read_person


def living(unit: PlatformUnit, token: AccessToken, actor: Actor, request: RequestId) -> Person | Machine | None:
    """Whom the token is about; None when it was revoked, or its session, person, app or tenant is gone."""
    app = read_app(unit, token.client_id)
    if token.tenant == PLATFORM_TRAIL:
        return _everywhere(unit, token, app, actor, request)
    tenant = read_open_tenant(unit, token.tenant, app)
    if tenant is None:
        return None
    with unit.enter(TenantScope(token.tenant, actor, request)) as inside:
        if is_revoked(inside, token.token_id, family_of(token.token_id)):
            return None
        if token.session_id is None:
            return Machine(token.client_id, tenant.id, tenant.slug)
        offline = "offline_access" in token.scope
        person = read_person(inside, tenant, token.session_id, token.client_id, offline=offline)
    return person if person is not None and person.user_id == token.subject else None


def _everywhere(unit: PlatformUnit, token: AccessToken, app: App | None, actor: Actor, request: RequestId) -> Machine | None:
    """A machine's token for all tenants of its app: which they are is asked whenever one of them matters."""
    if app is None or token.session_id is not None:
        return None
    with unit.enter(TenantScope(PLATFORM_TRAIL, actor, request)) as inside:
        return None if is_revoked(inside, token.token_id, None) else Machine(token.client_id, None, None)
