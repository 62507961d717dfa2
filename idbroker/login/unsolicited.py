"""A sign-in that began at the IdP (SAML profiles 4.1.5): an answer that nobody here has asked for.

It proves nothing about the browser that brings it, so it is never a sign-in. Where the connection allows it, it is taken
as a wish: the same sign-in begins anew from our side, and the IdP, where the person is signed in already, answers at once.
"""

from __future__ import annotations

from idbroker.apps.model import App, Apps
from idbroker.federation.beginning import SignInWished
from idbroker.federation.contract import ConnectionConfig, UnverifiedReply
from idbroker.kernel.errors import Refusal
from idbroker.login.steps import PostAgain, Restart, SignInRefused, Visitor, post_again
from idbroker.storage.database import Database
from idbroker.tenants.model import Tenant

_OFF = (
    "This sign-in began at your organisation's own sign-in page, which is not switched on for it here. Nothing is wrong with "
    "your account: please begin with this button."
)
_AGAIN = (
    "Your organisation's sign-in service answers without saying which sign-in it answers, so this one would begin again and "
    "again. Please go back to the application and start there."
)


def begun_at_idp(
    database: Database, config: ConnectionConfig, tenant: Tenant, reply: UnverifiedReply, visitor: Visitor
) -> Restart | PostAgain:
    """How it begins anew. Raises SignInRefused where the connection does not allow it, or when it has just done so."""
    start = f"/sso?connection={config.id}"
    if not config.options.allow_idp_initiated:
        detail = "the answer names no sign-in of ours, and allow_idp_initiated is off"
        cause = Refusal("unsolicited", _OFF, detail=detail, status=403)
        raise SignInRefused(cause, tenant=config.tenant, connection_id=config.id, start=start)
    again = post_again(reply, visitor)  # the cookie that tells whether it has just begun anew
    if again is not None:
        return again
    if visitor.restarted == config.id:
        detail = "the answer to the new beginning names no sign-in of ours either: does the IdP send RelayState back?"
        cause = Refusal("unsolicited_again", _AGAIN, detail=detail, status=403)
        raise SignInRefused(cause, tenant=config.tenant, connection_id=config.id)
    return begun_elsewhere(database, config, tenant, SignInWished(target=reply.params.get("RelayState")), visitor)


def begun_elsewhere(
    database: Database, config: ConnectionConfig, tenant: Tenant, wish: SignInWished, visitor: Visitor
) -> Restart:
    """Where a sign-in begins that somebody else wished for: at the connection's own app, where it has one that can begin."""
    app = _default_app(database, config, visitor)
    if app is None or app.initiate_login_uri is None:
        return Restart(tenant.slug, config.id, login_hint=wish.login_hint)
    target = wish.target if wish.target in config.options.relay_state_allow else None
    return Restart(tenant.slug, config.id, app.initiate_login_uri, target, wish.login_hint)


def _default_app(database: Database, config: ConnectionConfig, visitor: Visitor) -> App | None:
    """The app that the connection names, as long as it is there and open to the tenant."""
    if config.options.default_app is None:
        return None
    with database.platform(visitor.actor, read_only=True) as unit:
        app = unit[Apps].get(config.options.default_app)
    return app if app is not None and app.serves(config.tenant) else None
