"""The domain first, and nothing waits for it: the record is looked up again whenever the page asks."""

from __future__ import annotations

from admin_ui.desk import Screen
from admin_ui.forms import Form, typed, with_problem
from admin_ui.setup.bench import ROOT, Bench
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.web.call import Answer, Call

HERE = f"{ROOT}/domain"


class DomainStep:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def screens(self) -> list[Screen]:
        return [
            self._bench.get(HERE, self._show, "list_domains"),
            self._bench.get(f"{HERE}/state", self._state, "list_domains"),
            self._bench.post(HERE, self._add, "add_domain"),
            self._bench.post(f"{HERE}/verify", self._verify, "verify_domain"),
        ]

    def _show(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit, Form())

    def _state(self, call: Call, visit: Visit) -> Answer:
        """How the domains stand, asked for again and again: the record is looked up by the worker meanwhile."""
        domains = self._bench.run(call, visit, "list_domains")["data"]
        return self._bench.desk.part("setup/domain_state.html", domains=domains, visit=visit)

    def _add(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            self._bench.run(call, visit, "add_domain", body={"domain": form["domain"].strip()})
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(form, refusal))
        self._bench.remember(call, visit, step="domain")
        return self._bench.go(HERE, "domain_added")

    def _verify(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            self._bench.run(call, visit, "verify_domain", body={}, domain=form["id"])
        except NotFound:
            raise
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(Form(), refusal))
        return self._bench.go(HERE, "domain_verified")

    def _shown(self, call: Call, visit: Visit, form: Form) -> Answer:
        domains = self._bench.run(call, visit, "list_domains")["data"]
        return self._bench.page(
            call, visit, "setup/domain.html", self._bench.work(call, visit), form.status, form=form, domains=domains
        )
