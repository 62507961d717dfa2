"""A tenant's life: trial, overdue, paused, taken back, cancelled, deleted; frozen; and the alarms. On both engines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from idbroker.sessions import clerk
from idbroker.tenants.model import Tenants
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.whole import SamlTenant, Whole


@pytest.fixture
def whole(stores: Stores, clock: TestClock) -> Iterator[Whole]:
    kept = {"free": {"retention_days": 40}, "growth": {"retention_days": None}}
    made = Whole(stores.urls, clock, past_due_days=20, cancelled_days=10, entitlements=kept)
    yield made
    made.close()


@pytest.fixture
def acme(whole: Whole) -> SamlTenant:
    return SamlTenant(whole, "acme", "enterprise")


def move(whole: Whole, to: str, reason: str = "test") -> Any:
    return whole.api("POST", "/tenants/acme/transitions", {"to": to, "reason": reason})


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code")


def run_job(whole: Whole, name: str) -> None:
    next(job for job in whole.services.worker()._jobs if job.name == name).run()


def pass_days(whole: Whole, days: float) -> None:
    whole.clock.advance(days=days)
    run_job(whole, "move tenants on")


def test_from_trial_to_erasure_by_time_alone(whole: Whole, acme: SamlTenant) -> None:
    pass_days(whole, 29)
    assert whole.api("GET", "/tenants/acme")["status"] == "trial"
    pass_days(whole, 1)
    assert whole.api("GET", "/tenants/acme")["status"] == "paused"
    pass_days(whole, 400)
    assert whole.api("GET", "/tenants/acme")["status"] == "paused", "nobody is given up for not paying"
    move(whole, "active")
    move(whole, "past_due", "invoice 7")
    pass_days(whole, 20)
    assert whole.api("GET", "/tenants/acme")["status"] == "paused"
    move(whole, "cancelled")
    pass_days(whole, 10)
    assert whole.api("GET", "/tenants/acme")["status"] == "deleted"
    told = [
        (event["changes"]["status"]["after"], event["actor"]["type"]) for event in whole.events(acme.id, "tenant.transitioned")
    ]
    system, operator = "system", "operator"
    assert told == [
        ("paused", system),
        ("active", operator),
        ("past_due", operator),
        ("paused", system),
        ("cancelled", operator),
        ("deleted", system),
    ]


def test_the_trail_is_kept_as_long_as_the_operator_says_and_a_trials_for_ever(whole: Whole) -> None:
    tenants = {
        whole.tenant(f"{tier}-{status}", tier, status=status): (tier, status)
        for tier, status in (("free", "active"), ("free", "prospect"), ("growth", "active"), ("enterprise", "active"))
    }
    cuts = []
    for days in (39, 2):
        whole.clock.advance(days=days)
        for tenant in tenants:
            whole.api("PATCH", f"/tenants/{tenant}", {"name": f"After {days}"})  # the last record is never cut
        whole.services.trail.seal_all()
        run_job(whole, "sign heads that were missed")
        run_job(whole, "let go of old records")
        told = {which: whole.events(tenant, "audit_trail.shortened") for tenant, which in tenants.items()}
        cuts.append({which: event["context"]["days"] for which, events in told.items() for event in events})
    assert cuts == [{}, {("free", "active"): 40}]


def test_overdue_people_sign_in_and_administration_ends_after_a_week(whole: Whole, acme: SamlTenant) -> None:
    key = whole.key(acme.id)
    move(whole, "active")
    move(whole, "past_due")
    assert whole.send("PATCH", "/tenants/acme", {"name": "Acme 2"}, key=key).status_code == 200
    whole.clock.advance(days=7)
    assert refused(whole.send("PATCH", "/tenants/acme", {"name": "Acme 3"}, key=key)) == (403, "tenant_read_only")
    assert whole.send("GET", "/tenants/acme/users", key=key).status_code == 200
    assert whole.send("PATCH", "/tenants/acme", {"name": "Acme 4"}).status_code == 200, "operators always may"
    assert acme.sign_in(whole.at("192.0.2.9")).status_code == 303
    move(whole, "active")
    assert whole.send("PATCH", "/tenants/acme", {"name": "Acme 5"}, key=key).status_code == 200


def test_paused_ends_all_that_was_open_for_good(whole: Whole, acme: SamlTenant) -> None:
    key, browser = whole.key(acme.id), whole.at("192.0.2.9")
    assert acme.sign_in(browser).status_code == 303
    assert "acme" in browser.get("/account").text.lower()
    move(whole, "paused", "they asked for it")
    ended = whole.api("GET", "/tenants/acme/sessions")["data"]
    assert [(one["end_reason"], one["ended_at"] is not None) for one in ended] == [("tenant_paused", True)]
    assert browser.get("/sso?email=alice@acme.example").status_code == 403
    assert refused(whole.send("PATCH", "/tenants/acme", {"name": "A"}, key=key)) == (403, "tenant_read_only")
    assert whole.send("GET", "/tenants/acme/sessions", key=key).status_code == 200
    move(whole, "active")
    assert [one["end_reason"] for one in whole.api("GET", "/tenants/acme/sessions")["data"]] == ["tenant_paused"]
    assert acme.sign_in(whole.at("192.0.2.9")).status_code == 303


def test_cancelled_exports_and_deleted_does_nothing(whole: Whole, acme: SamlTenant) -> None:
    key = whole.key(acme.id)
    move(whole, "active")
    move(whole, "cancelled")
    assert refused(whole.send("GET", "/tenants/acme/users", key=key)) == (403, "tenant_closed_to_admins")
    assert whole.send("GET", "/tenants/acme", key=key).json()["status"] == "cancelled"
    assert whole.send("GET", "/tenants/acme/audit-events/export?format=jsonl", key=key).status_code == 200
    move(whole, "deleted")
    assert refused(whole.send("GET", "/tenants/acme", key=key)) == (403, "tenant_closed_to_admins")
    assert refused(whole.send("GET", "/tenants/acme/audit-events/export", key=key)) == (403, "tenant_closed_to_admins")
    move(whole, "cancelled")
    move(whole, "active")
    assert whole.send("GET", "/tenants/acme/users", key=key).status_code == 200
    move(whole, "cancelled")
    move(whole, "deleted")
    whole.clock.advance(days=30)  # and the worker has not come yet
    assert refused(whole.send("POST", "/tenants/acme/transitions", {"to": "cancelled", "reason": "x"})) == (
        409,
        "illegal_transition",
    )


def test_what_a_kill_left_open_the_worker_ends(whole: Whole, acme: SamlTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.sign_in(whole.at("192.0.2.9"))
    scope = whole.scope(acme.id)
    with whole.services.database.platform(scope.actor) as unit:
        whole.services.tenants.transition(unit, scope.tenant, "paused", "and the process dies here")
    assert whole.api("GET", "/tenants/acme/sessions")["data"][0]["ended_at"] is None
    monkeypatch.setattr(clerk, "PAGE", 1)
    for slug in ("first", "second"):  # in that state for longer, and page by page
        row = whole.tenant(slug)
        with whole.services.database.platform(scope.actor) as unit:
            tenant = unit[Tenants].get(row)
            assert tenant is not None
            tenant.status, tenant.status_since = "paused", whole.clock.now() - timedelta(days=3)
    pass_days(whole, 0)
    assert whole.api("GET", "/tenants/acme/sessions")["data"][0]["end_reason"] == "tenant_paused"


def test_frozen_changes_nothing_and_signs_in(whole: Whole, acme: SamlTenant) -> None:
    key = whole.key(acme.id)
    assert whole.send("POST", "/tenants/acme/freeze", {"reason": "x"}, key=key).status_code == 403
    assert whole.api("POST", "/tenants/acme/freeze", {"reason": "an investigation"})["frozen_at"] is not None
    assert refused(whole.send("POST", "/tenants/acme/domains", {"domain": "acme.org"}, key=key)) == (403, "tenant_frozen")
    assert whole.send("GET", "/tenants/acme/domains", key=key).status_code == 200
    assert acme.sign_in(whole.at("192.0.2.9")).status_code == 303
    assert whole.api("POST", "/tenants/acme/unfreeze", {"reason": "over"})["frozen_at"] is None
    assert whole.send("POST", "/tenants/acme/domains", {"domain": "acme.org"}, key=key).status_code == 201
    reasons = [event["context"]["reason"] for event in whole.events(acme.id, "tenant.frozen")]
    assert reasons == ["an investigation"]


def test_the_alarms(whole: Whole, acme: SamlTenant) -> None:
    for name in ("alice", "bob"):
        acme.sign_in(whole.at("192.0.2.9"), name)
    assert whole.api("POST", "/tenants/acme/end-sessions", {"reason": "leaked laptop"}) == {"sessions": 2}
    assert whole.api("POST", "/tenants/acme/end-sessions", {"reason": "again"}) == {"sessions": 0}
    acme.sign_in(whole.at("192.0.2.9"))
    path = f"/tenants/acme/connections/{acme.connection['id']}"
    assert whole.api("POST", f"{path}/stop", {"reason": "the IdP is compromised"}) == {"sessions": 1}
    assert whole.api("GET", path)["status"] == "disabled"
    assert whole.at("192.0.2.9").get("/sso?email=alice@acme.example").status_code == 403
    assert [event["context"]["reason"] for event in whole.events(acme.id, "connection.disabled")] == ["the IdP is compromised"]
    assert refused(whole.send("POST", "/tenants/acme/connections/con_x/stop", {"reason": "y"})) == (404, "not_found")
    assert refused(whole.send("POST", f"{path}/stop", {}))[0] == 422


def test_a_locked_feature_says_so(whole: Whole) -> None:
    whole.tenant("small")
    for number in range(6):  # a trial includes everything
        whole.api("POST", "/tenants/small/domains", {"domain": f"small{number}.example"})
    assert whole.api("GET", "/tenants/small/entitlements")["domains"] is None
    whole.api("POST", "/tenants/small/transitions", {"to": "active", "reason": "they pay nothing"})
    assert whole.api("GET", "/tenants/small/entitlements")["domains"] == 5
    answer = whole.send("POST", "/tenants/small/domains", {"domain": "small7.example"}, key=whole.key("small"))
    assert refused(answer) == (403, "not_entitled")
    assert answer.json()["detail"] == "The tier free includes at most 5 domains. A higher tier includes more."
    whole.api("PATCH", "/tenants/small", {"tier": "enterprise"})
    assert whole.send("POST", "/tenants/small/domains", {"domain": "small7.example"}).status_code == 201
