"""Webhooks: the operator's, and in its administration a tenant's own. One family of pages with two homes.

The API lets an operator reach every webhook by its id; these pages show in each home what belongs there, nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from admin_ui.confirm import Act, Acts
from admin_ui.desk import Desk, Screen
from admin_ui.forms import VERSION, Form, carrying, lines, typed, with_problem
from admin_ui.lists import listed
from idbroker.access.permissions import Permission
from idbroker.admins.visits import Visit
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.web.call import Answer, Call

FAMILIES = (
    ("user.*", "people: made, changed, switched off, removed"),
    ("group.*", "groups and their members"),
    ("session.*", "sessions: begun and ended"),
    ("connection.*", "connections, and what of them ends soon"),
    ("alert.*", "alerts"),
)
STATUSES = ("pending", "delivered", "dead")
WHERE = "url"


class WebhookPages:
    """``home``: ``/admin/webhooks``, or the same below a tenant's. ``needs``: more than the API asks for."""

    def __init__(self, desk: Desk, acts: Acts, home: str, needs: Permission | None = None) -> None:
        self._desk = desk
        self._acts = acts
        self._home = home
        self._needs = needs

    def screens(self) -> list[Screen]:
        one = f"{self._home}/{{webhook}}"
        table = (
            ("GET", self._home, self._all, ("list_webhooks",)),
            ("GET", f"{self._home}/new", self._new, ("create_webhook",)),
            ("POST", f"{self._home}/new", self._make, ("create_webhook",)),
            ("GET", one, self._one, ("get_webhook", "list_webhook_deliveries", "list_webhook_secrets")),
            ("POST", one, self._save, ("update_webhook",)),
            ("POST", f"{one}/status", self._switch, ("update_webhook",)),
            ("POST", f"{one}/test", self._test, ("test_webhook",)),
            ("POST", f"{one}/secrets", self._secret, ("create_webhook_secret",)),
            ("POST", f"{one}/replay", self._replay, ("replay_webhook",)),
            ("POST", f"{one}/deliveries/{{delivery}}/retry", self._retry, ("retry_webhook_delivery",)),
        )
        add = {"GET": self._desk.get, "POST": self._desk.post}
        screens = [add[method](path, handler, *names, needs=self._needs) for method, path, handler, names in table]
        return [*screens, *self._acts.screens(_acts(self._home, self._needs), self._known)]

    def _known(self, call: Call, visit: Visit) -> dict[str, Any]:
        """The webhook of the path. Raises NotFound for one that has its home elsewhere."""
        found = self._desk.api.run(call, "get_webhook")
        if found["tenant_id"] != (visit.tenant.id if visit.tenant is not None else None):
            raise NotFound("webhook")
        return found

    def _all(self, call: Call, visit: Visit) -> Answer:
        found = listed(self._desk.api, call, "list_webhooks", "q", fixed=self._whose(visit))
        return self._page(call, visit, "webhooks.html", list=found)

    def _new(self, call: Call, visit: Visit) -> Answer:
        return self._new_form(call, visit, Form({"everything": "on"}))

    def _make(self, call: Call, visit: Visit) -> Answer:
        form = typed(call)
        try:
            made = self._desk.api.run(call, "create_webhook", body=self._body(form, visit), query=self._whose(visit))
        except Refusal as refusal:
            return self._new_form(call, visit, with_problem(form, refusal))
        there = replace(call, path_params={**call.path_params, "webhook": made["id"]})
        return self._shown(there, visit, None, secret=made["secret"])

    def _new_form(self, call: Call, visit: Visit, form: Form) -> Answer:
        return self._page(call, visit, "webhook_new.html", form.status, form=form)

    def _one(self, call: Call, visit: Visit) -> Answer:
        return self._shown(call, visit, None)

    def _save(self, call: Call, visit: Visit) -> Answer:
        self._known(call, visit)
        form = typed(call)
        try:
            self._desk.api.run(call, "update_webhook", body=self._body(form, visit), version=form[VERSION])
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(form, refusal))
        return self._done(call, "saved")

    def _switch(self, call: Call, visit: Visit) -> Answer:
        self._known(call, visit)
        wanted = "active" if call.form.get("status") == "active" else "disabled"
        self._desk.api.run(call, "update_webhook", body={"status": wanted})
        return self._done(call, "webhook_on" if wanted == "active" else "webhook_off")

    def _test(self, call: Call, visit: Visit) -> Answer:
        self._known(call, visit)
        return self._shown(call, visit, None, tested=self._desk.api.run(call, "test_webhook"))

    def _secret(self, call: Call, visit: Visit) -> Answer:
        self._known(call, visit)
        try:
            made = self._desk.api.run(call, "create_webhook_secret")
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(Form(), refusal))
        return self._shown(call, visit, None, secret=made["secret"])

    def _replay(self, call: Call, visit: Visit) -> Answer:
        self._known(call, visit)
        form = typed(call)
        given = {name: _moment(form[name]) for name in ("since", "until") if form[name].strip()}
        try:
            self._desk.api.run(call, "replay_webhook", body=given)
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(form, refusal))
        return self._done(call, "replayed")

    def _retry(self, call: Call, visit: Visit) -> Answer:
        self._known(call, visit)
        try:
            self._desk.api.run(call, "retry_webhook_delivery")
        except NotFound:
            raise
        except Refusal as refusal:
            return self._shown(call, visit, with_problem(Form(), refusal))
        return self._done(call, "retried")

    def _shown(
        self, call: Call, visit: Visit, form: Form | None, *, secret: str | None = None, tested: dict[str, Any] | None = None
    ) -> Answer:
        self._known(call, visit)
        webhook, present = self._desk.api.versioned(call, "get_webhook")
        filters = ("status",) if call.method == "GET" else ()
        shown = form if form is not None and form[WHERE] else _as_form(webhook, form)
        view: dict[str, Any] = {
            "webhook": webhook,
            "form": carrying(shown, present),
            "list": listed(self._desk.api, call, "list_webhook_deliveries", *filters),
            "secrets": self._desk.api.run(call, "list_webhook_secrets")["data"],
            "made": secret,
            "tested": tested,
            "statuses": STATUSES,
        }
        return self._page(call, visit, "webhook.html", shown.status, **view)

    def _page(self, call: Call, visit: Visit, template: str, status: int = 200, **view: Any) -> Answer:
        home = self._home.format(tenant=visit.tenant.slug if visit.tenant is not None else "")
        return self._desk.page(call, visit, template, status, home=home, families=FAMILIES, **view)

    def _done(self, call: Call, code: str) -> Answer:
        return self._desk.done(f"{self._home}/{{webhook}}".format(**call.path_params), code)

    def _whose(self, visit: Visit) -> dict[str, str]:
        return {"tenant": visit.tenant.id} if visit.tenant is not None else {}

    def _body(self, form: Form, visit: Visit) -> dict[str, Any]:
        """A tenant's own hears of that tenant, whatever the form says."""
        ticked = [pattern for pattern, _ in FAMILIES if form[f"event:{pattern}"]]
        events = ["*"] if form["everything"] else [*ticked, *lines(form["events"])]
        tenants = None if visit.tenant is not None else lines(form["tenants"])
        return {
            "url": form[WHERE].strip(),
            "description": form["description"].strip(),
            "events": events,
            "tenants": tenants or "all",
        }


