"""Opening a setup link, and the first and last page behind it. A link can be opened again and again until it is over."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Screen
from admin_ui.setup.bench import Bench
from idbroker.admins.operators import LinkGone
from idbroker.admins.sessions import AdminSessions
from idbroker.admins.setup_links import SetupLinkService
from idbroker.admins.visits import Visit
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.kernel.secrets import derive
from idbroker.sessions.handles import Handle, parse_handle
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenant, Tenants
from idbroker.web.call import Answer, Call, redirect
from idbroker.web.csrf import ForgedForm, check_form
from idbroker.web.route import OpenRoute
from idbroker.web.sign_in import SignInFace

LINK = "/setup/{link}"
DONE = "/setup/work/done"


class Opening:
    def __init__(self, bench: Bench, database: Database, face: SignInFace) -> None:
        self._bench = bench
        self._database = database
        self._face = face
        self._links = SetupLinkService()

    def rows(self) -> list[OpenRoute]:
        errors = self._bench.refused
        return [
            OpenRoute(method="GET", path=LINK, handler=self._ask, limit="sign_in", errors=errors, inline=False),
            OpenRoute(method="POST", path=LINK, handler=self._open, limit="sign_in", errors=errors, inline=False),
        ]

    def screens(self) -> list[Screen]:
        return [
            self._bench.get("/setup/work/home", self._home, "get_tenant"),
            self._bench.get(DONE, self._done, "get_tenant"),
        ]

    def _ask(self, call: Call) -> Answer:
        """One button: mail scanners follow links."""
        handle = _handle(call)
        with self._database.platform(call.actor, read_only=True) as unit:
            tenant = _known(unit, handle)
            with unit.enter(TenantScope(handle.tenant, call.actor, call.request_id)) as inside:
                self._links.presented(inside, handle)
        visitor, headers = self._face.beginner(call)
        sentence = (
            "You connect your organisation’s own identity provider, step by step. It takes about fifteen minutes; you can "
            "stop at any time and go on later with the same link."
        )
        view: dict[str, Any] = {"heading": f"Set up sign-in for {tenant.name}", "sentence": sentence, "button": "Begin"}
        token = derive(visitor.secret or "", call.path)
        brand = self._face.brand(handle.tenant)
        return self._bench.desk.pages.render("link.html", works=True, token=token, brand=brand, **view).with_headers(*headers)

    def _open(self, call: Call) -> Answer:
        secret = self._face.visitor(call).secret
        if secret is None:
            raise ForgedForm("no browser cookie")
        check_form(call, derive(secret, call.path))
        handle = _handle(call)
        with self._database.platform(call.actor) as unit:
            _known(unit, handle)
            with unit.enter(TenantScope(handle.tenant, call.actor, call.request_id)) as inside:
                link_id = self._links.presented(inside, handle).id
            actor = Actor("visitor", link_id, "setup link", call.client_ip, call.actor.user_agent)
            with unit.enter(TenantScope(handle.tenant, actor, call.request_id)) as inside:
                self._links.open(inside, handle)
            cookie = unit[AdminSessions].open("setup", link_id, handle.tenant)[1]
        return redirect("/setup/work/home", self._bench.desk.cookies.give("setup", cookie))

    def _home(self, call: Call, visit: Visit) -> Answer:
        """On to the first step that is not done."""
        work = self._bench.work(call, visit)
        following = next((name for name, _ in work.steps if name not in work.done), None)
        return redirect(f"/setup/steps/{following}" if following else DONE)

    def _done(self, call: Call, visit: Visit) -> Answer:
        work = self._bench.work(call, visit)
        held = "sso" in work.link.scopes
        connection = self._bench.connection(call, visit, work) if held else None
        return self._bench.page(call, visit, "setup/done.html", work, connection=connection)


def _handle(call: Call) -> Handle:
    handle = parse_handle(call.path_params["link"])
    if handle is None:
        raise LinkGone("not the form of a link")
    return handle


def _known(unit: PlatformUnit, handle: Handle) -> Tenant:
    tenant = unit[Tenants].get(handle.tenant)
    if tenant is None:
        raise LinkGone("no such tenant")
    return tenant
