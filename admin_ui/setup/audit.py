"""The audit log behind a setup link: the customer's security people read and export what happened, and change nothing."""

from __future__ import annotations

from admin_ui.desk import Screen
from admin_ui.lists import listed
from admin_ui.setup.bench import ROOT, Bench
from admin_ui.tenant.records import FILTERS
from idbroker.admins.visits import Visit
from idbroker.web.call import Answer, Call

AUDIT = f"{ROOT}/audit"
EXPORT = f"{AUDIT}/export"


class AuditStep:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def screens(self) -> list[Screen]:
        get = self._bench.get
        return [get(AUDIT, self._show, "search_audit_events"), get(EXPORT, self._export, "export_audit_events")]

    def _show(self, call: Call, visit: Visit) -> Answer:
        """Looking is all that there is to do."""
        found = listed(self._bench.desk.api, self._bench.inside(call, visit), "search_audit_events", *FILTERS)
        work = self._bench.work(call, visit)
        if "audit" not in work.done:
            work = self._bench.remember(call, visit, step="audit")
        return self._bench.page(call, visit, "setup/audit.html", work, list=found, export=EXPORT)

    def _export(self, call: Call, visit: Visit) -> Answer:
        query = {name: call.query.get(name) for name in (*FILTERS, "format")}
        return self._bench.desk.api.raw(self._bench.inside(call, visit), "export_audit_events", query=query)
