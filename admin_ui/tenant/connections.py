"""Connections: made from metadata or an issuer, reviewed, tested, switched on and off, and their options."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.forms import VERSION, Form, carrying, lines, typed, with_problem
from admin_ui.lists import listed
from idbroker.admins.visits import Visit
from idbroker.federation.profile import MAPPED_CLAIMS
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call

ALL = "/admin/t/{tenant}/connections"
ONE = f"{ALL}/{{connection}}"
JIT = (("create", "made at the first sign-in"), ("update", "known people only, kept up to date"), ("off", "known people only"))
EMAILS = (("verified", "of verified domains only"), ("any", "of any domain"))
REFRESH = (
    ("auto", "taken when it only adds trust, else held for you"),
    ("hold", "always held for you"),
    ("off", "never read again"),
)
TICKS = ("allow_idp_initiated", "sign_authn_requests", "want_assertions_encrypted", "want_response_signed", "force_authn")
SOURCES = ("metadata_xml", "metadata_url")


class ConnectionPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get(ALL, self._all, "list_connections", "get_connection_health"),
            get(f"{ALL}/new", self._new, "create_connection"),
            post(f"{ALL}/new", self._make, "create_connection"),
            get(ONE, self._one, "get_connection", "list_candidates", "list_test_sign_ins"),
            get(f"{ONE}/options", self._options, "update_connection"),
            post(f"{ONE}/options", self._save, "update_connection"),
            post(f"{ONE}/refresh", self._refresh, "refresh_connection"),
        ]

    def _all(self, call: Call, visit: Visit) -> Answer:
        health = {one["id"]: one for one in self._desk.api.run(call, "get_connection_health")["connections"]}
        found = listed(self._desk.api, call, "list_connections", "q")
        return self._desk.page(call, visit, "tenant/connections.html", list=found, health=health)

    def _new(self, call: Call, visit: Visit) -> Answer:
        return self._new_form(call, visit, Form({"type": "saml"}))

    def _make(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        body = {"type": form["type"], "name": form["name"].strip(), "status": "test", **source_of(form, form["type"])}
        try:
            made = self._desk.api.run(call, "create_connection", body=body)
        except Refusal as refusal:
            return self._new_form(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/t/{slug_of(visit)}/connections/{made['id']}", "connection_made")

    def _new_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        return self._desk.page(call, visit, "tenant/connection_new.html", form.status, form=form)

    def _one(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit, "")

    def _refresh(self, call: Call, visit: Visit) -> Answer:
        try:
            outcome = self._desk.api.run(call, "refresh_connection")["outcome"]
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return self._shown(call, visit, refusal.public, refusal.status)
        if outcome == "failed":
            return self._shown(call, visit, "The metadata could not be read. The connection works on with what it has.", 502)
        return self._desk.done(f"/admin/t/{slug_of(visit)}/connections/{call.path_params['connection']}", "refreshed")

    def _shown(self, call: Call, visit: Visit, problem: str, status: int = 200) -> Answer:
        run = self._desk.api.run
        connection = run(call, "get_connection")
        view = {
            "connection": connection,
            "candidates": run(call, "list_candidates")["data"],
            "tests": run(call, "list_test_sign_ins", query={"connection": connection["id"], "limit": "5"})["data"],
            "problem": problem,
        }
        return self._desk.page(call, visit, "tenant/connection.html", status, **view)

    def _options(self, call: Call, visit: Visit) -> Answer:
        return self._options_form(call, visit, None)

    def _save(self, call: Call, visit: Visit) -> Answer:
        connection, form = self._desk.api.run(call, "get_connection"), typed(call)
        try:
            self._desk.api.run(call, "update_connection", body=_changes(form, connection), version=form[VERSION])
        except Refusal as refusal:
            return self._options_form(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/t/{slug_of(visit)}/connections/{connection['id']}", "saved")

    def _options_form(self, call: Call, visit: Visit, typed_in: Form | None) -> Answer:
        connection, present = self._desk.api.versioned(call, "get_connection")
        form = carrying(typed_in or as_form(connection), present)
        view = {
            "connection": connection,
            "form": form,
            "jit": JIT,
            "emails": EMAILS,
            "refresh": REFRESH,
            "claims": MAPPED_CLAIMS,
        }
        return self._desk.page(call, visit, "tenant/connection_options.html", form.status, **view)


def source_of(form: Form, protocol: str) -> dict[str, Any]:
    """The protocol's part of the body: what was given, nothing else."""
    if protocol == "oidc":
        given = {name: form[name].strip() for name in ("issuer", "client_id", "client_secret") if form[name].strip()}
        scopes = form["scopes"].split()
        return {**given, **({"scopes": scopes} if scopes else {})}
    return {name: form[name].strip() for name in SOURCES if form[name].strip()}


def as_form(connection: dict[str, Any]) -> Form:
    options = connection["options"]
    values = {name: "on" if options[name] else "" for name in TICKS}
    values |= {name: str(options[name]) for name in ("jit", "email_domain_policy", "metadata_refresh", "clock_skew_seconds")}
    values |= {"sp_entity_id": options["sp_entity_id"] or "", "acs_url_aliases": "\n".join(options["acs_url_aliases"])}
    values |= {"test_users": "\n".join(options["test_users"])}
    values |= {f"claim:{claim}": name for claim, name in connection["attribute_mapping"].items()}
    values |= {"name": connection["name"], "routing_domains": "\n".join(connection["routing_domains"])}
    return Form(values)


def _changes(form: Form, connection: dict[str, Any]) -> dict[str, Any]:
    """What the page shows; what it does not show stays."""
    skew = form["clock_skew_seconds"].strip()
    options: dict[str, Any] = {name: bool(form[name]) for name in TICKS} if connection["type"] == "saml" else {}
    options |= {name: form[name] for name in ("jit", "email_domain_policy")}
    options["test_users"] = lines(form["test_users"])
    if connection["type"] == "saml":
        options |= {
            "metadata_refresh": form["metadata_refresh"],
            "sp_entity_id": form["sp_entity_id"].strip() or None,
            "acs_url_aliases": lines(form["acs_url_aliases"]),
        }
    options["clock_skew_seconds"] = int(skew) if skew.isascii() and skew.isdigit() and len(skew) < 6 else skew
    mapping = {claim: form[f"claim:{claim}"].strip() or None for claim in MAPPED_CLAIMS}
    return {
        "name": form["name"].strip(),
        "options": options,
        "attribute_mapping": mapping,
        "routing_domains": lines(form["routing_domains"]),
    }
