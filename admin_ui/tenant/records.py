"""What happened: refused sign-ins with their diagnoses, and the audit log."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.lists import listed
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import NotFound
from idbroker.web.call import Answer, Call, redirect

HOME = "/admin/t/{tenant}"
FILTERS = ("q", "action", "actor", "resource", "since", "until")


class RecordPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get = self._desk.get
        return [
            get(f"{HOME}/refusals", self._refusals, "list_diagnoses", "list_connections"),
            get(f"{HOME}/refusals/{{reference}}", self._refusal, "get_diagnosis"),
            get(f"{HOME}/audit", self._audit, "search_audit_events"),
            get(f"{HOME}/audit/export", self._export, "export_audit_events"),
        ]

    def _refusals(self, call: Call, visit: Visit) -> Answer:
        """A reference that is typed leads straight to its diagnosis."""
        wanted = call.query.get("q", "").strip().upper()
        missing = False
        if wanted:
            try:
                known = self._desk.api.run(call, "get_diagnosis", reference=wanted)
                return redirect(f"/admin/t/{slug_of(visit)}/refusals/{known['reference']}")
            except NotFound:
                missing = True
        names = {one["id"]: one["name"] for one in self._desk.api.run(call, "list_connections", query={"limit": "200"})["data"]}
        view: dict[str, Any] = {
            "list": listed(self._desk.api, call, "list_diagnoses", "connection"),
            "names": names,
            "asked": wanted,
        }
        return self._desk.page(call, visit, "tenant/refusals.html", missing=missing, **view)

    def _refusal(self, call: Call, visit: Visit) -> Answer:
        return self._desk.page(call, visit, "tenant/refusal.html", found=self._desk.api.run(call, "get_diagnosis"))

    def _audit(self, call: Call, visit: Visit) -> Answer:
        found = listed(self._desk.api, call, "search_audit_events", *FILTERS)
        export = f"/admin/t/{slug_of(visit)}/audit/export"
        return self._desk.page(call, visit, "audit.html", list=found, heading="Audit log", export=export)

    def _export(self, call: Call, visit: Visit) -> Answer:
        del visit
        query = {name: call.query.get(name) for name in (*FILTERS, "format")}
        return self._desk.api.raw(call, "export_audit_events", query=query)
