"""People, groups, roles and sessions: who is here, where that is known from, and what it makes of him."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.forms import Form, typed, with_problem
from admin_ui.lists import Listing, listed
from idbroker.access.permissions import Permission
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.web.call import Answer, Call

HOME = "/admin/t/{tenant}"
FOUND = 6
"""People shown for a preview."""


class PeoplePages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get(f"{HOME}/people", self._people, "list_users"),
            get(
                f"{HOME}/people/{{user}}",
                self._person,
                "get_user",
                "get_user_provenance",
                "list_sessions",
                "list_revocations_of_user",
            ),
            get(f"{HOME}/groups", self._groups, "list_groups", "list_connections", "list_directories"),
            get(f"{HOME}/groups/{{group}}", self._group, "get_group", "list_members"),
            get(f"{HOME}/roles", self._roles, "list_role_mappings", "list_users", "get_user_provenance"),
            post(f"{HOME}/roles", self._give, "create_role_mapping"),
            get(f"{HOME}/sessions", self._sessions, "list_sessions", "list_users"),
        ]

    def _people(self, call: Call, visit: Visit) -> Answer:
        return self._desk.page(
            call, visit, "tenant/people.html", list=listed(self._desk.api, call, "list_users", "q", "active")
        )

    def _person(self, call: Call, visit: Visit) -> Answer:
        run = self._desk.api.run
        try:
            person = run(call, "get_user")
        except NotFound:
            return self._gone(call, visit)
        view: dict[str, Any] = {"person": person, "sessions": None, "endings": None}
        view["origin"] = run(call, "get_user_provenance")
        if Permission.SESSIONS_READ in visit.principal.permissions:
            view["sessions"] = run(call, "list_sessions", query={"user": person["id"], "live": "true"})["data"]
            view["endings"] = run(call, "list_revocations_of_user")["data"][:5]
        return self._desk.page(call, visit, "tenant/person.html", **view)

    def _gone(self, call: Call, visit: Visit) -> Answer:
        """Somebody who was deleted: the receipts of his endings are still there. Raises NotFound when there are none."""
        if Permission.SESSIONS_READ not in visit.principal.permissions:
            raise NotFound("user")
        endings = self._desk.api.run(call, "list_revocations_of_user")["data"]
        return self._desk.page(call, visit, "tenant/person_gone.html", gone=call.path_params["user"], endings=endings)

    def _rules(self, call: Call) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = self._desk.api.run(call, "list_role_mappings", query={"limit": "200"})["data"]
        return rules

    def _groups(self, call: Call, visit: Visit) -> Answer:
        view: dict[str, Any] = {"list": listed(self._desk.api, call, "list_groups", "q"), "sources": self._sources(call, visit)}
        return self._desk.page(call, visit, "tenant/groups.html", **view)

    def _sources(self, call: Call, visit: Visit) -> dict[str, str]:
        """Connection or directory → its name, as far as he may see them."""
        held = visit.principal.permissions
        found: dict[str, str] = {}
        for needed, operation in (
            (Permission.CONNECTIONS_READ, "list_connections"),
            (Permission.DIRECTORIES_READ, "list_directories"),
        ):
            if needed in held:
                found |= {one["id"]: one["name"] for one in self._desk.api.run(call, operation, query={"limit": "200"})["data"]}
        return found

    def _group(self, call: Call, visit: Visit) -> Answer:
        group = self._desk.api.run(call, "get_group")
        rules = [rule for rule in self._rules(call) if rule["group"] == group["display_name"]]
        view: dict[str, Any] = {"group": group, "list": listed(self._desk.api, call, "list_members"), "rules": rules}
        view["sources"] = self._sources(call, visit)
        return self._desk.page(call, visit, "tenant/group.html", **view)

    def _roles(self, call: Call, visit: Visit) -> Answer:
        """A rule that is typed and not given yet can be tried on a person: nothing is written by looking."""
        return self._roles_form(
            call, visit, Form({name: call.query.get(name, "").strip() for name in ("group", "role", "app")})
        )

    def _give(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        body = {"group": form["group"].strip(), "role": form["role"].strip(), "app": form["app"].strip() or None}
        try:
            self._desk.api.run(call, "create_role_mapping", body=body)
        except Refusal as refusal:
            return self._roles_form(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/t/{slug_of(visit)}/roles", "mapping_made")

    def _roles_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        text = call.query.get("who", "").strip() if call.method == "GET" else ""
        found = self._desk.api.run(call, "list_users", query={"q": text, "limit": str(FOUND)})["data"] if text else []
        wanted = call.query.get("user", "")
        who = next((one for one in found if one["id"] == wanted), found[0] if found else None)
        view: dict[str, Any] = {
            "list": listed(self._desk.api, call, "list_role_mappings", "q"),
            "form": form,
            "asked": text,
            "who": who,
            "others": [one for one in found if one is not who],
            "roles": self._would_have(call, who, form) if who else [],
        }
        return self._desk.page(call, visit, "tenant/roles.html", form.status, **view)

    def _would_have(self, call: Call, who: dict[str, Any], form: Form) -> list[dict[str, Any]]:
        """The person's roles with what the typed rule would add to them, marked."""
        held: list[dict[str, Any]] = self._desk.api.run(call, "get_user_provenance", user=who["id"])["roles"]
        rule = {"role": form["role"], "app": form["app"] or None, "because_of": form["group"]}
        in_group = form["group"] in {group["display_name"] for group in who["groups"]}
        added = [{**rule, "new": True}] if form["role"] and in_group and rule not in held else []
        return [{**one, "new": False} for one in held] + added

    def _sessions(self, call: Call, visit: Visit) -> Answer:
        all_of_them = call.query.get("ended", "") == "on"
        who = self._wanted(call)
        fixed = {**({} if all_of_them else {"live": "true"}), **({"user": who["id"]} if who else {})}
        nobody = bool(call.query.get("q", "").strip()) and who is None
        found = None if nobody else listed(self._desk.api, call, "list_sessions", fixed=fixed)
        view: dict[str, Any] = {"list": found, "ended": all_of_them, "who": who, "asked": call.query.get("q", "").strip()}
        return self._desk.page(call, visit, "tenant/sessions.html", names=self._names(call, found), **view)

    def _wanted(self, call: Call) -> dict[str, Any] | None:
        """The first person whom the text that was typed finds."""
        text = call.query.get("q", "").strip()
        found = self._desk.api.run(call, "list_users", query={"q": text, "limit": "1"})["data"] if text else []
        return found[0] if found else None

    def _names(self, call: Call, found: Listing | None) -> dict[str, str]:
        """Person → what he is called."""
        ids = sorted({one["user_id"] for one in found.rows}) if found is not None else []
        people = self._desk.api.run(call, "list_users", query={"ids": ",".join(ids)})["data"] if ids else []
        return {one["id"]: one["display_name"] or one["email"] or one["id"] for one in people}
