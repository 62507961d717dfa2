"""Staged changes of a connection and test sign-ins: compared, tried, promoted, rolled back."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.forms import Form, typed, with_problem
from admin_ui.tenant.connections import ONE, source_of
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call, redirect

CANDIDATE = f"{ONE}/candidates/{{candidate}}"


class ChangePages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get(f"{ONE}/change", self._new, "create_candidate", "get_connection"),
            post(f"{ONE}/change", self._make, "create_candidate"),
            get(CANDIDATE, self._one, "get_candidate", "get_connection"),
            post(f"{CANDIDATE}/promote", self._promote, "promote_candidate"),
            post(f"{ONE}/test", self._test, "create_test_sign_in"),
            get(f"{ONE}/tests", self._tests, "list_test_sign_ins"),
            get(f"{ONE}/tests/{{test}}", self._result, "get_test_sign_in", "get_connection"),
        ]

    def _new(self, call: Call, visit: Visit) -> Answer:
        return self._new_form(call, visit, Form())

    def _make(self, call: Call, visit: Visit) -> Answer:
        form, connection = typed(call), self._desk.api.run(call, "get_connection")
        body = {"label": form["label"].strip(), **source_of(form, connection["type"])}
        try:
            made = self._desk.api.run(call, "create_candidate", body=body)
        except Refusal as refusal:
            return self._new_form(call, visit, with_problem(form, refusal))
        return self._desk.done(f"{_home(call, visit)}/candidates/{made['id']}", "candidate_made")

    def _new_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        connection = self._desk.api.run(call, "get_connection")
        return self._desk.page(call, visit, "tenant/change_new.html", form.status, form=form, connection=connection)

    def _one(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit, Form())

    def _promote(self, call: Call, visit: Visit) -> Answer:
        """Only what was compared: a connection that changed meanwhile is compared again first."""
        form = typed(call)
        seen = form["live_version"]
        body = {"live_version": int(seen)} if seen.isascii() and seen.isdigit() and len(seen) < 10 else {}
        try:
            self._desk.api.run(call, "promote_candidate", body=body)
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return self._shown(call, visit, with_problem(form, refusal))
        return self._desk.done(_home(call, visit), "promoted")

    def _shown(self, call: Call, visit: Visit, form: Form) -> Answer:
        view: dict[str, Any] = {
            "connection": self._desk.api.run(call, "get_connection"),
            "candidate": self._desk.api.run(call, "get_candidate"),
            "form": form,
        }
        return self._desk.page(call, visit, "tenant/candidate.html", form.status, **view)

    def _test(self, call: Call, visit: Visit) -> Answer:
        """Into a window of its own, to the page with the one button that spends the link."""
        candidate = call.form.get("candidate") or None
        try:
            made = self._desk.api.run(call, "create_test_sign_in", body={"candidate": candidate} if candidate else {})
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return self._desk.refused(refusal, call)
        return redirect(str(made["url"]))

    def _tests(self, call: Call, visit: Visit) -> Answer:
        """The table of tests, asked for again and again while one is under way."""
        if call.headers.get("hx-request") != "true":
            return redirect(_home(call, visit))
        query = {"connection": call.path_params["connection"], "limit": "5"}
        tests = self._desk.api.run(call, "list_test_sign_ins", query=query)["data"]
        return self._desk.part("tenant/tests.html", tests=tests, home=_home(call, visit))

    def _result(self, call: Call, visit: Visit) -> Answer:
        view: dict[str, Any] = {
            "connection": self._desk.api.run(call, "get_connection"),
            "test": self._desk.api.run(call, "get_test_sign_in"),
        }
        return self._desk.page(call, visit, "tenant/test.html", **view)


def _home(call: Call, visit: Visit) -> str:
    return f"/admin/t/{slug_of(visit)}/connections/{call.path_params['connection']}"
