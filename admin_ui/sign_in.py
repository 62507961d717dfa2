"""Signing in to administration and out of it: an operator's link, an admin's invitation, or a tenant's own identity provider
(operators come through that of the operators' tenant).

A link's page has one button, because mail scanners follow links. Every sign-in begins a session with a fresh secret.
"""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk, is_ours
from idbroker.admins.ceremony import site_of
from idbroker.admins.operator_tenant import OperatorTenants, is_operator
from idbroker.admins.operators import LINK_GONE, LinkGone, Operators, OperatorService
from idbroker.admins.sessions import AdminSessions
from idbroker.admins.tenant_admins import TenantAdmin, TenantAdmins, TenantAdminService
from idbroker.admins.visits import Visit, visit_of
from idbroker.audit.outbox import Outbox
from idbroker.directory.model import Users
from idbroker.kernel.errors import Forbidden
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.kernel.secrets import derive
from idbroker.limits.names import LimitName
from idbroker.login.flow import LoginFlow
from idbroker.login.steps import LoginRequest
from idbroker.sessions.handles import Handle, parse_handle
from idbroker.sessions.service import SessionService
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call, redirect
from idbroker.web.cookies import Cookies
from idbroker.web.csrf import ForgedForm, check_form, check_origin
from idbroker.web.route import OpenRoute
from idbroker.web.sign_in import SignInFace

DONE = "/admin/sign-in/done"
MAX_EMAIL = 500
LIMIT: LimitName = "sign_in"


class NoAdmin(Forbidden):
    def __init__(self) -> None:
        public = "You are signed in, but you are no admin of your organisation here. Ask one of its admins to invite you."
        super().__init__("not_an_admin", public)


