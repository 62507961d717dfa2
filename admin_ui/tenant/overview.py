"""A tenant's first page: what wants attention, how each connection and directory is, who signed in, and what to do first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from admin_ui.charts import SIGN_INS, bars
from admin_ui.desk import Desk, Screen
from idbroker.access.permissions import Permission
from idbroker.admins.visits import Visit
from idbroker.kernel.clock import Clock
from idbroker.web.call import Answer, Call

SOON = 30
"""Days."""

SHOWN = 5
PEOPLE = {"people": ("people", "ok")}


class TenantOverview:
    def __init__(self, desk: Desk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock

    def screens(self) -> list[Screen]:
        asked = (
            "get_tenant", "get_connection_health", "list_connections", "list_domains", "list_directories", "list_expiring",
            "list_alerts", "get_sign_in_days", "get_active_days",
            "get_revocation_times",
        )  # fmt: skip
        return [self._desk.get("/admin/t/{tenant}", self._show, *asked)]

    def _show(self, call: Call, visit: Visit) -> Answer:
        """Each part for whoever may see it."""
        held, run = visit.principal.permissions, self._desk.api.run
        view: dict[str, Any] = dict.fromkeys(("health", "domains", "directories", "chart", "people", "endings"))
        view |= {"expiring": [], "alerts": []}
        if Permission.CONNECTIONS_READ in held:
            days = {one["id"]: self._days_left(one) for one in run(call, "list_connections")["data"]}
            view["health"] = [{**one, "days": days.get(one["id"])} for one in run(call, "get_connection_health")["connections"]]
            view["expiring"] = run(call, "list_expiring")["data"]
        if Permission.DOMAINS_READ in held:
            view["domains"] = run(call, "list_domains")["data"]
        if Permission.DIRECTORIES_READ in held:
            view["directories"] = run(call, "list_directories")["data"]
        if Permission.AUDIT_READ in held:
            view["chart"] = bars(run(call, "get_sign_in_days")["days"], SIGN_INS)
            view["alerts"] = run(call, "list_alerts", query={"limit": str(SHOWN)})["data"]
        if Permission.SESSIONS_READ in held:
            view["endings"] = run(call, "get_revocation_times")
            view["people"] = bars(run(call, "get_active_days")["days"], PEOPLE)
        return self._desk.page(call, visit, "tenant/overview.html", tenant=run(call, "get_tenant"), soon=SOON, **view)

    def _days_left(self, connection: dict[str, Any]) -> int | None:
        """Until the last of the identity provider's certificates ends."""
        ends = [one["not_after"] for one in connection.get("idp", {}).get("certificates", ())]
        return (datetime.fromisoformat(max(ends)) - self._clock.now()).days if ends else None
