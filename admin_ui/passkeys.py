"""Passkeys: signing in with one, and one's own list of them. Everybody has his own, so no permission is asked."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk
from admin_ui.forms import Form, typed, with_problem
from admin_ui.sign_in import LIMIT, SignInPages
from idbroker.admins.ceremony import Ceremonies, PasskeyRefused, note_refused
from idbroker.admins.passkeys import Passkeys
from idbroker.admins.visits import Visit
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import Refusal
from idbroker.kernel.scope import Actor
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call, json_answer, redirect
from idbroker.web.csrf import check_form, check_origin
from idbroker.web.problems import problem
from idbroker.web.route import OpenRoute
from idbroker.web.sign_in import SignInFace
from idbroker.web.tenancy import NotSignedIn

OWN = "/admin/passkeys"


class PasskeyPages:
    def __init__(
        self, desk: Desk, sign_in: SignInPages, *, database: Database, face: SignInFace, ceremonies: Ceremonies
    ) -> None:
        self._desk = desk
        self._sign_in = sign_in
        self._database = database
        self._face = face
        self._ceremonies = ceremonies

    def rows(self) -> list[OpenRoute]:
        table = (
            ("POST", "/admin/passkey/options", self._ask, problem),
            ("POST", "/admin/passkey", self._enter, self._desk.refused),
            ("GET", OWN, self._own, self._desk.refused),
            ("POST", f"{OWN}/options", self._ask_new, problem),
            ("POST", OWN, self._add, self._desk.refused),
            ("POST", f"{OWN}/{{passkey}}/remove", self._remove, self._desk.refused),
        )
        return [
            OpenRoute(method=method, path=path, handler=handler, limit=LIMIT, errors=errors, inline=False)  # type: ignore[arg-type] # GET and POST
            for method, path, handler, errors in table
        ]

    def _ask(self, call: Call) -> Answer:
        """Bound to this browser by its cookie, so that nobody is signed in by an answer from elsewhere."""
        check_origin(call)
        visitor, headers = self._face.beginner(call)
        with self._database.platform(call.actor) as unit:
            options = self._ceremonies.begin_sign_in(unit, visitor.secret or "")
        return json_answer(options, 200, *headers)

    def _enter(self, call: Call) -> Answer:
        check_origin(call)
        secret = self._face.visitor(call).secret
        if secret is None:
            raise PasskeyRefused("no browser cookie")
        with self._database.platform(call.actor) as unit:
            document, challenge = self._ceremonies.challenged(unit, call.form.get("credential", ""), secret)
        try:
            with self._database.platform(call.actor) as unit:
                cookie = self._ceremonies.sign_in(unit, document, challenge, call.actor)
                self._sign_in.end_previous(unit, call)
        except PasskeyRefused as refusal:
            with self._database.platform(call.actor) as unit:
                note_refused(unit, document, refusal)
            raise
        return redirect("/admin", self._desk.cookies.give("admin", cookie))

    def _own(self, call: Call) -> Answer:
        return self._shown(call, self._visit(call), Form())

    def _ask_new(self, call: Call) -> Answer:
        visit = self._posted(call)
        with self._database.platform(_actor(call, visit)) as unit:
            return json_answer(self._ceremonies.begin_adding(unit, visit))

    def _add(self, call: Call) -> Answer:
        visit, form = self._posted(call), typed(call)
        try:
            with self._database.platform(_actor(call, visit)) as unit:
                self._ceremonies.add(unit, visit, form["credential"], form["name"])
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(Form({"name": form["name"]}), refusal))
        return self._desk.done(OWN, "passkey_added")

    def _remove(self, call: Call) -> Answer:
        visit = self._posted(call)
        with self._database.platform(_actor(call, visit)) as unit:
            self._ceremonies.remove(unit, visit, call.path_params["passkey"])
        return self._desk.done(OWN, "passkey_removed")

    def _shown(self, call: Call, visit: Visit, form: Form) -> Answer:
        with self._database.platform(call.actor, read_only=True) as unit:
            rows: list[dict[str, Any]] = [
                {
                    "id": one.id,
                    "name": one.name,
                    "created_at": rfc3339(one.created_at),
                    "last_used_at": rfc3339(one.last_used_at) if one.last_used_at is not None else None,
                }
                for one in unit[Passkeys].of(visit.principal.key)
            ]
        view = {"passkeys": rows, "form": form, "usable": self._ceremonies.site.usable, "rp_id": self._ceremonies.site.rp_id}
        return self._desk.page(call, visit, "admin_passkeys.html", form.status, **view)

    def _visit(self, call: Call) -> Visit:
        visit = self._sign_in.visit(call)
        if visit is None:
            raise NotSignedIn
        return visit

    def _posted(self, call: Call) -> Visit:
        visit = self._visit(call)
        check_form(call, visit.form_token)
        return visit


def _actor(call: Call, visit: Visit) -> Actor:
    principal = visit.principal
    return Actor(principal.actor_type, principal.key, principal.name, call.client_ip, call.actor.user_agent)
