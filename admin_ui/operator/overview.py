"""The operator's first page: how the service stands, and what to do first where nothing is there yet."""

from __future__ import annotations

from admin_ui.desk import Desk, Screen
from idbroker.admins.visits import Visit
from idbroker.tenants.lifecycle import STEPS
from idbroker.web.call import Answer, Call


class Overview:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        return [
            self._desk.get("/admin/overview", self._show, "get_overview", "list_signing_keys", "search_operator_audit_events"),
        ]

    def _show(self, call: Call, visit: Visit) -> Answer:
        run = self._desk.api.run
        view = {
            "stands": run(call, "get_overview"),
            "states": list(STEPS),
            "keys": [key for key in run(call, "list_signing_keys")["data"] if key["state"] == "active"],
            "events": run(call, "search_operator_audit_events", query={"limit": "8"})["data"],
        }
        return self._desk.page(call, visit, "operator/overview.html", **view)
