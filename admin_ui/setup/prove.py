"""Whether it works: a test sign-in with its findings, the attributes that came, the groups and what they shall mean."""

from __future__ import annotations

from typing import Any

from admin_ui.desk import Screen
from admin_ui.forms import Form, typed, with_problem
from admin_ui.setup.bench import ROOT, Bench, Work
from idbroker.admins.visits import Visit
from idbroker.federation.profile import MAPPED_CLAIMS
from idbroker.kernel.errors import Conflict, NotFound, Refusal
from idbroker.web.call import Answer, Call, redirect

TEST = f"{ROOT}/test"
ATTRIBUTES = f"{ROOT}/attributes"
MAX_GROUPS_SHOWN = 30


class ProveSteps:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def screens(self) -> list[Screen]:
        get, post = self._bench.get, self._bench.post
        return [
            get(TEST, self._show, "get_test_sign_in", "get_connection", "get_candidate"),
            get(f"{TEST}/state", self._state, "get_test_sign_in"),
            post(TEST, self._start, "create_test_sign_in", "get_connection", "get_candidate"),
            get(ATTRIBUTES, self._attributes, "get_test_sign_in", "list_role_mappings"),
            post(ATTRIBUTES, self._map, "update_connection", "create_role_mapping", "get_candidate"),
        ]

    def _show(self, call: Call, visit: Visit) -> Answer:
        work = self._bench.work(call, visit)
        connection = self._bench.connection(call, visit, work)
        view: dict[str, Any] = {"connection": connection, "test": self._begun(call, visit, work)}
        view["staged"] = self._bench.staged(call, visit, work)
        work = self._noted(call, visit, work, view["test"])
        return self._bench.page(call, visit, "setup/test.html", work, ours=self._bench.ours(call, visit, work), **view)

    def _state(self, call: Call, visit: Visit) -> Answer:
        """How the newest test stands, asked for again and again while the other window is open."""
        work = self._bench.work(call, visit)
        test = self._begun(call, visit, work)
        if test is not None and call.query.get("seen") == f"{test['id']}.{test['state']}":
            return Answer(204)  # nothing new: what somebody reads stays as it is
        work = self._noted(call, visit, work, test)
        return self._bench.desk.part("setup/test_state.html", test=test, work=work)

    def _noted(self, call: Call, visit: Visit, work: Work, test: dict[str, Any] | None) -> Work:
        """That a test has passed is a step that is done."""
        if test is not None and test["state"] == "passed" and "test" not in work.done:
            return self._bench.remember(call, visit, step="test")
        return work

    def _start(self, call: Call, visit: Visit) -> Answer:
        work = self._bench.work(call, visit)
        connection = self._bench.connection(call, visit, work)
        if connection is None:
            return redirect(f"{ROOT}/metadata")
        staged = self._bench.staged(call, visit, work)
        body = {"candidate": staged["id"]} if staged else {}
        made = self._bench.run(call, visit, "create_test_sign_in", body=body, connection=connection["id"])
        self._bench.remember(call, visit, test=made["id"])
        return redirect(str(made["url"]))

    def _begun(self, call: Call, visit: Visit, work: Work) -> dict[str, Any] | None:
        """The newest test from here of what was given last: a test of what it was before says nothing of it."""
        if not work["test"]:
            return None
        try:
            return self._bench.run(call, visit, "get_test_sign_in", test=work["test"])
        except NotFound:
            return None

    def _attributes(self, call: Call, visit: Visit) -> Answer:
        work = self._bench.work(call, visit)
        connection = self._bench.connection(call, visit, work)
        mapping = work["mapping"] or (connection["attribute_mapping"] if connection else {})
        return self._mapped(call, visit, work, Form({f"claim:{claim}": name or "" for claim, name in mapping.items()}))

    def _map(self, call: Call, visit: Visit) -> Answer:
        """The mapping in one call, then each new role; a rule that is there already is no problem.

        The mapping of a staged change waits for it behind the link: until then the live one is another provider's.
        """
        form, work = typed(call), self._bench.work(call, visit)
        connection = self._bench.connection(call, visit, work)
        if connection is None:
            return redirect(f"{ROOT}/metadata")
        mapping = {claim: form[f"claim:{claim}"].strip() or None for claim in MAPPED_CLAIMS}
        try:
            if self._bench.staged(call, visit, work):
                self._bench.remember(call, visit, mapping=mapping)
            else:
                body = {"attribute_mapping": mapping}
                self._bench.run(call, visit, "update_connection", body=body, connection=connection["id"])
            for number in range(MAX_GROUPS_SHOWN + 1):
                self._give(call, visit, form[f"group:{number}"].strip(), form[f"role:{number}"].strip())
        except NotFound:
            raise
        except Refusal as refusal:
            return self._mapped(call, visit, work, with_problem(form, refusal))
        self._bench.remember(call, visit, step="attributes")
        return self._bench.go(work.after("attributes"))

    def _give(self, call: Call, visit: Visit, group: str, role: str) -> None:
        if not group or not role:
            return
        try:
            self._bench.run(call, visit, "create_role_mapping", body={"group": group, "role": role})
        except Conflict:
            return

    def _mapped(self, call: Call, visit: Visit, work: Work, form: Form) -> Answer:
        test = self._begun(call, visit, work)
        report = (test or {}).get("report") or {}
        mapped = report.get("mapped") or {}
        rules = self._bench.run(call, visit, "list_role_mappings", query={"limit": "200"})["data"]
        groups = mapped.get("groups") or []
        view: dict[str, Any] = {
            "claims": MAPPED_CLAIMS,
            "report": report,
            "mapped": mapped,
            "names": sorted(report.get("attributes") or {}),
            "groups": groups[:MAX_GROUPS_SHOWN] if isinstance(groups, list) else [],
            "rules": rules,
            "form": form,
        }
        return self._bench.page(call, visit, "setup/attributes.html", work, form.status, **view)
