"""Home-realm discovery for an app's own login page: where a domain signs in, never whether a person exists."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal
from urllib.parse import unquote_plus

from pydantic import StringConstraints

from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import API, Operation
from idbroker.admin_api.shapes import Body, Document, shown
from idbroker.apps.model import App, Apps
from idbroker.connections.discovery import Route
from idbroker.kernel.addresses import BadAddress, email_domain, normal_email
from idbroker.kernel.errors import Refusal, invalid_field
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.login.route import Hints, find_tenant, route_within
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED
from idbroker.tenants.model import Tenant
from idbroker.web.call import Answer, Call
from idbroker.web.problems import problem
from idbroker.web.route import OpenRoute


class Question(Body):
    email: Annotated[str, StringConstraints(max_length=600)]


class FoundConnection(Document):
    id: str
    name: str
    type: str


class FoundRoute(Document):
    """``connection``: send the person there; ``choose``: let the person pick; ``none``: nobody here signs this domain in."""

    route: Literal["connection", "choose", "none"]
    tenant: str | None
    connections: list[FoundConnection]


NOWHERE = FoundRoute(route="none", tenant=None, connections=[])


class NotAnApp(Refusal):
    status = 401

    def __init__(self) -> None:
        super().__init__("invalid_client", "The app's client id and secret are needed, as HTTP Basic.")


class HrdCall:
    def __init__(self, database: Database) -> None:
        self._database = database

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="discover_home_realm",
                area="Home-realm discovery",
                summary="Where an address's domain signs in. It never says whether a person exists.",
                row=OpenRoute(
                    method="POST",
                    path=f"{API}/hrd",
                    handler=self.answer,
                    limit="sign_in",
                    errors=_app_problem,
                    inline=False,
                ),
                body=Question,
                answer=FoundRoute,
                app_credentials=True,
            )
        ]

    def answer(self, call: Call) -> Answer:
        client_id, secret = _credentials(call)
        with self._database.platform(call.actor, read_only=True) as unit:
            app = unit[Apps].get(client_id)
            good = unit[Apps].secret_matches(client_id, secret)
            if app is None or app.is_public or not good:
                raise NotAnApp
            return shown(_found(unit, app, call, _domain(call)))


def _credentials(call: Call) -> tuple[str, str]:
    """RFC 7617; id and secret form-encoded within, as RFC 6749 2.3.1 says."""
    scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise NotAnApp
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError) as error:
        raise NotAnApp from error
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if not colon or "\x00" in client_id:
        raise NotAnApp
    return client_id, secret


def _domain(call: Call) -> str:
    try:
        return email_domain(normal_email(read_body(call, Question).email))
    except BadAddress as error:
        raise invalid_field("/email", f"{error}.") from error


def _found(unit: PlatformUnit, app: App, call: Call, domain: str) -> FoundRoute:
    tenant = find_tenant(unit, Hints(domain=domain))
    if tenant is None or not app.serves(tenant.tenant_id) or tenant.status not in SIGN_IN_ALLOWED:
        return NOWHERE
    actor = Actor(type="app", id=app.id, name=app.name, ip=call.client_ip, user_agent=call.actor.user_agent)
    with unit.enter(TenantScope(tenant.tenant_id, actor, call.request_id)) as inside:
        return _route(tenant, route_within(inside, Hints(domain=domain)))


def _route(tenant: Tenant, route: Route) -> FoundRoute:
    if route.outcome == "none":
        return NOWHERE
    connections = [FoundConnection(id=one.id, name=one.name, type=one.type) for one in route.connections]
    return FoundRoute(route=route.outcome, tenant=tenant.slug, connections=connections)


def _app_problem(refusal: Refusal, call: Call) -> Answer:
    """A problem document whose challenge names Basic."""
    told = problem(refusal, call)
    if refusal.status != 401:
        return told
    return Answer(told.status, told.body, told.media_type, (("www-authenticate", 'Basic realm="idbroker", charset="UTF-8"'),))
