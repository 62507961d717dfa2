"""What the tenant used in the last thirty days, a chart for each meter."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from admin_ui.charts import Bars, bars
from admin_ui.desk import Desk, Screen
from idbroker.admins.visits import Visit
from idbroker.metering.meters import METERS
from idbroker.web.call import Answer, Call

TITLES = {
    "sign_ins": "Sign-ins",
    "monthly_active_users": "People who were new in their month",
    "scim_operations": "SCIM operations",
    "active_connections": "Active connections (the most at one time)",
    "token_issues": "Tokens issued to apps",
}


class UsagePage:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        return [self._desk.get("/admin/t/{tenant}/usage", self._show, "get_usage")]

    def _show(self, call: Call, visit: Visit) -> Answer:
        usage = self._desk.api.run(call, "get_usage")
        charts = [(TITLES[meter], _chart(usage, meter), usage["totals"][meter]) for meter in METERS]
        return self._desk.page(call, visit, "tenant/usage.html", usage=usage, charts=charts)


def _chart(usage: dict[str, Any], meter: str) -> Bars:
    """Every day of the span, also those without any."""
    known = {one["day"]: one["quantity"] for one in usage["data"] if one["meter"] == meter}
    first, last = date.fromisoformat(usage["since"]), date.fromisoformat(usage["until"])
    days = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
    return bars([{"day": day, "quantity": known.get(day, 0)} for day in days], {"quantity": ("quantity", "ok")})
