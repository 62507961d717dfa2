"""Signals of a connection's identity provider: what to enter there, what is expected here, and what came."""

from __future__ import annotations

from typing import Any

from admin_ui.confirm import Act
from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.forms import Form, filled, lines, typed, with_problem
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call

HOME = "/admin/t/{tenant}/connections/{connection}"
ONE = f"{HOME}/signals"

SIGNAL_ACTS: tuple[Act, ...] = (
    Act(
        path=f"{ONE}/remove",
        operation="delete_signal_source",
        title="Receive no more signals",
        says="What the identity provider signals is refused from now on. Sessions that it wants to end go on.",
        button="Receive none",
        back=ONE,
        after=HOME,
        done="signals_off",
    ),
)


class SignalSourcePages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        return [
            self._desk.get(ONE, self._one, "get_signal_source", "get_connection"),
            self._desk.post(ONE, self._save, "put_signal_source", "get_signal_source", "get_connection"),
        ]

    def _one(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit, None)

    def _save(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        body: dict[str, Any] = {
            "enabled": bool(form["enabled"]),
            **{name: form[name].strip() for name in ("issuer", "jwks_uri", "poll_url", "poll_token") if form[name].strip()},
            **({"audience": lines(form["audience"])} if lines(form["audience"]) else {}),
        }
        try:
            self._desk.api.run(call, "put_signal_source", body=body)
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return self._shown(call, visit, with_problem(form, refusal))
        return self._desk.done(ONE.format(tenant=slug_of(visit), connection=call.path_params["connection"]), "saved")

    def _shown(self, call: Call, visit: Visit, form: Form | None) -> Answer:
        connection = self._desk.api.run(call, "get_connection")
        source = self._source(call)
        begin = {"enabled": True} if source is None else {**source, "poll_token": ""}
        shown = form or filled(begin)
        push_url = f"{call.base_url}/signals/{connection['id']}"
        view = {"connection": connection, "source": source, "form": shown, "push_url": push_url}
        return self._desk.page(call, visit, "tenant/signals.html", shown.status, **view)

    def _source(self, call: Call) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._desk.api.run(call, "get_signal_source")
        except Refusal as refusal:
            if refusal.status != 404:
                raise
            return None
        return found
