"""Log streams behind a setup link: the customer's security people say where the trail goes, and see a test arrive."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Screen
from admin_ui.forms import Form, typed, with_problem
from admin_ui.setup.bench import ROOT, Bench
from admin_ui.streams import BY_KEY, TYPES, new_stream
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import Refusal
from idbroker.web.call import Answer, Call

STREAMS = f"{ROOT}/streams"


class LogStreamStep:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def screens(self) -> list[Screen]:
        get, post = self._bench.get, self._bench.post
        return [
            get(STREAMS, self._show, "list_log_streams"),
            post(STREAMS, self._make, "create_log_stream"),
            post(f"{STREAMS}/test", self._test, "test_log_stream"),
        ]

    def _show(self, call: Call, visit: Visit) -> Answer:
        return self._page(call, visit, Form({"type": call.query.get("type", "")}))

    def _make(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        body = new_stream(form)
        try:
            made = self._bench.run(call, visit, "create_log_stream", body=body)
        except Refusal as refusal:
            return self._page(call, visit, with_problem(form, refusal))
        self._bench.remember(call, visit, step="streams")
        return self._page(call, visit, Form(), made=made)

    def _test(self, call: Call, visit: Visit) -> Answer:
        """Only a stream of the link's own tenant is found, whatever the form names."""
        stream = typed(call)["stream"]
        tested = self._bench.run(call, visit, "test_log_stream", stream=stream)
        return self._page(call, visit, Form(), tested=tested)

    def _page(
        self,
        call: Call,
        visit: Visit,
        form: Form,
        *,
        made: dict[str, Any] | None = None,
        tested: dict[str, Any] | None = None,
    ) -> Answer:
        work = self._bench.work(call, visit)
        found = self._bench.run(call, visit, "list_log_streams")["data"]
        view: dict[str, Any] = {
            "streams_made": found,
            "form": form,
            "kind": BY_KEY.get(form["type"]),
            "types": TYPES,
            "made": made,
            "tested": tested,
        }
        return self._bench.page(call, visit, "setup/streams.html", work, form.status, **view)
