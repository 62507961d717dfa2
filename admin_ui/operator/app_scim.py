"""Outbound SCIM: where the broker pushes an app's people and groups to, and what became of it, tenant by tenant."""

from __future__ import annotations

from typing import Any

from admin_ui.confirm import Act
from admin_ui.desk import Desk, Screen
from admin_ui.forms import Form, lines, typed, with_problem
from admin_ui.lists import Listing, listed
from admin_ui.operator.apps import ONE
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.web.call import Answer, Call

HERE = f"{ONE}/scim"
STATUSES = ("pending", "done", "dead")


class AppScimPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get(HERE, self._show, "get_app_scim", "get_app", "list_app_scim_pushes"),
            post(HERE, self._save, "put_app_scim"),
            post(f"{HERE}/resync", self._resync, "resync_app_scim"),
        ]

    def _show(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit, None)

    def _save(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        body: dict[str, Any] = {"base_url": form["base_url"].strip(), "tenants": lines(form["tenants"]) or "all"}
        if form["client_secret"].strip():
            body["token"] = form["client_secret"].strip()
        try:
            self._desk.api.run(call, "put_app_scim", body=body)
        except NotFound:
            raise
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/apps/{call.path_params['client_id']}/scim", "saved")

    def _resync(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        tenant = form["tenant"].strip()
        try:
            self._desk.api.run(call, "resync_app_scim", body={"tenant": tenant} if tenant else {})
        except Refusal as refusal:
            if self._target(call) is None:
                raise
            return self._shown(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/apps/{call.path_params['client_id']}/scim", "resynced")

    def _target(self, call: Call) -> dict[str, Any] | None:
        try:
            return self._desk.api.run(call, "get_app_scim")
        except NotFound:
            return None

    def _shown(self, call: Call, visit: Visit, form: Form | None) -> Answer:
        """What is pushed is shown for one tenant at a time: it is that tenant's people."""
        app, target = self._desk.api.run(call, "get_app"), self._target(call)
        tenant = call.query.get("tenant", "").strip() if call.method == "GET" else ""
        pushes: Listing | None = None
        problem = ""
        if target is not None and tenant:
            try:
                pushes = listed(self._desk.api, call, "list_app_scim_pushes", "tenant", "status")
            except Refusal as refusal:
                problem = refusal.public
        shown = form or _as_form(target)
        view: dict[str, Any] = {
            "app": app,
            "target": target,
            "form": shown,
            "list": pushes,
            "tenant": tenant,
            "statuses": STATUSES,
            "problem": problem,
        }
        return self._desk.page(call, visit, "operator/app_scim.html", shown.status, **view)


def _as_form(target: dict[str, Any] | None) -> Form:
    if target is None:
        return Form()
    tenants = "" if target["tenants"] == "all" else "\n".join(target["tenants"])
    return Form({"base_url": target["base_url"], "tenants": tenants})


ACTS = (
    Act(
        path=f"{HERE}/remove",
        operation="delete_app_scim",
        title="Push nothing to this app any more?",
        says="Changes of people and groups no longer reach the app from this moment on. Whom it knows already it keeps: "
        "somebody who leaves from now on stays active there.",
        button="Stop pushing",
        back=HERE,
        done="app_scim_removed",
        named=("get_app", "name"),
    ),
)
