"""Which identity provider, what its console asks, and what it gives back."""

from __future__ import annotations

from typing import Any

from admin_ui.api import Json
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

OF_THE_PROVIDER = ("console", "metadata", "test", "attributes", "finish")
"""Steps that are done with one identity provider, and begin anew with another."""
PROOF = ("test", "finish")
"""Steps that say that what was given works."""
DEFAULT_NAMES = frozenset(vendor.short for vendor in VENDORS)


class ConnectSteps:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def screens(self) -> list[Screen]:
        get, post = self._bench.get, self._bench.post
        return [
            get(f"{ROOT}/provider", self._tiles, "reserve_connection"),
            post(
                f"{ROOT}/provider",
                self._choose,
                "reserve_connection",
                "drop_reservation",
                "delete_connection",
                "delete_candidate",
            ),
            get(CONSOLE, self._first, "get_reservation"),
            get(f"{CONSOLE}/{{number}}", self._console, "get_reservation", "get_connection"),
            post(f"{CONSOLE}/{{number}}", self._next, "update_connection"),
            get(f"{ROOT}/metadata", self._source, "create_connection", "get_connection", "get_candidate"),
            post(
                f"{ROOT}/metadata", self._take, "create_connection", "update_connection", "create_candidate", "delete_candidate"
            ),
        ]

    def _tiles(self, call: Call, visit: Visit) -> Answer:
        work = self._bench.work(call, visit)
        return self._bench.page(call, visit, "setup/provider.html", work, vendors=VENDORS)

    def _choose(self, call: Call, visit: Visit) -> Answer:
        """Our addresses are final from here on. Another choice of the same protocol keeps them, and none keeps the ticks."""
        vendor = BY_KEY.get(call.form.get("vendor", ""))
        if vendor is None:
            raise NotFound("identity provider")
        work = self._bench.work(call, visit)
        before = work.vendor
        if before != vendor:
            self._give_up_change(call, visit, work)
            work = self._bench.remember(
                call, visit, candidate=None, test=None, mapping=None, typed=None, undone=OF_THE_PROVIDER
            )
        same = before is not None and before.protocol == vendor.protocol
        if not (same and self._bench.ours(call, visit, work)):
            made = self._bench.run(call, visit, "reserve_connection", body={"type": vendor.protocol, "vendor": vendor.vendor})
            self._give_up(call, visit, work)
            self._bench.remember(call, visit, reservation=made["id"], connection=None)
        self._bench.remember(call, visit, vendor=vendor.key, step="provider")
        return redirect(f"{CONSOLE}/1")

    def _give_up(self, call: Call, visit: Visit, work: Work) -> None:
        """What was begun with another protocol and never used: nobody has signed in through it for real."""
        connection = self._bench.connection(call, visit, work)
        try:
            if work["reservation"]:
                self._bench.run(call, visit, "drop_reservation", connection=work["reservation"])
            if connection and connection["status"] == "test" and not connection["options"]["test_users"]:
                self._bench.run(call, visit, "delete_connection", connection=connection["id"])
        except NotFound:
            return

    def _give_up_change(self, call: Call, visit: Visit, work: Work) -> None:
        if self._bench.staged(call, visit, work) is not None:
            self._bench.run(call, visit, "delete_candidate", connection=work["connection"], candidate=work["candidate"])

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
            kept_as = self._made(call, visit, work, vendor, source_of(form, vendor.protocol))
        except Refusal as refusal:
            return self._shown(call, visit, work, with_problem(form, refusal))
        self._bench.remember(call, visit, **kept_as, test=None, undone=PROOF, step="metadata")
        return self._bench.go(f"{ROOT}/metadata")

    def _made(self, call: Call, visit: Visit, work: Work, vendor: Vendor, source: dict[str, Any]) -> dict[str, Any]:
        """What the link remembers of it. Nothing untested signs anybody in: a connection that is not in test any more is left
        alone, and what is new stands beside it until it is tested and switched on."""
        connection = self._bench.connection(call, visit, work)
        if connection is None:
            body = {"type": vendor.protocol, "name": vendor.short, "vendor": vendor.vendor, "status": "test", **source}
            if work["reservation"]:
                body["reservation"] = work["reservation"]
            made = self._bench.run(call, visit, "create_connection", body=body)
            return {"connection": made["id"], "reservation": None, "candidate": None}
        its_id = str(connection["id"])
        body = {"vendor": vendor.vendor, **source}
        if connection["status"] == "test":
            self._bench.run(call, visit, "update_connection", body={**body, **renamed(connection, vendor)}, connection=its_id)
            return {"candidate": None}
        staged = self._bench.run(call, visit, "create_candidate", body={"label": vendor.short, **body}, connection=its_id)
        self._give_up_change(call, visit, work)
        return {"candidate": staged["id"]}

    def _shown(self, call: Call, visit: Visit, work: Work, form: Form) -> Answer:
        staged = self._bench.staged(call, visit, work)
        connection = self._bench.connection(call, visit, work)
        view: dict[str, Any] = {"vendor": work.vendor, "form": form, "connection": connection, "staged": staged}
        return self._bench.page(call, visit, "setup/metadata.html", work, form.status, **view)


def renamed(connection: Json, vendor: Vendor) -> dict[str, str]:
    """The name for what the connection is now, unless somebody has given it one of his own."""
    return {"name": vendor.short} if connection["name"] in DEFAULT_NAMES else {}


def _number(call: Call, vendor: Vendor) -> int:
    text = call.path_params["number"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0
    if not 1 <= number <= len(vendor.steps):
        raise NotFound("step")
    return number
