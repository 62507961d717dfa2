"""Roles of a tenant's own: what each allows, chosen from the permissions of whoever makes it."""

from __future__ import annotations

from typing import Any

from admin_ui.confirm import Act
from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.forms import VERSION, Form, carrying, typed, with_problem
from admin_ui.lists import listed
from idbroker.access.permissions import TENANT_WIDE, Permission
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call

HOME = "/admin/t/{tenant}/admin-roles"
ONE = f"{HOME}/{{admin_role}}"
BUILT_IN = (
    ("admin", "admin: everything but keys of programs"),
    ("owner", "owner: everything"),
    ("member", "member: reads"),
    ("guest", "guest: sees that the tenant is here"),
)
ALLOWS = "allows:"
"""What the names of the boxes begin with: a permission follows."""

ADMIN_ROLE_ACTS = (
    Act(
        path=f"{ONE}/remove",
        operation="delete_admin_role",
        title="Remove this role?",
        says="Nobody can be given it any more. As long as an admin or an API key has it, it cannot be removed.",
        button="Remove the role",
        back=ONE,
        after=HOME,
        done="admin_role_removed",
        named=("get_admin_role", "name"),
    ),
)


class AdminRolePages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get(HOME, self._all, "list_admin_roles"),
            get(f"{HOME}/new", self._new, "create_admin_role"),
            post(f"{HOME}/new", self._make, "create_admin_role"),
            get(ONE, self._one, "get_admin_role"),
            post(ONE, self._save, "update_admin_role", "get_admin_role"),
        ]

    def _all(self, call: Call, visit: Visit) -> Answer:
        found = listed(self._desk.api, call, "list_admin_roles")
        return self._desk.page(call, visit, "tenant/admin_roles.html", list=found, built_in=BUILT_IN)

    def _new(self, call: Call, visit: Visit) -> Answer:
        return self._new_form(call, visit, Form())

    def _make(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            self._desk.api.run(call, "create_admin_role", body={"name": form["name"].strip(), **_fields(form)})
        except Refusal as refusal:
            return self._new_form(call, visit, with_problem(form, refusal))
        return self._desk.done(HOME.format(tenant=slug_of(visit)), "admin_role_made")

    def _new_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        view = {"form": form, "areas": _areas(visit.principal.permissions)}
        return self._desk.page(call, visit, "tenant/admin_role_new.html", form.status, **view)

    def _one(self, call: Call, visit: Visit) -> Answer:
        return self._one_form(call, visit, None)

    def _save(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            self._desk.api.run(call, "update_admin_role", body=_fields(form), version=form[VERSION])
        except Refusal as refusal:
            return self._one_form(call, visit, with_problem(form, refusal))
        return self._desk.done(HOME.format(tenant=slug_of(visit)), "saved")

    def _one_form(self, call: Call, visit: Visit, form: Form | None) -> Answer:
        role, present = self._desk.api.versioned(call, "get_admin_role")
        now = {"description": role["description"], **{f"{ALLOWS}{one}": "on" for one in role["permissions"]}}
        shown = carrying(form or Form(now), present)
        held, allowed = visit.principal.permissions, frozenset(map(Permission, role["permissions"]))
        writes = Permission.ADMINS_WRITE in held and allowed <= held
        view = {"role": role, "form": shown, "areas": _areas(held if writes else allowed), "writes": writes}
        return self._desk.page(call, visit, "tenant/admin_role.html", shown.status, **view)


def role_choices(desk: Desk, call: Call, visit: Visit) -> list[tuple[str, str]]:
    """(name, what to show) of every role of the tenant, as far as he may see its own."""
    own: list[dict[str, Any]] = []
    if Permission.ADMINS_READ in visit.principal.permissions:
        own = desk.api.run(call, "list_admin_roles", query={"limit": "200"})["data"]
    told = [(role["name"], f"{role['name']}: {role['description']}" if role["description"] else role["name"]) for role in own]
    return [*BUILT_IN, *told]


def _fields(form: Form) -> dict[str, Any]:
    chosen = [one for one in sorted(TENANT_WIDE) if form[f"{ALLOWS}{one}"]]
    return {"description": form["description"].strip(), "permissions": chosen}


def _areas(permissions: frozenset[Permission]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Area → (name of the box, what it allows there), in the order of the catalogue."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in Permission:
        if one in permissions & TENANT_WIDE:
            area, _, what = one.partition(":")
            found.setdefault(area.replace("_", " "), []).append((f"{ALLOWS}{one}", what))
    return list(found.items())
