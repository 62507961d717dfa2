"""Log streams: where the trail is sent, whether it arrives, a test, and going on after it was parked."""

from __future__ import annotations

from typing import Any

from admin_ui.confirm import Act
from admin_ui.desk import Desk, Screen, slug_of
from admin_ui.forms import Form, typed, with_problem
from admin_ui.lists import listed
from admin_ui.streams import BY_KEY, TYPES, body_of, form_of, new_stream
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call

ALL = "/admin/t/{tenant}/log-streams"
ONE = f"{ALL}/{{stream}}"


class LogStreamPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        get, post = self._desk.get, self._desk.post
        return [
            get(ALL, self._all, "list_log_streams"),
            get(f"{ALL}/new", self._new, "create_log_stream"),
            post(f"{ALL}/new", self._make, "create_log_stream"),
            get(ONE, self._one, "get_log_stream"),
            post(ONE, self._save, "update_log_stream"),
            post(f"{ONE}/test", self._test, "test_log_stream"),
        ]

    def _all(self, call: Call, visit: Visit) -> Answer:
        found = listed(self._desk.api, call, "list_log_streams")
        return self._desk.page(call, visit, "tenant/log_streams.html", list=found, types=BY_KEY)

    def _new(self, call: Call, visit: Visit) -> Answer:
        """First the type, then its fields."""
        return self._new_form(call, visit, Form({"type": call.query.get("type", "")}))

    def _make(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        body = new_stream(form)
        try:
            made = self._desk.api.run(call, "create_log_stream", body=body)
        except Refusal as refusal:
            return self._new_form(call, visit, with_problem(form, refusal))
        if made["secret"]:
            return self._shown(call, visit, made=made["secret"], stream=made["id"])
        return self._desk.done(f"/admin/t/{slug_of(visit)}/log-streams/{made['id']}", "stream_made")

    def _new_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        view = {"form": form, "kind": BY_KEY.get(form["type"]), "types": TYPES}
        return self._desk.page(call, visit, "tenant/log_stream_new.html", form.status, **view)

    def _one(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit)

    def _save(self, call: Call, visit: Visit) -> Answer:
        stream, form = self._desk.api.run(call, "get_log_stream"), typed(call)
        kind = BY_KEY.get(stream["type"])
        body: dict[str, Any] = {"name": form["name"].strip(), **(body_of(kind, form, keep_empty=True) if kind else {})}
        wanted = "active" if form["active"] else "disabled"
        if wanted != ("disabled" if stream["status"] == "disabled" else "active"):
            body["status"] = wanted
        try:
            self._desk.api.run(call, "update_log_stream", body=body)
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return self._shown(call, visit, form=with_problem(form, refusal))
        return self._desk.done(f"/admin/t/{slug_of(visit)}/log-streams/{stream['id']}", "saved")

    def _test(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit, tested=self._desk.api.run(call, "test_log_stream"))

    def _shown(
        self,
        call: Call,
        visit: Visit,
        *,
        form: Form | None = None,
        tested: dict[str, Any] | None = None,
        made: str | None = None,
        stream: str | None = None,
    ) -> Answer:
        found = self._desk.api.run(call, "get_log_stream", stream=stream or call.path_params["stream"])
        shown = form or form_of(found)
        view = {"stream": found, "kind": BY_KEY.get(found["type"]), "form": shown, "tested": tested, "made": made}
        return self._desk.page(call, visit, "tenant/log_stream.html", shown.status, **view)


ACTS = (
    Act(
        path=f"{ONE}/remove",
        operation="delete_log_stream",
        title="Remove this log stream?",
        says="Its receiver gets nothing more. What has not been sent yet stays in the trail, and is not sent.",
        button="Remove the log stream",
        back=ONE,
        after=ALL,
        done="stream_removed",
        named=("get_log_stream", "name"),
    ),
    Act(
        path=f"{ONE}/resume",
        operation="resume_log_stream",
        title="Send again?",
        says="It goes on with the first record that has not arrived, and catches up.",
        button="Send",
        back=ONE,
        done="stream_resumed",
        body={},
        named=("get_log_stream", "name"),
        calm=True,
    ),
)
