"""The signed-in person's own page: who he is to which organisation, which apps he reached, and the way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from idbroker.apps.model import Apps
from idbroker.directory.model import User, Users
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.kernel.secrets import derive
from idbroker.login.logout import Ended, LogoutFlow
from idbroker.login.steps import Destination
from idbroker.sessions.handles import Handle
from idbroker.sessions.model import Session, Sessions
from idbroker.sessions.service import SessionService
from idbroker.storage.database import Database
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, BadRequest, Call, redirect
from idbroker.web.cookies import Cookies
from idbroker.web.messages import spoken
from idbroker.web.pages import Pages
from idbroker.web.route import ErrorFace, OpenRoute
from idbroker.web.sign_in import SignInFace

FORM_PURPOSE = "account form"


@dataclass(frozen=True, slots=True)
class SessionView:
    id: str
    here: bool
    browser: str
    ip: str
    started_at: datetime
    apps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PersonView:
    """One person in one organisation. ``token`` proves that a form was ours."""

    tenant: str
    name: str
    email: str
    token: str
    sessions: tuple[SessionView, ...]


@dataclass(frozen=True, slots=True)
class _Live:
    """A cookie's handle with what it proves."""

    handle: Handle
    scope: TenantScope
    session: Session
    user: User


class AccountPage:
    def __init__(
        self,
        database: Database,
        sessions: SessionService,
        cookies: Cookies,
        pages: Pages,
        *,
        face: SignInFace,
        logout: LogoutFlow,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._cookies = cookies
        self._pages = pages
        self._face = face
        self._logout = logout

    def rows(self, errors: ErrorFace) -> list[OpenRoute]:
        return [
            OpenRoute(method="GET", path="/account", handler=self._show, limit="sign_in", errors=errors, inline=False),
            OpenRoute(
                method="POST", path="/account/sign-out", handler=self._sign_out, limit="sign_in", errors=errors, inline=False
            ),
        ]

    def _show(self, call: Call) -> Answer:
        lives = [live for handle in self._handles(call) if (live := self._live(handle, call)) is not None]
        people = [self._person(live) for live in lives]
        brand = self._face.brand(lives[0].scope.tenant) if len(lives) == 1 else None
        return self._pages.render("account.html", leaves=bool(people), people=people, brand=brand, words=spoken(call))

    def _sign_out(self, call: Call) -> Answer:
        """End one session of the person whose form it was, in this browser or another."""
        wanted, token = call.form.get("session", ""), call.form.get("token", "")
        for handle in self._handles(call):
            if token == _form_token(handle):
                return self._end(handle, wanted, call)
        # Another site can make a browser send this form, but not read the token off our page.
        public = "This page was open for too long. Please reload it and try again."
        raise BadRequest("stale_form", public, detail="no session of this browser gives that form token")

    def _end(self, handle: Handle, wanted: str, call: Call) -> Answer:
        live = self._live(handle, call)
        if live is None:
            return redirect("/account", self._cookies.drop_sessions(call, [handle.tenant]))
        actor = Actor("user", live.user.id, live.user.email, call.client_ip, call.user_agent)
        with self._database.tenant(TenantScope(handle.tenant, actor, call.request_id)) as unit:
            row = unit[Sessions].get(wanted)
            if row is not None and row.user_id == live.user.id:
                self._sessions.end(unit, row, "signed_out")
        if wanted != live.session.id:
            # Its IdP's session is in another browser; a trip from here would end this one's.
            return redirect("/account")
        visitor, headers = self._face.beginner(call)
        step = self._logout.leave([Ended(handle.tenant, wanted)], Destination("/account"), visitor)
        return self._face.signed_out(step, call, *headers, self._cookies.drop_sessions(call, [handle.tenant]))

    def _handles(self, call: Call) -> list[Handle]:
        return self._cookies.session_handles(call)

    def _live(self, handle: Handle, call: Call) -> _Live | None:
        scope = TenantScope(handle.tenant, call.actor, call.request_id)
        with self._database.tenant(scope, read_only=True) as unit:
            session = self._sessions.find(unit, handle)
            user = unit[Users].get(session.user_id) if session is not None else None
        if session is None or user is None or not user.active:
            return None
        return _Live(handle, scope, session, user)

    def _person(self, live: _Live) -> PersonView:
        with self._database.tenant(live.scope, read_only=True) as unit:
            rows = sorted(unit[Sessions].live_of_user(live.user.id), key=lambda row: row.id != live.session.id)
            reached = unit[Sessions].apps([row.id for row in rows])
        tenant, names = self._names(live.scope, {client for clients in reached.values() for client in clients})
        return PersonView(
            tenant=tenant,
            name=live.user.display_name or _full_name(live.user) or live.user.email or live.user.id,
            email=live.user.email or "",
            token=_form_token(live.handle),
            sessions=tuple(_view(row, live, [names[c] for c in reached.get(row.id, ())]) for row in rows),
        )

    def _names(self, scope: TenantScope, clients: set[str]) -> tuple[str, dict[str, str]]:
        """(the organisation's name, client id → the app's name)."""
        with self._database.platform(scope.actor, read_only=True) as unit:
            tenant = unit[Tenants].get(scope.tenant)
            apps = {client: unit[Apps].get(client) for client in clients}
        return (tenant.name if tenant else ""), {client: app.name if app else client for client, app in apps.items()}


def _form_token(handle: Handle) -> str:
    return derive(str(handle), FORM_PURPOSE)


def _full_name(user: User) -> str:
    return " ".join(part for part in (user.given_name, user.family_name) if part)


def _view(row: Session, live: _Live, apps: Sequence[str]) -> SessionView:
    here = row.id == live.session.id
    return SessionView(row.id, here, _browser(row.user_agent or ""), row.ip or "", row.started_at, tuple(apps))


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def _browser(agent: str) -> str:
    """“Firefox on Windows”, as far as the agent's own word goes."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser} on {system}" if system else browser
