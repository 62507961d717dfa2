"""Tenants as operators see them: made, named, moved through their life, and entered with a reason."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk, Screen, is_ours, slug_of
from admin_ui.forms import VERSION, Form, carrying, filled, typed, with_problem
from admin_ui.lists import listed
from idbroker.access.permissions import Permission
from idbroker.admins.entering import enter
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.storage.database import Database
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED, STEPS
from idbroker.web.call import Answer, Call

ONE = "/admin/tenants/{tenant}"
TIERS = (("free", "free"), ("growth", "growth"), ("enterprise", "enterprise"))
BEGINNINGS = (("trial", "trial: everything works"), ("active", "active"), ("prospect", "prospect"))


class TenantPages:
    def __init__(self, desk: Desk, database: Database) -> None:
        self._desk = desk
        self._database = database

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get("/admin/tenants", self._all, "list_tenants"),
            get("/admin/tenants/new", self._new, "create_tenant"),
            post("/admin/tenants/new", self._make, "create_tenant"),
            get(ONE, self._one, "get_tenant", "get_entitlements", "list_setup_links", "list_admins"),
            post(ONE, self._save, "update_tenant"),
            get(f"{ONE}/move", self._ask_move, "move_tenant_to_state"),
            post(f"{ONE}/move", self._move, "move_tenant_to_state"),
            get(f"{ONE}/enter", self._ask_enter, needs=Permission.OPERATE_TENANTS),
            post(f"{ONE}/enter", self._enter, needs=Permission.OPERATE_TENANTS),
        ]

    def _all(self, call: Call, visit: Visit) -> Answer:
        found = listed(self._desk.api, call, "list_tenants", "q", "status")
        return self._desk.page(call, visit, "operator/tenants.html", list=found, states=tuple(STEPS))

    def _new(self, call: Call, visit: Visit) -> Answer:
        return self._new_form(call, visit, Form({"tier": "growth", "status": "trial"}))

    def _make(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        body: dict[str, Any] = {name: form[name].strip() for name in ("slug", "name", "tier", "status")}
        body["region"] = form["region"].strip() or None
        try:
            made = self._desk.api.run(call, "create_tenant", body=body)
        except Refusal as refusal:
            return self._new_form(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/tenants/{made['slug']}", "tenant_made")

    def _new_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        view = {"form": form, "tiers": TIERS, "beginnings": BEGINNINGS}
        return self._desk.page(call, visit, "operator/tenant_new.html", form.status, **view)

    def _one(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit, None)

    def _save(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        body = {"name": form["name"].strip(), "tier": form["tier"], "region": form["region"].strip() or None}
        try:
            self._desk.api.run(call, "update_tenant", body=body, version=form[VERSION])
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/tenants/{slug_of(visit)}", "saved")

    def _shown(self, call: Call, visit: Visit, form: Form | None) -> Answer:
        run = self._desk.api.run
        tenant, present = self._desk.api.versioned(call, "get_tenant")
        view = {
            "tenant": tenant,
            "form": carrying(form or filled(tenant), present),
            "tiers": TIERS,
            "steps": STEPS[tenant["status"]],
            "signs_in": tenant["status"] in SIGN_IN_ALLOWED,
            "included": run(call, "get_entitlements"),
            "admins": run(call, "list_admins", query={"limit": "5"})["data"],
            "links": run(call, "list_setup_links", query={"limit": "5"})["data"],
        }
        return self._desk.page(call, visit, "operator/tenant.html", view["form"].status, **view)

    def _ask_move(self, call: Call, visit: Visit) -> Answer:
        return self._move_form(call, visit, Form({"to": call.query.get("to", "")}))

    def _move(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            body = {"to": form["to"], "reason": form["reason"]}
            self._desk.api.run(call, "move_tenant_to_state", body=body)
        except Refusal as refusal:
            return self._move_form(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/tenants/{slug_of(visit)}", "moved")

    def _move_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        tenant = self._desk.api.run(call, "get_tenant")
        steps = STEPS[tenant["status"]]
        view = {
            "tenant": tenant,
            "form": form,
            "options": [(step, step.replace("_", " ")) for step in steps],
            "open": SIGN_IN_ALLOWED,
        }
        return self._desk.page(call, visit, "operator/tenant_move.html", form.status, **view)

    def _ask_enter(self, call: Call, visit: Visit) -> Answer:
        return self._enter_form(call, visit, Form({"next": call.query.get("next", "")}))

    def _enter(self, call: Call, visit: Visit) -> Answer:
        form, tenant = typed(call), visit.tenant
        if tenant is None:
            raise NotFound("tenant")
        try:
            with self._database.platform(call.actor) as unit:
                enter(unit, visit, tenant, form["reason"])
        except Refusal as refusal:
            return self._enter_form(call, visit, with_problem(form, refusal))
        home = f"/admin/t/{slug_of(visit)}"
        place = form["next"] if is_ours(form["next"]) and form["next"].startswith(f"{home}/") else home
        return self._desk.done(place, "entered")

    def _enter_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        return self._desk.page(call, visit, "operator/tenant_enter.html", form.status, form=form, tenant=visit.tenant)