def _as_form(webhook: dict[str, Any], problem: Form | None) -> Form:
    known = {pattern for pattern, _ in FAMILIES}
    values = {
        WHERE: webhook["url"],
        "description": webhook["description"],
        "everything": "on" if "*" in webhook["events"] else "",
        "events": "\n".join(one for one in webhook["events"] if one not in known and one != "*"),
        "tenants": "" if webhook["tenants"] == "all" else "\n".join(webhook["tenants"]),
        **{f"event:{one}": "on" for one in webhook["events"] if one in known},
    }
    if problem is None:
        return Form(values)
    return Form({**values, **problem.values}, problem.errors, problem.problem, problem.status)


def _moment(text: str) -> str:
    """What a browser's field for a moment gives, as UTC; anything else goes on as it is, so that the API says so."""
    text = text.strip()
    return f"{text}:00Z" if len(text) == len("2026-11-21T09:00") else text


def _acts(home: str, needs: Permission | None) -> tuple[Act, ...]:
    one = f"{home}/{{webhook}}"
    return (
        Act(
            path=f"{one}/remove",
            operation="delete_webhook",
            title="Remove this webhook?",
            says="Nothing is sent to it any more; what waits in its queue, its dead letters and its log are deleted. "
            "This cannot be taken back.",
            button="Remove the webhook",
            back=one,
            after=home,
            done="webhook_removed",
            named=("get_webhook", "url"),
            needs=needs,
        ),
        Act(
            path=f"{one}/secrets/{{secret}}/remove",
            operation="delete_webhook_secret",
            title="Retire this secret?",
            says="Deliveries are no longer signed with it. An endpoint that knows only this one refuses everything then.",
            button="Retire the secret",
            back=one,
            done="webhook_secret_removed",
            named=("get_webhook", "url"),
            needs=needs,
        ),
    )
