"""People, groups, roles and sessions: who is here, where that is known from, and what it makes of him."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.forms import Form, typed, with_problem
from admin_ui.lists import listed
from idbroker.access.permissions import Permission
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call

HOME = "/admin/t/{tenant}"


class PeoplePages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get(f"{HOME}/people", self._people, "list_users"),
            get(f"{HOME}/people/{{user}}", self._person, "get_user", "list_sessions", "list_revocations_of_user"),
            get(f"{HOME}/groups", self._groups, "list_groups"),
            get(f"{HOME}/groups/{{group}}", self._group, "get_group", "list_members"),
            get(f"{HOME}/roles", self._roles, "list_role_mappings", "list_users", "get_user"),
            post(f"{HOME}/roles", self._give, "create_role_mapping"),
            get(f"{HOME}/sessions", self._sessions, "list_sessions"),
        ]

    def _people(self, call: Call, visit: Visit) -> Answer:
        return self._desk.page(call, visit, "tenant/people.html", list=listed(self._desk.api, call, "list_users", "q"))

    def _person(self, call: Call, visit: Visit) -> Answer:
        run = self._desk.api.run
        person = run(call, "get_user")
        view: dict[str, Any] = {"person": person, "sessions": None, "endings": None, "why": self._why(call, person)}
        if Permission.SESSIONS_READ in visit.principal.permissions:
            view["sessions"] = run(call, "list_sessions", query={"user": person["id"], "live": "true"})["data"]
            view["endings"] = run(call, "list_revocations_of_user")["data"][:5]
        return self._desk.page(call, visit, "tenant/person.html", **view)

    def _why(self, call: Call, person: dict[str, Any]) -> list[dict[str, Any]]:
        """Every rule that gives this person a role, with the group that it goes by."""
        held = {group["display_name"] for group in person["groups"]}
        return [rule for rule in self._rules(call) if rule["group"] in held]

    def _rules(self, call: Call) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = self._desk.api.run(call, "list_role_mappings", query={"limit": "200"})["data"]
        return rules

    def _groups(self, call: Call, visit: Visit) -> Answer:
        return self._desk.page(call, visit, "tenant/groups.html", list=listed(self._desk.api, call, "list_groups", "q"))

    def _group(self, call: Call, visit: Visit) -> Answer:
        group = self._desk.api.run(call, "get_group")
        rules = [rule for rule in self._rules(call) if rule["group"] == group["display_name"]]
        view: dict[str, Any] = {"group": group, "list": listed(self._desk.api, call, "list_members"), "rules": rules}
        return self._desk.page(call, visit, "tenant/group.html", **view)

    def _roles(self, call: Call, visit: Visit) -> Answer:
        return self._roles_form(call, visit, Form({"group": call.query.get("group", "")}))

    def _give(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        body = {"group": form["group"].strip(), "role": form["role"].strip(), "app": form["app"].strip() or None}
        try:
            self._desk.api.run(call, "create_role_mapping", body=body)
        except Refusal as refusal:
            return self._roles_form(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/t/{slug_of(visit)}/roles", "mapping_made")

    def _roles_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        """With what the rules make of a real person: the first that the search finds."""
        text = call.query.get("who", "").strip() if call.method == "GET" else ""
        found = self._desk.api.run(call, "list_users", query={"q": text, "limit": "1"})["data"] if text else []
        who = found[0] if found else None
        view: dict[str, Any] = {
            "list": listed(self._desk.api, call, "list_role_mappings"),
            "form": form,
            "asked": text,
            "who": who,
            "why": self._why(call, who) if who else [],
        }
        return self._desk.page(call, visit, "tenant/roles.html", form.status, **view)

    def _sessions(self, call: Call, visit: Visit) -> Answer:
        all_of_them = call.query.get("ended", "") == "on"
        found = listed(self._desk.api, call, "list_sessions", fixed={} if all_of_them else {"live": "true"})
        return self._desk.page(call, visit, "tenant/sessions.html", list=found, ended=all_of_them)
