"""Directories: where an identity provider writes people and groups by SCIM, with its tokens, its brake and its dialect."""

from __future__ import annotations

from typing import Any

from admin_ui.confirm import Act
from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.forms import VERSION, Form, carrying, typed, with_problem
from admin_ui.lists import listed
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call

ALL = "/admin/t/{tenant}/directories"
ONE = f"{ALL}/{{directory}}"


class DirectoryPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get(ALL, self._all, "list_directories"),
            post(ALL, self._make, "create_directory"),
            get(ONE, self._one, "get_directory", "list_directory_tokens"),
            post(ONE, self._save, "update_directory"),
            post(f"{ONE}/tokens", self._token, "create_directory_token"),
        ]

    def _all(self, call: Call, visit: Visit) -> Answer:
        return self._all_form(call, visit, Form())

    def _make(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            made = self._desk.api.run(call, "create_directory", body={"name": form["name"].strip()})
        except Refusal as refusal:
            return self._all_form(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/t/{slug_of(visit)}/directories/{made['id']}", "directory_made")

    def _all_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        found = listed(self._desk.api, call, "list_directories", "q")
        return self._desk.page(call, visit, "tenant/directories.html", form.status, list=found, form=form)

    def _one(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit, None, None)

    def _save(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        brake = {name: _number(form[name]) for name in ("users", "percent", "minutes")}
        body: dict[str, Any] = {
            "name": form["name"].strip(),
            "status": "active" if form["active"] else "disabled",
            "dry_run": bool(form["dry_run"]),
            "brake": brake,
        }
        try:
            self._desk.api.run(call, "update_directory", body=body, version=form[VERSION])
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return self._shown(call, visit, with_problem(form, refusal), None)
        return self._desk.done(f"/admin/t/{slug_of(visit)}/directories/{call.path_params['directory']}", "saved")

    def _token(self, call: Call, visit: Visit) -> Answer:
        try:
            made = self._desk.api.run(call, "create_directory_token", body={})
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return self._shown(call, visit, with_problem(Form(), refusal), None)
        return self._shown(call, visit, None, made["token"])

    def _shown(self, call: Call, visit: Visit, form: Form | None, token: str | None) -> Answer:
        directory, present = self._desk.api.versioned(call, "get_directory")
        brake = {name: str(directory["brake"][name] or "") for name in ("users", "percent", "minutes")}
        ticks = {"active": "on" if directory["status"] == "active" else "", "dry_run": "on" if directory["dry_run"] else ""}
        values = form.values if form is not None and form.values else {"name": directory["name"], **brake, **ticks}
        shown = Form(values, form.errors, form.problem, form.status) if form is not None else Form(values)
        tokens = self._desk.api.run(call, "list_directory_tokens")["data"]
        view: dict[str, Any] = {"directory": directory, "tokens": tokens, "form": carrying(shown, present), "made": token}
        return self._desk.page(call, visit, "tenant/directory.html", shown.status, **view)


def _number(text: str) -> Any:
    """What is no number goes on as it is, so that the API says so."""
    text = text.strip()
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


ACTS = (
    Act(
        path=f"{ONE}/remove",
        operation="delete_directory",
        title="Remove this directory?",
        says="Its tokens stop working at once, and its groups go, with the roles that they gave. Its people stay and can sign "
        "in as before; no identity provider switches them off any more.",
        button="Remove the directory",
        back=ONE,
        after=ALL,
        done="directory_removed",
        named=("get_directory", "name"),
    ),
    Act(
        path=f"{ONE}/release",
        operation="release_directory_brake",
        title="Release the brake?",
        says="Requests that switch people off go through again for a while. Look first why there were so many.",
        button="Release",
        back=ONE,
        done="brake_released",
        named=("get_directory", "name"),
    ),
    Act(
        path=f"{ONE}/tokens/{{token}}/revoke",
        operation="revoke_directory_token",
        title="Revoke this token?",
        says="The identity provider that uses it is refused from this moment on. This cannot be taken back.",
        button="Revoke",
        back=ONE,
        done="token_revoked",
        named=("get_directory", "name"),
    ),
)
