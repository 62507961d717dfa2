"""Provisioning in the same flow, and switching on: for everybody, once it is proven that it works."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from admin_ui.api import Json
from admin_ui.desk import Screen
from admin_ui.forms import Form, lines, typed, with_problem
from admin_ui.setup.bench import LAST, ROOT, Bench, Work
from admin_ui.setup.connect import renamed
from admin_ui.setup.opening import DONE
from idbroker.admins.visits import Visit
from idbroker.directories.service import MAX_LIVE_TOKENS
from idbroker.kernel.errors import Conflict, NotFound, Refusal
from idbroker.web.call import Answer, Call, redirect

SCIM = f"{ROOT}/scim"
FINISH = f"{ROOT}/finish"


class FinishSteps:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def screens(self) -> list[Screen]:
        get, post = self._bench.get, self._bench.post
        return [
            get(SCIM, self._scim, "get_directory", "get_directory_report", "list_directory_tokens"),
            get(f"{SCIM}/state", self._state, "get_directory", "get_directory_report"),
            post(SCIM, self._provision, "create_directory", "create_directory_token", "revoke_directory_token"),
            get(FINISH, self._finish, "get_connection", "list_domains", "get_candidate"),
            post(FINISH, self._switch_on, "update_connection", "promote_candidate", "get_candidate"),
            post(f"{FINISH}/for-some", self._for_some, "update_connection"),
        ]

    def _scim(self, call: Call, visit: Visit) -> Answer:
        return self._scim_page(call, visit, self._bench.work(call, visit), Form(), None)

    def _state(self, call: Call, visit: Visit) -> Answer:
        """Whether the first request has come."""
        work = self._bench.work(call, visit)
        directory = self._directory(call, visit, work)
        if directory and directory["last_request_at"] and "scim" not in work.done:
            self._bench.remember(call, visit, step="scim")
        return self._bench.desk.part("setup/scim_state.html", directory=directory, seen=self._seen(call, visit, directory))

    def _seen(self, call: Call, visit: Visit, directory: dict[str, Any] | None) -> dict[str, Any]:
        """What has come so far, to be ticked off."""
        if directory is None:
            return {}
        report = self._bench.run(call, visit, "get_directory_report", directory=directory["id"])
        return {"requests": bool(directory["last_request_at"]), **{name: report[name] for name in ("users", "groups")}}

    def _provision(self, call: Call, visit: Visit) -> Answer:
        """A directory, the first time; and a token, shown this once. Where there is no room for it, it replaces another."""
        work = self._bench.work(call, visit)
        try:
            directory = self._directory(call, visit, work)
            if directory is None:
                vendor = work.vendor
                body = {"name": vendor.short if vendor else "SCIM"}
                directory = self._bench.run(call, visit, "create_directory", body=body)
                work = self._bench.remember(call, visit, directory=directory["id"])
            self._make_room(call, visit, directory)
            token = self._bench.run(call, visit, "create_directory_token", body={}, directory=directory["id"])["token"]
        except Refusal as refusal:
            return self._scim_page(call, visit, work, with_problem(Form(), refusal), None)
        return self._scim_page(call, visit, work, Form(), str(token))

    def _make_room(self, call: Call, visit: Visit, directory: Json) -> None:
        """Revoke the token that a new one replaces. Raises Conflict for one in use unless the form names it."""
        replaced = self._replaced(call, visit, directory)
        if replaced is None:
            return
        if replaced["last_used_at"] and call.form.get("replace") != replaced["id"]:
            raise Conflict("too_many_tokens", "Both tokens are in use. Say that the older one may go, or keep them.")
        self._bench.run(call, visit, "revoke_directory_token", directory=directory["id"], token=replaced["id"])

    def _replaced(self, call: Call, visit: Visit, directory: Json | None) -> Json | None:
        """The live token that one more would replace: one never used before one that was, the older before the newer."""
        if directory is None:
            return None
        query, now = {"limit": "200"}, self._bench.now()
        tokens = self._bench.run(call, visit, "list_directory_tokens", query=query, directory=directory["id"])["data"]
        live = [
            one
            for one in tokens
            if not one["revoked_at"] and (not one["expires_at"] or datetime.fromisoformat(one["expires_at"]) > now)
        ]
        return min(live, key=lambda one: bool(one["last_used_at"])) if len(live) >= MAX_LIVE_TOKENS else None

    def _directory(self, call: Call, visit: Visit, work: Work) -> dict[str, Any] | None:
        if not work["directory"]:
            return None
        try:
            return self._bench.run(call, visit, "get_directory", directory=str(work["directory"]))
        except NotFound:
            return None

    def _scim_page(self, call: Call, visit: Visit, work: Work, form: Form, token: str | None) -> Answer:
        directory = self._directory(call, visit, work)
        view: dict[str, Any] = {
            "directory": directory,
            "form": form,
            "made": token,
            "seen": self._seen(call, visit, directory),
            "replaced": self._replaced(call, visit, directory),
        }
        return self._bench.page(call, visit, "setup/scim.html", work, form.status, **view)

    def _finish(self, call: Call, visit: Visit) -> Answer:
        connection = self._bench.connection(call, visit, self._bench.work(call, visit))
        named = connection["options"]["test_users"] if connection else []
        return self._finish_page(call, visit, Form({"test_users": "\n".join(named)}))

    def _for_some(self, call: Call, visit: Visit) -> Answer:
        """The connection stays in test, and the people who are named sign in through it for real."""
        form, work = typed(call), self._bench.work(call, visit)
        connection = self._bench.connection(call, visit, work)
        if connection is None:
            return redirect(f"{ROOT}/metadata")
        try:
            options = {"test_users": lines(form["test_users"])}
            self._bench.run(call, visit, "update_connection", body={"options": options}, connection=connection["id"])
        except Refusal as refusal:
            return self._finish_page(call, visit, with_problem(form, refusal))
        return self._bench.go(FINISH, "named")

    def _switch_on(self, call: Call, visit: Visit) -> Answer:
        work = self._bench.work(call, visit)
        connection = self._bench.connection(call, visit, work)
        if connection is None:
            return redirect(f"{ROOT}/metadata")
        try:
            if self._waits_for_domain(call, visit, work):
                raise Conflict("domain_not_proven", "The connection stays in test until one of your domains is verified.")
            body = {"status": "active", **self._promoted(call, visit, work, connection)}
            if work.vendor is not None:
                body |= renamed(connection, work.vendor)
            self._bench.run(call, visit, "update_connection", body=body, connection=connection["id"])
        except Refusal as refusal:
            return self._finish_page(call, visit, with_problem(typed(call), refusal))
        self._bench.remember(call, visit, candidate=None, mapping=None, step=LAST)
        return redirect(DONE)

    def _promoted(self, call: Call, visit: Visit, work: Work, connection: Json) -> Json:
        """Put a staged change in the place of what is live. What waited to go with it, as fields of the connection.

        Raises Conflict before a test of it has passed: everybody's sign-in would go through something untried.
        """
        if work["candidate"]:
            staged = self._bench.staged(call, visit, work)
            if staged is None:  # promoted or given up in the tenant's pages meanwhile, and what waited for it with it
                return {}
            if "test" not in work.done:
                raise Conflict(
                    "not_tested", "The change takes the place of what is live once a test sign-in with it has passed."
                )
            self._bench.run(call, visit, "promote_candidate", body={}, connection=connection["id"], candidate=staged["id"])
            self._bench.remember(call, visit, candidate=None)
        return {"attribute_mapping": work["mapping"]} if work["mapping"] else {}

    def _waits_for_domain(self, call: Call, visit: Visit, work: Work) -> bool:
        """Only whoever has the domain in his hands is asked for its proof here."""
        if "domains" not in work.link.scopes:
            return False
        return all(one["status"] != "verified" for one in self._bench.run(call, visit, "list_domains")["data"])

    def _finish_page(self, call: Call, visit: Visit, form: Form) -> Answer:
        work = self._bench.work(call, visit)
        view: dict[str, Any] = {
            "connection": self._bench.connection(call, visit, work),
            "staged": self._bench.staged(call, visit, work),
            "waits": self._waits_for_domain(call, visit, work),
            "base": call.base_url,
            "form": form,
        }
        return self._bench.page(call, visit, "setup/finish.html", work, form.status, **view)
