"""Domains: the TXT record to publish, and the look at it."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.forms import Form, typed, with_problem
from admin_ui.lists import listed
from idbroker.access.permissions import Permission
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call

ALL = "/admin/t/{tenant}/domains"


class DomainPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        return [
            self._desk.get(ALL, self._all, "list_domains", "explain_home_realm"),
            self._desk.post(ALL, self._add, "add_domain"),
            self._desk.post(f"{ALL}/{{domain}}/verify", self._verify, "verify_domain"),
        ]

    def _all(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit, Form())

    def _add(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        body = {"domain": form["domain"].strip(), "include_subdomains": bool(form["include_subdomains"])}
        try:
            self._desk.api.run(call, "add_domain", body=body)
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/t/{slug_of(visit)}/domains", "domain_added")

    def _verify(self, call: Call, visit: Visit) -> Answer:
        """Looked up now. An operator may accept it without the record, with a reason."""
        form = typed(call)
        body = {"force": True, "reason": form["reason"].strip() or None} if form["force"] else {}
        try:
            self._desk.api.run(call, "verify_domain", body=body)
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return self._shown(call, visit, with_problem(Form(), refusal))
        return self._desk.done(f"/admin/t/{slug_of(visit)}/domains", "domain_verified")

    def _shown(self, call: Call, visit: Visit, form: Form) -> Answer:
        found = listed(self._desk.api, call, "list_domains", "q")
        view: dict[str, Any] = {"list": found, "form": form, **self._explained(call, visit)}
        return self._desk.page(call, visit, "tenant/domains.html", form.status, **view)

    def _explained(self, call: Call, visit: Visit) -> dict[str, Any]:
        """Where the address that was asked about would be sent to."""
        asked = call.query.get("email", "").strip()
        if not asked or Permission.CONNECTIONS_READ not in visit.principal.permissions:
            return {"asked": "", "route": None, "unclear": ""}
        try:
            return {
                "asked": asked,
                "route": self._desk.api.run(call, "explain_home_realm", query={"email": asked}),
                "unclear": "",
            }
        except Refusal as refusal:
            return {"asked": asked, "route": None, "unclear": refusal.public}
