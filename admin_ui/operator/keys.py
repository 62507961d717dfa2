"""API keys of operators and tenants, the keys that sign tokens, the operators themselves, and their own trail."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk, Screen
from admin_ui.forms import Form, typed, with_problem
from admin_ui.lists import listed
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call

ROLES = (("owner", "owner"), ("admin", "admin"), ("member", "member: reads"), ("guest", "guest"))


class KeyPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get("/admin/api-keys", self._all, "list_api_keys"),
            post("/admin/api-keys", self._make, "create_api_key"),
            get("/admin/signing-keys", self._signing, "list_signing_keys"),
            get("/admin/operators", self._operators, "list_operators", "get_operator_tenant"),
            post("/admin/operators", self._invite, "create_login_link"),
            get("/admin/trail", self._trail, "search_operator_audit_events"),
            get("/admin/trail/export", self._export, "export_operator_audit_events"),
        ]

    def _all(self, call: Call, visit: Visit) -> Answer:
        return self._keys(call, visit, Form({"scope": "operator", "role": "admin"}), None)

    def _make(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        body: dict[str, Any] = {"name": form["name"].strip(), "scope": form["scope"]}
        if form["scope"] == "tenant":
            body |= {"tenant": form["tenant"].strip(), "role": form["role"]}
        try:
            made = self._desk.api.run(call, "create_api_key", body=body)
        except Refusal as refusal:
            return self._keys(call, visit, with_problem(form, refusal), None)
        return self._keys(call, visit, Form({"scope": "operator", "role": "admin"}), made)

    def _keys(self, call: Call, visit: Visit, form: Form, made: dict[str, Any] | None) -> Answer:
        found = listed(self._desk.api, call, "list_api_keys", "q")
        view = {"list": found, "form": form, "made": made, "roles": ROLES}
        return self._desk.page(call, visit, "operator/api_keys.html", form.status, **view)

    def _signing(self, call: Call, visit: Visit) -> Answer:
        tenant = call.query.get("tenant", "").strip()
        keys, problem = [], ""
        try:
            keys = self._desk.api.run(call, "list_signing_keys", query={"tenant": tenant})["data"]
        except Refusal as refusal:
            problem = refusal.public
        view: dict[str, Any] = {"keys": keys, "tenant": tenant, "problem": problem}
        return self._desk.page(call, visit, "operator/signing_keys.html", **view)

    def _operators(self, call: Call, visit: Visit) -> Answer:
        return self._operators_form(call, visit, Form(), None)

    def _invite(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            made = self._desk.api.run(call, "create_login_link", body={"email": form["email"].strip()})
        except Refusal as refusal:
            return self._operators_form(call, visit, with_problem(form, refusal), None)
        return self._operators_form(call, visit, Form(), made)

    def _operators_form(self, call: Call, visit: Visit, form: Form, made: dict[str, Any] | None) -> Answer:
        home = self._desk.api.run(call, "get_operator_tenant")
        view = {"list": listed(self._desk.api, call, "list_operators", "q"), "form": form, "made": made, "home": home}
        return self._desk.page(call, visit, "operator/operators.html", form.status, **view)

    def _trail(self, call: Call, visit: Visit) -> Answer:
        found = listed(self._desk.api, call, "search_operator_audit_events", "q", "action")
        return self._desk.page(
            call, visit, "audit.html", list=found, heading="The operators’ trail", export="/admin/trail/export"
        )

    def _export(self, call: Call, visit: Visit) -> Answer:
        del visit
        query = {name: call.query.get(name) for name in ("q", "action", "format")}
        return self._desk.api.raw(call, "export_operator_audit_events", query=query)
