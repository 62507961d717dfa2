"""Which identity provider, what its console asks, and what it gives back."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Screen
from admin_ui.forms import Form, typed, with_problem
from admin_ui.setup.bench import ROOT, Bench, Work
from admin_ui.setup.vendors import BY_KEY, VENDORS, Vendor
from admin_ui.tenant.connections import source_of
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.web.call import Answer, Call, redirect

KEPT = ("metadata_xml", "metadata_url", "issuer", "client_id", "scopes")
"""Typed fields that are kept behind the link: everything but secrets."""

CONSOLE = f"{ROOT}/console"


class ConnectSteps:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def screens(self) -> list[Screen]:
        get, post = self._bench.get, self._bench.post
        return [
            get(f"{ROOT}/provider", self._tiles, "reserve_connection"),
            post(f"{ROOT}/provider", self._choose, "reserve_connection", "drop_reservation"),
            get(CONSOLE, self._first, "get_reservation"),
            get(f"{CONSOLE}/{{number}}", self._console, "get_reservation", "get_connection"),
            post(f"{CONSOLE}/{{number}}", self._next, "update_connection"),
            get(f"{ROOT}/metadata", self._source, "create_connection"),
            post(f"{ROOT}/metadata", self._take, "create_connection", "update_connection"),
        ]

    def _tiles(self, call: Call, visit: Visit) -> Answer:
        work = self._bench.work(call, visit)
        return self._bench.page(call, visit, "setup/provider.html", work, vendors=VENDORS)

    def _choose(self, call: Call, visit: Visit) -> Answer:
        """Our addresses are final from here on. Another choice of the same protocol keeps them."""
        vendor = BY_KEY.get(call.form.get("vendor", ""))
        if vendor is None:
            raise NotFound("identity provider")
        work = self._bench.work(call, visit)
        before = work.vendor
        same = before is not None and before.protocol == vendor.protocol
        if not (same and self._bench.ours(call, visit, work)):
            made = self._bench.run(call, visit, "reserve_connection", body={"type": vendor.protocol, "vendor": vendor.vendor})
            self._drop(call, visit, work)
            self._bench.remember(call, visit, reservation=made["id"], connection=None, typed=None)
        self._bench.remember(call, visit, vendor=vendor.key, step="provider")
        return redirect(f"{CONSOLE}/1")

    def _drop(self, call: Call, visit: Visit, work: Work) -> None:
        """What was begun with another protocol and never finished."""
        if work["reservation"]:
            try:
                self._bench.run(call, visit, "drop_reservation", connection=work["reservation"])
            except NotFound:
                return

    def _first(self, call: Call, visit: Visit) -> Answer:
        del call, visit
        return redirect(f"{CONSOLE}/1")

    def _console(self, call: Call, visit: Visit) -> Answer:
        work = self._bench.work(call, visit)
        if work.vendor is None:
            return redirect(f"{ROOT}/provider")
        number = _number(call, work.vendor)
        view: dict[str, Any] = {
            "vendor": work.vendor,
            "step": work.vendor.steps[number - 1],
            "number": number,
            "ours": self._bench.ours(call, visit, work),
        }
        return self._bench.page(call, visit, "setup/console.html", work, **view)

    def _next(self, call: Call, visit: Visit) -> Answer:
        work = self._bench.work(call, visit)
        if work.vendor is None:
            return redirect(f"{ROOT}/provider")
        number = _number(call, work.vendor)
        if number < len(work.vendor.steps):
            return redirect(f"{CONSOLE}/{number + 1}")
        self._bench.remember(call, visit, step="console")
        return redirect(f"{ROOT}/metadata")

    def _source(self, call: Call, visit: Visit) -> Answer:
        work = self._bench.work(call, visit)
        if work.vendor is None:
            return redirect(f"{ROOT}/provider")
        typed_before = dict(work["typed"] or {})
        if work.vendor.protocol == "oidc" and "issuer" not in typed_before and work.vendor.issuer.startswith("https://"):
            typed_before["issuer"] = work.vendor.issuer if "<" not in work.vendor.issuer else ""
        return self._shown(call, visit, work, Form(typed_before))

    def _take(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        kept = {name: form[name] for name in KEPT if form[name].strip()}
        work = self._bench.remember(call, visit, typed=kept)
        vendor = work.vendor
        if vendor is None:
            return redirect(f"{ROOT}/provider")
        try:
            made = self._made(call, visit, work, source_of(form, vendor.protocol))
        except Refusal as refusal:
            return self._shown(call, visit, work, with_problem(form, refusal))
        self._bench.remember(call, visit, connection=made["id"], reservation=None, step="metadata")
        return self._bench.go(f"{ROOT}/metadata")

    def _made(self, call: Call, visit: Visit, work: Work, source: dict[str, Any]) -> dict[str, Any]:
        """The connection, made or given what is new; it is in test until it is switched on."""
        vendor, connection = work.vendor, self._bench.connection(call, visit, work)
        if vendor is None:
            raise NotFound("identity provider")
        if connection is not None:
            return self._bench.run(call, visit, "update_connection", body=source, connection=connection["id"])
        name = vendor.name.partition(",")[0]
        body = {"type": vendor.protocol, "name": name, "vendor": vendor.vendor, "status": "test", **source}
        if work["reservation"]:
            body["reservation"] = work["reservation"]
        return self._bench.run(call, visit, "create_connection", body=body)

    def _shown(self, call: Call, visit: Visit, work: Work, form: Form) -> Answer:
        connection = self._bench.connection(call, visit, work)
        view: dict[str, Any] = {"vendor": work.vendor, "form": form, "connection": connection}
        return self._bench.page(call, visit, "setup/metadata.html", work, form.status, **view)


def _number(call: Call, vendor: Vendor) -> int:
    text = call.path_params["number"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0
    if not 1 <= number <= len(vendor.steps):
        raise NotFound("step")
    return number
