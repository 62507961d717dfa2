"""Who and what may administer the tenant: admins, setup links, API keys; and the tenant's own settings."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.forms import VERSION, Form, carrying, filled, typed, with_problem
from admin_ui.lists import listed
from admin_ui.tenant.admin_roles import role_choices
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call

HOME = "/admin/t/{tenant}"
SCOPES = (
    ("domains", "prove mail domains"),
    ("sso", "connect single sign-on"),
    ("scim", "connect provisioning (SCIM)"),
    ("audit", "read the audit log"),
)
DAYS = (("1", "1 day"), ("7", "7 days"), ("14", "14 days"), ("30", "30 days"), ("90", "90 days"))


class AccessPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get(f"{HOME}/admins", self._admins, "list_admins", "list_admin_roles"),
            post(f"{HOME}/admins", self._invite, "invite_admin"),
            post(f"{HOME}/admins/{{admin}}/role", self._change, "change_admin"),
            post(f"{HOME}/admins/{{admin}}/invitation", self._again, "invite_admin_again"),
            get(f"{HOME}/setup-links", self._links, "list_setup_links"),
            post(f"{HOME}/setup-links", self._link, "create_setup_link"),
            get(f"{HOME}/api-keys", self._keys, "list_tenant_api_keys", "list_admin_roles"),
            post(f"{HOME}/api-keys", self._key, "create_tenant_api_key"),
            get(f"{HOME}/settings", self._settings, "update_tenant", "get_tenant", "get_entitlements"),
            post(f"{HOME}/settings", self._save, "update_tenant"),
            get(f"{HOME}/branding", self._branding, "get_branding"),
            post(f"{HOME}/branding", self._brand, "update_branding"),
        ]

    def _admins(self, call: Call, visit: Visit) -> Answer:
        return self._admins_form(call, visit, Form({"role": "admin"}), None)

    def _invite(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            made = self._desk.api.run(call, "invite_admin", body={"email": form["email"].strip(), "role": form["role"]})
        except Refusal as refusal:
            return self._admins_form(call, visit, with_problem(form, refusal), None)
        return self._admins_form(call, visit, Form({"role": "admin"}), made)

    def _change(self, call: Call, visit: Visit) -> Answer:
        try:
            self._desk.api.run(call, "change_admin", body={"role": call.form.get("role", "")})
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return self._admins_form(call, visit, with_problem(Form(), refusal), None)
        return self._desk.done(f"/admin/t/{slug_of(visit)}/admins", "admin_changed")

    def _again(self, call: Call, visit: Visit) -> Answer:
        made = self._desk.api.run(call, "invite_admin_again")
        return self._admins_form(call, visit, Form({"role": "admin"}), made)

    def _admins_form(self, call: Call, visit: Visit, form: Form, made: dict[str, Any] | None) -> Answer:
        view = {
            "list": listed(self._desk.api, call, "list_admins", "q"),
            "form": form,
            "made": made,
            "roles": role_choices(self._desk, call, visit),
        }
        return self._desk.page(call, visit, "tenant/admins.html", form.status, **view)

    def _links(self, call: Call, visit: Visit) -> Answer:
        return self._links_form(call, visit, Form({"scope:domains": "on", "scope:sso": "on", "days": "14"}), None)

    def _link(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        days = form["days"] if form["days"] in dict(DAYS) else "14"
        body = {"scopes": [scope for scope, _ in SCOPES if form[f"scope:{scope}"]], "expires_in": int(days) * 86400}
        try:
            made = self._desk.api.run(call, "create_setup_link", body=body)
        except Refusal as refusal:
            return self._links_form(call, visit, with_problem(form, refusal), None)
        return self._links_form(call, visit, Form({"scope:domains": "on", "scope:sso": "on", "days": "14"}), made)

    def _links_form(self, call: Call, visit: Visit, form: Form, made: dict[str, Any] | None) -> Answer:
        view = {
            "list": listed(self._desk.api, call, "list_setup_links", "status"), "form": form, "made": made, "scopes": SCOPES,
            "days": DAYS,
        }  # fmt: skip
        return self._desk.page(call, visit, "tenant/setup_links.html", form.status, **view)

    def _keys(self, call: Call, visit: Visit) -> Answer:
        return self._keys_form(call, visit, Form({"role": "admin"}), None)

    def _key(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            body = {"name": form["name"].strip(), "role": form["role"]}
            made = self._desk.api.run(call, "create_tenant_api_key", body=body)
        except Refusal as refusal:
            return self._keys_form(call, visit, with_problem(form, refusal), None)
        return self._keys_form(call, visit, Form({"role": "admin"}), made)

    def _keys_form(self, call: Call, visit: Visit, form: Form, made: dict[str, Any] | None) -> Answer:
        view = {"list": listed(self._desk.api, call, "list_tenant_api_keys", "q"), "form": form, "made": made}
        view["roles"] = role_choices(self._desk, call, visit)
        return self._desk.page(call, visit, "tenant/api_keys.html", form.status, **view)

    def _settings(self, call: Call, visit: Visit) -> Answer:
        return self._settings_form(call, visit, filled(self._desk.api.run(call, "get_tenant")))

    def _save(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            self._desk.api.run(call, "update_tenant", body={"name": form["name"].strip()}, version=form[VERSION])
        except Refusal as refusal:
            return self._settings_form(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/t/{slug_of(visit)}/settings", "saved")

    def _branding(self, call: Call, visit: Visit) -> Answer:
        return self._branding_form(call, visit, None)

    def _brand(self, call: Call, visit: Visit) -> Answer:
        """The picture comes as a data URL, as the browser read the file; what it says of its type is not believed."""
        form = typed(call)
        body: dict[str, Any] = {"name": form["name"].strip() or None}
        body["colour"] = form["colour"].strip() if form["coloured"] else None
        if form["logo"].strip():
            body["logo"] = form["logo"].strip().partition(";base64,")[2] or form["logo"].strip()
        elif form["without_logo"]:
            body["logo"] = None
        try:
            self._desk.api.run(call, "update_branding", body=body, version=form[VERSION])
        except Refusal as refusal:
            return self._branding_form(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/t/{slug_of(visit)}/branding", "saved")

    def _branding_form(self, call: Call, visit: Visit, form: Form | None) -> Answer:
        branding, present = self._desk.api.versioned(call, "get_branding")
        colour = branding["colour"]
        shown = form or Form(
            {"name": branding["name"] or "", "colour": colour or "#2b736c", "coloured": "on" if colour else ""}
        )
        view = {"form": carrying(shown, present), "branding": branding}
        return self._desk.page(call, visit, "tenant/branding.html", shown.status, **view)

    def _settings_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        tenant, present = self._desk.api.versioned(call, "get_tenant")
        view = {"form": carrying(form, present), "tenant": tenant}
        view["included"] = self._desk.api.run(call, "get_entitlements")
        return self._desk.page(call, visit, "tenant/settings.html", form.status, **view)
