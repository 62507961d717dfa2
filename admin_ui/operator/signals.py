"""Streams of Shared Signals: those of an app, and one with what was told on it."""

from __future__ import annotations

from admin_ui.confirm import Act
from admin_ui.desk import Desk, Screen
from admin_ui.lists import listed
from idbroker.admins.visits import Visit
from idbroker.web.call import Answer, Call

OF_APP = "/admin/apps/{client_id}/signals"
ONE = "/admin/signals/{signal_stream}"

SIGNAL_STREAM_ACTS: tuple[Act, ...] = (
    Act(
        path=f"{ONE}/pause",
        operation="update_signal_stream",
        title="Pause this stream",
        says="Nothing is sent to the app until it is enabled again; what happens meanwhile is held. The app is told.",
        button="Pause",
        back=ONE,
        done="saved",
        body={"status": "paused"},
        reason="Why (the app is told)",
    ),
    Act(
        path=f"{ONE}/disable",
        operation="update_signal_stream",
        title="Disable this stream",
        says="Nothing is sent to the app any more, and what waits is dropped. The app is told.",
        button="Disable",
        back=ONE,
        done="saved",
        body={"status": "disabled"},
        reason="Why (the app is told)",
    ),
    Act(
        path=f"{ONE}/enable",
        operation="update_signal_stream",
        title="Enable this stream",
        says="Signals are sent to the app again; those that were held go first. The app is told.",
        button="Enable",
        back=ONE,
        done="saved",
        body={"status": "enabled"},
        calm=True,
    ),
    Act(
        path=f"{ONE}/remove",
        operation="delete_signal_stream",
        title="Remove this stream",
        says="It goes with all that waits on it. The app is not told, and can make another.",
        button="Remove",
        back=ONE,
        after="/admin/apps",
        done="removed",
    ),
)


class SignalPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        return [
            self._desk.get(OF_APP, self._of_app, "list_signal_streams", "get_app"),
            self._desk.get(ONE, self._one, "get_signal_stream", "list_signal_sets"),
        ]

    def _of_app(self, call: Call, visit: Visit) -> Answer:
        app, streams = self._desk.api.run(call, "get_app"), self._desk.api.run(call, "list_signal_streams")["data"]
        return self._desk.page(call, visit, "operator/signals.html", app=app, streams=streams)

    def _one(self, call: Call, visit: Visit) -> Answer:
        stream, sets = self._desk.api.run(call, "get_signal_stream"), listed(self._desk.api, call, "list_signal_sets")
        return self._desk.page(call, visit, "operator/signal_stream.html", stream=stream, list=sets)
