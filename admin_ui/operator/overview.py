"""The operator's first page: how the service stands, what wants attention, and what to do first where nothing is there yet."""

from __future__ import annotations

from admin_ui.charts import SIGN_INS, bars
from admin_ui.desk import Desk, Screen
from admin_ui.lists import listed
from idbroker.admin_api.concerns import KINDS
from idbroker.admins.visits import Visit
from idbroker.tenants.lifecycle import STEPS
from idbroker.web.call import Answer, Call

SHOWN = 6
"""Of what wants attention, and of the reasons for refusals."""


class Overview:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        asked = ("get_overview", "list_concerns", "list_signing_keys", "search_operator_audit_events")
        return [
            self._desk.get("/admin/overview", self._show, *asked),
            self._desk.get("/admin/attention", self._attention, "list_concerns"),
        ]

    def _show(self, call: Call, visit: Visit) -> Answer:
        run = self._desk.api.run
        stands = run(call, "get_overview")
        view = {
            "stands": stands,
            "states": list(STEPS),
            "chart": bars(stands["sign_ins"], SIGN_INS),
            "refused": stands["refused"][:SHOWN],
            "concerns": run(call, "list_concerns", query={"limit": str(SHOWN)})["data"],
            "keys": [key for key in run(call, "list_signing_keys")["data"] if key["state"] == "active"],
            "events": run(call, "search_operator_audit_events", query={"limit": "8"})["data"],
        }
        return self._desk.page(call, visit, "operator/overview.html", **view)

    def _attention(self, call: Call, visit: Visit) -> Answer:
        found = listed(self._desk.api, call, "list_concerns", "kind")
        return self._desk.page(call, visit, "operator/attention.html", list=found, kinds=KINDS)
