"""A directory's traffic: its requests with bodies and effects, how its client speaks, and how much of it there is."""

from __future__ import annotations

from typing import Any

import orjson

from admin_ui.charts import bars
from admin_ui.desk import Desk, Screen
from admin_ui.lists import listed
from admin_ui.tenant.directories import ONE
from idbroker.admins.visits import Visit
from idbroker.web.call import Answer, Call

OPERATIONS = {"reads": ("reading", "ok"), "writes": ("writing", "soft")}
NAMED = 2
LATENCY = {"usual": ("on average", "ok"), "over": ("more for the slowest", "soft")}


class TrafficPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        return [
            self._desk.get(f"{ONE}/requests", self._requests, "list_directory_requests", "get_directory"),
            self._desk.get(f"{ONE}/report", self._report, "get_directory_report", "get_directory", "get_directory_days"),
        ]

    def _requests(self, call: Call, visit: Visit) -> Answer:
        """A live log: the first page asks for itself again while it is open."""
        found = listed(self._desk.api, call, "list_directory_requests")
        for row in found.rows:
            row["changes"] = _changes(row["effects"])
            row["request_body"], row["answer_body"] = _readable(row["request_body"]), _readable(row["answer_body"])
        view: dict[str, Any] = {"list": found, "directory": self._desk.api.run(call, "get_directory")}
        if call.headers.get("hx-request") == "true":
            return self._desk.part("tenant/directory_log.html", **view)
        return self._desk.page(call, visit, "tenant/directory_requests.html", **view)

    def _report(self, call: Call, visit: Visit) -> Answer:
        run = self._desk.api.run
        days = run(call, "get_directory_days")["days"]
        timed = [{"day": one["day"], "usual": one["usual"], "over": one["longest"] - one["usual"]} for one in days]
        view: dict[str, Any] = {
            "directory": run(call, "get_directory"),
            "report": run(call, "get_directory_report"),
            "operations": bars(days, OPERATIONS),
            "latency": bars(timed, LATENCY),
            "errors": sum(one["errors"] for one in days),
        }
        return self._desk.page(call, visit, "tenant/directory_report.html", **view)


def _changes(effects: list[dict[str, Any]]) -> list[str]:
    """What was changed in a few words, however many were: each action once, with the first names."""
    found: dict[str, list[str]] = {}
    for effect in effects:
        found.setdefault(str(effect.get("action", "changed")), []).append(str(effect.get("name") or effect.get("id") or ""))
    return [_counted(action, [name for name in names if name], len(names)) for action, names in found.items()]


def _counted(action: str, names: list[str], number: int) -> str:
    told = ", ".join(dict.fromkeys(names[:NAMED]))
    return f"{action} {told}" + (f", {number} in all" if number > NAMED else "")


def _readable(body: str) -> str:
    """JSON with its lines; what is none, or was cut, as it came."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return body
