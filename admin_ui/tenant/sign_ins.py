"""Sign-ins: every one that came as far as this tenant, its steps, and what was found wrong with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.lists import listed
from idbroker.access.permissions import Permission
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call, redirect

ALL = "/admin/t/{tenant}/sign-ins"
FILTERS = ("email", "reference", "outcome", "connection", "since", "until")
OUTCOMES = ("allowed", "refused")


class SignInRecordPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        return [
            self._desk.get(ALL, self._all, "list_sign_ins", "list_connections"),
            self._desk.get(f"{ALL}/{{sign_in}}", self._one, "get_sign_in", "list_connections"),
        ]

    def _all(self, call: Call, visit: Visit) -> Answer:
        """One field finds by address and by reference: people type what they were sent."""
        text = call.query.get("q", "").strip()
        if text:
            kept = {name: call.query[name] for name in ("outcome", "connection") if call.query.get(name)}
            found = {"email": text.lower()} if "@" in text else {"reference": text.upper()}
            return redirect(f"/admin/t/{slug_of(visit)}/sign-ins?{urlencode({**found, **kept})}")
        problem = ""
        try:
            found_rows = listed(self._desk.api, call, "list_sign_ins", *FILTERS)
        except Refusal as refusal:
            if refusal.status != 422:
                raise
            problem = refusal.public
            found_rows = listed(self._desk.api, call, "list_sign_ins")
        view: dict[str, Any] = {"list": found_rows, "names": self._names(call, visit), "outcomes": OUTCOMES, "problem": problem}
        return self._desk.page(call, visit, "tenant/sign_ins.html", **view)

    def _one(self, call: Call, visit: Visit) -> Answer:
        found = self._desk.api.run(call, "get_sign_in")
        longest = max((step["ms"] for step in found["steps"]), default=0)
        view: dict[str, Any] = {"found": found, "names": self._names(call, visit), "longest": longest}
        return self._desk.page(call, visit, "tenant/sign_in.html", **view)

    def _names(self, call: Call, visit: Visit) -> dict[str, str]:
        if Permission.CONNECTIONS_READ not in visit.principal.permissions:
            return {}
        return {one["id"]: one["name"] for one in self._desk.api.run(call, "list_connections", query={"limit": "200"})["data"]}
