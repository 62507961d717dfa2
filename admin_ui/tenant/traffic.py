"""A directory's traffic: its requests with bodies and effects, how its client speaks, how much of it there is; and a request
that is tried without being done."""

from __future__ import annotations

from typing import Any

import orjson

from admin_ui.charts import bars
from admin_ui.desk import Desk, Screen
from admin_ui.forms import Form, typed, with_problem
from admin_ui.lists import listed
from admin_ui.tenant.directories import ONE
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal, invalid_field
from idbroker.web.call import Answer, Call

OPERATIONS = {"reads": ("reading", "ok"), "writes": ("writing", "soft")}
NAMED = 2
LATENCY = {"usual": ("on average", "ok"), "over": ("more for the slowest", "soft")}


EXAMPLE = orjson.dumps(
    {"Operations": [{"op": "replace", "path": "active", "value": False}]}, option=orjson.OPT_INDENT_2
).decode()


class TrafficPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        return [
            self._desk.get(f"{ONE}/requests", self._requests, "list_directory_requests", "get_directory"),
            self._desk.get(f"{ONE}/try", self._trial, "try_directory_request", "get_directory"),
            self._desk.post(f"{ONE}/try", self._try, "try_directory_request", "get_directory"),
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

    def _trial(self, call: Call, visit: Visit) -> Answer:
        return self._shown_trial(call, visit, Form({"method": "PATCH", "path": "/Users/", "body": EXAMPLE}), None)

    def _try(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            body = _document(form["body"])
            asked = {"method": form["method"], "path": form["path"].strip(), **({} if body is None else {"body": body})}
            tried = self._desk.api.run(call, "try_directory_request", body=asked)
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return self._shown_trial(call, visit, with_problem(form, refusal), None)
        return self._shown_trial(call, visit, form, tried)

    def _shown_trial(self, call: Call, visit: Visit, form: Form, tried: dict[str, Any] | None) -> Answer:
        if tried is not None:
            tried["changes"] = _changes(tried["effects"])
            tried["answer"] = _readable(orjson.dumps(tried["answer"]).decode()) if tried["answer"] is not None else ""
        view: dict[str, Any] = {
            "directory": self._desk.api.run(call, "get_directory"),
            "form": form,
            "tried": tried,
            "methods": [(method, method) for method in ("POST", "PUT", "PATCH", "DELETE")],
        }
        return self._desk.page(call, visit, "tenant/directory_trial.html", form.status, **view)

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


def _document(text: str) -> Any:
    """JSON as it was typed; None for nothing."""
    try:
        return orjson.loads(text) if text.strip() else None
    except orjson.JSONDecodeError as error:
        raise invalid_field("/body", f"This is not JSON: {error}.") from error


def _readable(body: str) -> str:
    """JSON with its lines; what is none, or was cut, as it came."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return body
