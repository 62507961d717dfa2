"""What the portal's pages share: the link's memory, the steps, and the API run for the link's tenant and nothing else.

Which connection a page works on stands in the link's memory on the server; nothing that a browser sends names one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from admin_ui.api import Json
from admin_ui.desk import Desk, PageHandler, Screen
from admin_ui.setup.vendors import BY_KEY, Vendor
from admin_ui.texts import told
from idbroker.admins.setup_links import SetupLink, SetupLinkService
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.tenants.model import Tenant
from idbroker.web.call import Answer, Call, redirect
from idbroker.web.route import PageRoute
from idbroker.web.sign_in import SignInFace
from idbroker.web.tenancy import NotSignedIn

ROOT = "/setup/steps"
STEPS = (
    ("domain", "Your domain", "domains"),
    ("provider", "Your identity provider", "sso"),
    ("console", "In its console", "sso"),
    ("metadata", "What it gives back", "sso"),
    ("test", "Test", "sso"),
    ("attributes", "Attributes and roles", "sso"),
    ("scim", "Provisioning", "scim"),
    ("streams", "Log streams", "log_streams"),
    ("audit", "Audit log", "audit"),
    ("finish", "Switch on", "sso"),
)
"""(name, title, the scope that it needs), in order."""

LAST = "finish"
"""With it a link is done whatever else it offers: what stands before it is optional by then."""


@dataclass(frozen=True)
class Work:
    """The link with what is remembered behind it."""

    link: SetupLink
    tenant: Tenant

    def __getitem__(self, name: str) -> Any:
        return self.link.state.get(name)

    @property
    def vendor(self) -> Vendor | None:
        return BY_KEY.get(self.link.state.get("vendor", ""))

    @property
    def done(self) -> frozenset[str]:
        return frozenset(self.link.state.get("done", ()))

    @property
    def steps(self) -> list[tuple[str, str]]:
        return [(name, title) for name, title, scope in STEPS if scope in self.link.scopes]

    def after(self, name: str) -> str:
        """Where it goes on."""
        names = [step for step, _ in self.steps]
        following = names[names.index(name) + 1 :] if name in names else names
        return f"{ROOT}/{following[0]}" if following else "/setup/work/done"


class Bench:
    def __init__(self, desk: Desk, database: Database, face: SignInFace) -> None:
        self._face = face
        self.desk = desk
        self._database = database
        self._links = SetupLinkService()

    def get(self, path: str, handler: PageHandler, *operations: str) -> Screen:
        return self._screen("GET", path, handler, operations)

    def post(self, path: str, handler: PageHandler, *operations: str) -> Screen:
        return self._screen("POST", path, handler, operations)

    def run(
        self,
        call: Call,
        visit: Visit,
        name: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | None] | None = None,
        **path: str,
    ) -> Json:
        """In the link's tenant, whatever the address says."""
        return self.desk.api.run(self.inside(call, visit), name, body=body, query=query, **path)

    def inside(self, call: Call, visit: Visit) -> Call:
        """The call as one within the link's tenant."""
        return replace(call, path_params={**call.path_params, "tenant": _tenant(visit).id})

    def now(self) -> datetime:
        return self._database.clock.now()

    def work(self, call: Call, visit: Visit) -> Work:
        tenant = _tenant(visit)
        with self._database.tenant(TenantScope(tenant.tenant_id, call.actor, call.request_id), read_only=True) as unit:
            return Work(self._links.known(unit, visit.principal.key), tenant)

    def remember(
        self, call: Call, visit: Visit, *, step: str | None = None, undone: Collection[str] = (), **changes: Any
    ) -> Work:
        """None forgets. What is typed is kept before it is judged, so that nothing is lost by an error.

        ``step`` is done now, those in ``undone`` are open again. What the link was for is done with its last step.
        """
        tenant = _tenant(visit)
        with self._database.tenant(TenantScope(tenant.tenant_id, call.actor, call.request_id)) as unit:
            work = Work(self._links.remember(unit, visit.principal.key, changes, step=step, undone=undone), tenant)
            if step == LAST or all(name in work.done for name, _ in work.steps):
                self._links.complete(unit, visit.principal.key)
            return work

    def staged(self, call: Call, visit: Visit, work: Work) -> Json | None:
        """The change that stands beside the connection because that is live; None when there is none (any more)."""
        if not work["candidate"]:
            return None
        try:
            return self.run(call, visit, "get_candidate", connection=work["connection"], candidate=work["candidate"])
        except NotFound:
            return None

    def connection(self, call: Call, visit: Visit, work: Work) -> Json | None:
        """The connection of this setup, None as long as there is none (or when somebody removed it)."""
        if not work["connection"]:
            return None
        try:
            return self.run(call, visit, "get_connection", connection=work["connection"])
        except NotFound:
            return None

    def ours(self, call: Call, visit: Visit, work: Work) -> dict[str, str]:
        """Our values by the names that vendors' fields go by."""
        found = self.connection(call, visit, work)
        if found is None and work["reservation"]:
            try:
                found = self.run(call, visit, "get_reservation", connection=work["reservation"])
            except NotFound:
                found = None
        if found is None:
            return {}
        values: dict[str, str] = dict(found.get("sp") or {})
        values |= {name: value for name, value in (found.get("rp") or {}).items() if isinstance(value, str)}
        if "acs_url" in values:
            escaped = values["acs_url"].replace("/", r"\/").replace(".", r"\.")
            values["acs_pattern"] = f"^{escaped}$"
        return values

    def page(self, call: Call, visit: Visit, template: str, work: Work, status: int = 200, **view: Any) -> Answer:
        code = self.desk.cookies.told(call)
        frame: dict[str, Any] = {
            "visit": visit,
            "work": work,
            "tenant": work.tenant,
            "here": call.path,
            "done": work.done,
            "told": told(code) if call.method == "GET" else None,
        }
        brand = self._face.brand(work.tenant.tenant_id)
        answer = self.desk.pages.render(template, status, works=True, brand=brand, **frame, **view)
        return answer.with_headers(self.desk.cookies.no_longer_told()) if code is not None else answer

    def go(self, place: str, code: str = "step_saved") -> Answer:
        return redirect(place, self.desk.cookies.tell(code))

    def refused(self, refusal: Refusal, call: Call) -> Answer:
        """The page of a refusal (an ErrorFace)."""
        over = isinstance(refusal, NotSignedIn)
        view: dict[str, Any] = {"refusal": refusal, "over": over, "request_id": call.request_id}
        return self.desk.pages.render("setup/refused.html", refusal.status, works=True, **view)

    def _screen(self, method: Any, path: str, handler: PageHandler, operations: tuple[str, ...]) -> Screen:
        row = PageRoute(
            method=method,
            path=path,
            handler=handler,
            limit="admin_read" if method == "GET" else "admin_write",
            permission=self.desk.api.permission(operations[0]),
            errors=self.refused,
            session="setup",
            inside=False,
        )
        return Screen(row, operations)


def _tenant(visit: Visit) -> Tenant:
    if visit.tenant is None:
        raise TypeError("a setup without a tenant")
    return visit.tenant