class SignInPages:
    def __init__(
        self,
        desk: Desk,
        *,
        database: Database,
        flow: LoginFlow,
        face: SignInFace,
        sessions: SessionService,
        people: Cookies,
    ) -> None:
        self._desk = desk
        self._database = database
        self._flow = flow
        self._face = face
        self._sessions = sessions
        self._people = people
        self._operators = OperatorService()
        self._admins = TenantAdminService()

    def rows(self) -> list[OpenRoute]:
        table = (
            ("GET", "/admin", self._home),
            ("GET", "/admin/sign-in", self._ask),
            ("POST", "/admin/sign-in", self._begin),
            ("GET", DONE, self._arrived),
            ("GET", "/admin/login/{link}", self._login),
            ("POST", "/admin/login/{link}", self._log_in),
            ("GET", "/admin/invitation/{link}", self._invitation),
            ("POST", "/admin/invitation/{link}", self._accept),
            ("POST", "/admin/sign-out", self._sign_out),
        )
        return [
            OpenRoute(method=method, path=path, handler=handler, limit=LIMIT, errors=self._desk.refused, inline=False)  # type: ignore[arg-type] # GET and POST
            for method, path, handler in table
        ]

    def _home(self, call: Call) -> Answer:
        visit = self.visit(call)
        if visit is None:
            return redirect("/admin/sign-in")
        if visit.is_operator:
            return redirect("/admin/overview")
        with self._database.platform(call.actor, read_only=True) as unit:
            tenant = unit[Tenants].get(visit.principal.tenant or "")
        return redirect(f"/admin/t/{tenant.slug}" if tenant is not None else "/admin/sign-in")

    def _ask(self, call: Call) -> Answer:
        return self._asked(call, "", "")

    def _begin(self, call: Call) -> Answer:
        """Off to the organisation's own identity provider. Nothing is told of who is an admin."""
        check_origin(call)
        email, place = call.form.get("email", "").strip(), call.form.get("next", "")
        if not email or len(email) > MAX_EMAIL:
            return self._asked(call, email[:MAX_EMAIL], "Please type your work e-mail address.", 400)
        visitor, headers = self._face.beginner(call)
        origin = {"next": place} if is_ours(place) else {}
        step = self._flow.begin(LoginRequest(resume_path=DONE, email=email, origin=origin), visitor)
        return self._face.answer(step, call, *headers)

    def _arrived(self, call: Call) -> Answer:
        attempt = self._flow.resume(call.query.get("attempt", "")[:MAX_EMAIL], self._face.visitor(call))
        if attempt.state != "done":
            return redirect("/admin/sign-in")
        place = str(attempt.origin.get("next", "/admin"))
        for handle in self._people.session_handles(call):
            cookie = self._person_signed_in(call, handle) if handle.tenant == attempt.tenant_id else None
            if cookie is not None:
                return redirect(place if is_ours(place) else "/admin", self._desk.cookies.give("admin", cookie))
        raise NoAdmin

    def _person_signed_in(self, call: Call, handle: Handle) -> str | None:
        """A session for the person whom the broker's own session names: as an operator, or as an admin of that tenant."""
        return self._as_operator(call, handle) or self._as_tenant_admin(call, handle)

    def _as_operator(self, call: Call, handle: Handle) -> str | None:
        with self._database.platform(call.actor, read_only=True) as unit:
            home = unit[OperatorTenants].open()
            if home is None or home.tenant_id != handle.tenant:
                return None
            with unit.enter(TenantScope(handle.tenant, call.actor, call.request_id)) as inside:
                session = self._sessions.find(inside, handle)
                person = inside[Users].get(session.user_id) if session is not None else None
            operator = unit[Operators].with_email(person.email) if person is not None and person.email else None
            if session is None or operator is None or operator.disabled_at is not None:
                return None
            if not is_operator(unit, home, person, operator):
                return None
        actor = Actor("operator", operator.id, operator.email, call.client_ip, call.actor.user_agent)
        with self._database.platform(actor) as unit:
            operator = self._operators.known(unit, operator.id)
            operator.user_id = session.user_id
            opened, cookie = unit[AdminSessions].open("operator", operator.id, handle.tenant, person_session_id=session.id)
            how = {"by": "identity provider", "tenant_id": handle.tenant, "user_id": session.user_id}
            self._operators.signed_in(unit, operator, opened, how)
            self.end_previous(unit, call)
        return cookie

    def _as_tenant_admin(self, call: Call, handle: Handle) -> str | None:
        scope = TenantScope(handle.tenant, call.actor, call.request_id)
        with self._database.platform(call.actor) as unit:
            with unit.enter(scope) as inside:
                session = self._sessions.find(inside, handle)
                person = inside[Users].get(session.user_id) if session is not None else None
                if session is None or person is None or not person.active or person.email is None:
                    return None
                admin = inside[TenantAdmins].with_email(person.email)
                if admin is None or not person.email_verified or admin.user_id not in (None, person.id):
                    return None
                admin.user_id = person.id
            with unit.enter(self._as_admin(call, admin)) as inside:
                self._admins.signed_in(inside, admin, "identity provider")
            self.end_previous(unit, call)
            return unit[AdminSessions].open("admin", admin.id, handle.tenant, person_session_id=session.id)[1]

    def _login(self, call: Call) -> Answer:
        with self._database.platform(call.actor, read_only=True) as unit:
            operator = self._operators.linked(unit, call.path_params["link"])
        return self._button(call, f"You will be signed in as the operator {operator.email}.")

    def _log_in(self, call: Call) -> Answer:
        self._check_button(call)
        with self._database.platform(call.actor) as unit:
            operator = self._operators.linked(unit, call.path_params["link"])
        actor = Actor("operator", operator.id, operator.email, call.client_ip, call.actor.user_agent)
        with self._database.platform(actor) as unit:
            cookie = self._operators.sign_in(unit, call.path_params["link"])
            self.end_previous(unit, call)
        return redirect("/admin/overview", self._desk.cookies.give("admin", cookie))

    def _invitation(self, call: Call) -> Answer:
        handle = _handle(call)
        with self._database.platform(call.actor, read_only=True) as unit:
            name = _tenant_name(unit, handle)
            with unit.enter(TenantScope(handle.tenant, call.actor, call.request_id)) as inside:
                admin = self._admins.invited(inside, handle)
        return self._button(call, f"You, {admin.email}, are invited to administer {name} here, as its {admin.role}.")

    def _accept(self, call: Call) -> Answer:
        self._check_button(call)
        handle = _handle(call)
        with self._database.platform(call.actor) as unit:
            _tenant_name(unit, handle)
            with unit.enter(TenantScope(handle.tenant, call.actor, call.request_id)) as inside:
                admin = self._admins.invited(inside, handle)
            with unit.enter(self._as_admin(call, admin)) as inside:
                self._admins.accept(inside, handle)
            cookie = unit[AdminSessions].open("admin", admin.id, handle.tenant)[1]
            self.end_previous(unit, call)
        return redirect("/admin", self._desk.cookies.give("admin", cookie))

    def _sign_out(self, call: Call) -> Answer:
        visit = self.visit(call)
        if visit is not None:
            check_form(call, visit.form_token)
            principal = visit.principal
            actor = Actor(principal.actor_type, principal.key, principal.name, call.client_ip, call.actor.user_agent)
            with self._database.platform(actor) as unit:
                if unit[AdminSessions].end(visit.session):
                    _record_end(unit, visit)
        return redirect("/admin/sign-in", self._desk.cookies.take("admin"))

    def visit(self, call: Call) -> Visit | None:
        cookie = self._desk.cookies.presented(call, "admin")
        if cookie is None:
            return None
        with self._database.platform(call.actor, read_only=True) as unit:
            return visit_of(unit, cookie)

    def end_previous(self, unit: PlatformUnit, call: Call) -> None:
        """Whoever was signed in with this browser before is not any more: a session that nobody can reach must not live on."""
        cookie = self._desk.cookies.presented(call, "admin")
        before = unit[AdminSessions].find(cookie) if cookie is not None else None
        if before is not None:
            unit[AdminSessions].end(before.id)

    def _asked(self, call: Call, email: str, problem: str, status: int = 200) -> Answer:
        place = call.query.get("next", "") if call.method == "GET" else call.form.get("next", "")
        usable = site_of(call.base_url).usable
        view: dict[str, Any] = {
            "email": email,
            "problem": problem,
            "place": place if is_ours(place) else "",
            "passkeys": usable,
        }
        return self._desk.pages.render("admin_sign_in.html", status, leaves=True, works=True, **view)

    def _button(self, call: Call, sentence: str) -> Answer:
        visitor, headers = self._face.beginner(call)
        token = derive(visitor.secret or "", call.path)
        page = self._desk.pages.render(
            "link.html", works=True, heading="Sign in", sentence=sentence, button="Sign in", token=token
        )
        return page.with_headers(*headers)

    def _check_button(self, call: Call) -> None:
        """The button was pressed on our own page, in the browser that got it: nobody is signed in by somebody else's form."""
        secret = self._face.visitor(call).secret
        if secret is None:
            raise ForgedForm("no browser cookie")
        check_form(call, derive(secret, call.path))

    def _as_admin(self, call: Call, admin: TenantAdmin) -> TenantScope:
        actor = Actor("user", admin.id, admin.email, call.client_ip, call.actor.user_agent)
        return TenantScope(TenantId(admin.tenant_id), actor, call.request_id)


def _handle(call: Call) -> Handle:
    handle = parse_handle(call.path_params["link"])
    if handle is None:
        raise LinkGone("not the form of a link")
    return handle


def _tenant_name(unit: PlatformUnit, handle: Handle) -> str:
    """Raises LinkGone where there is no such tenant: nothing is told of who is here."""
    tenant = unit[Tenants].get(handle.tenant)
    if tenant is None:
        raise LinkGone(LINK_GONE)
    return tenant.name


def _record_end(unit: PlatformUnit, visit: Visit) -> None:
    principal = visit.principal
    if visit.is_operator:
        unit.own_trail()[Outbox].record(Event("operator.signed_out", Resource("operator", principal.key, principal.name)))
    elif principal.tenant is not None:
        with unit.enter(TenantScope(principal.tenant, unit.actor)) as inside:
            inside[Outbox].record(Event("admin.signed_out", Resource("admin", principal.key, principal.name)))
