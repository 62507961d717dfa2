"""Alerts: what needs an admin's eye, and who gets mail of it."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.forms import Form, lines, typed, with_problem
from admin_ui.lists import listed
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Conflict, Refusal
from idbroker.web.call import Answer, Call

ALL = "/admin/t/{tenant}/alerts"
STATUSES = ("open", "acknowledged", "resolved")


class AlertPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get(ALL, self._all, "list_alerts", "get_alert_recipients"),
            get(f"{ALL}/{{alert}}", self._one, "get_alert"),
            post(f"{ALL}/{{alert}}/acknowledge", self._acknowledge, "acknowledge_alert"),
            post(f"{ALL}/recipients", self._tell, "set_alert_recipients"),
        ]

    def _all(self, call: Call, visit: Visit) -> Answer:
        emails = self._desk.api.run(call, "get_alert_recipients")["emails"]
        return self._shown(call, visit, Form({"emails": "\n".join(emails)}))

    def _one(self, call: Call, visit: Visit) -> Answer:
        return self._desk.page(call, visit, "tenant/alert.html", alert=self._desk.api.run(call, "get_alert"))

    def _acknowledge(self, call: Call, visit: Visit) -> Answer:
        """Pressed twice, or by two people at once, it is acknowledged all the same."""
        place = f"/admin/t/{slug_of(visit)}/alerts"
        try:
            self._desk.api.run(call, "acknowledge_alert")
        except Conflict:
            return self._desk.done(place, "alert_known")
        return self._desk.done(place, "alert_seen")

    def _tell(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            self._desk.api.run(call, "set_alert_recipients", body={"emails": lines(form["emails"])})
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(form, refusal))
        return self._desk.done(f"/admin/t/{slug_of(visit)}/alerts", "saved")

    def _shown(self, call: Call, visit: Visit, form: Form) -> Answer:
        found = listed(self._desk.api, call, "list_alerts", *(("status",) if call.method == "GET" else ()))
        view: dict[str, Any] = {"list": found, "form": form, "statuses": STATUSES}
        return self._desk.page(call, visit, "tenant/alerts.html", form.status, **view)
