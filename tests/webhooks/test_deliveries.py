"""From a change to an endpoint: signatures, order, retries, dead letters, parking, leases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from idbroker.audit.feed import forget_old
from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.outbound.fetcher import Fetched
from idbroker.outbound.retrying import GIVE_UP_AFTER
from idbroker.webhooks.dispatch import WebhookDispatcher, forget_deliveries
from idbroker.webhooks.model import WebhookDeliveries
from idbroker.webhooks.turn import LEASE, PARK_AFTER
from tests.support.admin_world import OPERATOR, AdminWorld
from tests.support.races import at_once
from tests.support.receivers import Received, unreachable

A, B = "https://a.example/hook", "https://b.example/hook"


def tell(world: AdminWorld, tenant: str, *users: str) -> None:
    with world.stores.main.tenant(TenantScope(TenantId(tenant), OPERATOR)) as unit:
        for user in users:
            unit[Outbox].record(Event("user.updated", Resource("user", user)))
    world.trail.seal_all()


def subjects(events: list[Any]) -> list[str]:
    return [event["data"]["id"] for event in events]


def webhook(world: AdminWorld, url: str = A, *, key: str | None = None, **fields: Any) -> Any:
    return world.post("/webhooks", {"url": url, **fields}, key=key)


def deliveries(world: AdminWorld, made: Any, status: str = "") -> list[Any]:
    return list(world.get(f"/webhooks/{made['id']}/deliveries?limit=200{'&status=' + status if status else ''}")["data"])


def sent_until_quiet(world: AdminWorld, hours: int, step: timedelta = timedelta(minutes=20)) -> int:
    made, until = 0, world.clock.now() + timedelta(hours=hours)
    while world.clock.now() < until:
        made += world.dispatcher.run_due()
        world.clock.advance(seconds=step.total_seconds())
    return made


def test_what_is_delivered_is_what_is_pulled_and_an_independent_library_verifies_it(world: AdminWorld) -> None:
    tenant, made = world.tenant("acme"), webhook(world)
    assert made["secret"].startswith("whsec_")
    world.person(tenant, "alice@acme.example")
    world.trail.seal_all()
    assert world.dispatcher.run_due() == 1
    (got,) = world.receivers.received
    (event,) = world.get("/events")["data"]
    assert (got.event, got.headers["webhook-id"], got.method) == (event, event["id"], "POST")
    with time_machine.travel(world.clock.now(), tick=False):
        assert Verifier(made["secret"]).verify(got.body, dict(got.headers)) == event
        for wrong in (got.body + b" ", got.body.replace(b"session.started", b"session.ended")):
            with pytest.raises(WebhookVerificationError):
                Verifier(made["secret"]).verify(wrong, dict(got.headers))
    assert world.dispatcher.run_due() == 0
    (delivery,) = deliveries(world, made)
    assert (delivery["status"], delivery["attempts"], delivery["event_id"]) == ("delivered", 1, event["id"])
    assert (delivery["tries"][0]["status"], delivery["tries"][0]["answer"]) == (200, "so it is")


def test_two_secrets_roll_over(world: AdminWorld) -> None:
    tenant, made = world.tenant("acme"), webhook(world)
    second = world.post(f"/webhooks/{made['id']}/secrets")
    assert world.send("POST", f"/webhooks/{made['id']}/secrets").status_code == 409
    tell(world, tenant, "usr_1")
    world.dispatcher.run_due()
    first = next(one for one in world.get(f"/webhooks/{made['id']}/secrets")["data"] if one["id"] != second["id"])
    assert world.send("DELETE", f"/webhooks/{made['id']}/secrets/{first['id']}").status_code == 204
    assert world.send("DELETE", f"/webhooks/{made['id']}/secrets/{second['id']}").json()["code"] == "last_secret"
    tell(world, tenant, "usr_2")
    world.dispatcher.run_due()
    both, one = world.receivers.received
    with time_machine.travel(world.clock.now(), tick=False):
        for secret in (made["secret"], second["secret"]):
            Verifier(secret).verify(both.body, dict(both.headers))
        Verifier(second["secret"]).verify(one.body, dict(one.headers))
        with pytest.raises(WebhookVerificationError):
            Verifier(made["secret"]).verify(one.body, dict(one.headers))


def test_each_endpoint_gets_what_it_asked_for_of_whom_it_may_hear(world: AdminWorld) -> None:
    acme, globex = world.tenant("acme"), world.tenant("globex")
    tell(world, acme, "usr_before")
    webhook(world, A, tenants=[acme], events=["user.*"])
    webhook(world, B, key=world.key(globex), events=["user.updated", "group.*"])
    webhook(world, "https://c.example", events=["session.ended"])
    webhook(world, "https://d.example", tenants="all", events=["*"])
    tell(world, acme, "usr_1")
    tell(world, globex, "usr_2")
    world.dispatcher.run_due()
    told = {url: subjects(world.receivers.at(url)) for url in (A, B, "https://c.example", "https://d.example")}
    assert told == {A: ["usr_1"], B: ["usr_2"], "https://c.example": [], "https://d.example": ["usr_1", "usr_2"]}


def test_a_failed_event_holds_up_its_subject_and_no_other(world: AdminWorld) -> None:
    tenant, made = world.tenant("acme"), webhook(world)
    refused: list[str] = ["usr_1"]
    world.receivers.answers[A] = lambda got: 500 if got.event["data"]["id"] in refused else 204
    tell(world, tenant, "usr_1", "usr_2", "usr_1", "usr_3")
    world.dispatcher.run_due()
    assert subjects(world.receivers.at(A)) == ["usr_1", "usr_2", "usr_3"]
    world.clock.advance(seconds=7)
    world.dispatcher.run_due()
    refused.clear()
    world.clock.advance(minutes=1)
    assert [world.dispatcher.run_due() for _ in range(3)] == [1, 1, 0], "what waited behind it has the next turn"
    got = [event for event in world.receivers.at(A) if event["data"]["id"] == "usr_1"]
    assert len(got) == 4
    assert got[0]["id"] == got[1]["id"] == got[2]["id"] != got[3]["id"]
    assert [one["status"] for one in deliveries(world, made)] == ["delivered"] * 4


def test_a_long_queue_of_one_subject_that_fails_starves_nobody(world: AdminWorld) -> None:
    """Longer than any turn; what fails is tried again after what was never tried, and holds up its own lane alone."""
    tenant, made = world.tenant("acme"), webhook(world)
    refused = {"usr_stuck", "usr_worse"}
    world.receivers.answers[A] = lambda got: 500 if got.event["data"]["id"] in refused else 204
    tell(world, tenant, *["usr_stuck"] * 301, "usr_worse", "usr_late", "usr_later")
    world.dispatcher.run_due()  # a turn is taken by the lane that fails, for once
    world.clock.advance(minutes=1)
    world.dispatcher.run_due()
    assert subjects(world.receivers.at(A))[:4] == ["usr_stuck", "usr_worse", "usr_late", "usr_later"]
    assert set(subjects(world.receivers.at(A))[4:]) == {"usr_stuck"}
    refused.clear()
    world.clock.advance(hours=1)
    while world.dispatcher.run_due():
        pass
    got = dict.fromkeys(event["id"] for event in world.receivers.at(A) if event["data"]["id"] == "usr_stuck")
    feed = [event["id"] for event in world.get("/events?limit=200")["data"]]
    assert (len(got), list(got)[:200]) == (301, feed), "none is lost, and they come in the order of the feed"
    assert world.get(f"/webhooks/{made['id']}")["pending"] == 0


def test_a_dead_endpoint_is_tried_for_three_days_then_its_letters_are_dead(world: AdminWorld) -> None:
    tenant, made = world.tenant("acme"), webhook(world)
    world.receivers.answers[A] = unreachable()
    tell(world, tenant, "usr_1")
    attempts = sent_until_quiet(world, hours=80)
    (delivery,) = deliveries(world, made, "dead")
    assert delivery["attempts"] == attempts == len(world.receivers.received)
    assert 10 <= attempts <= 20
    assert len({one.event["id"] for one in world.receivers.received}) == 1
    assert delivery["tries"][-1]["error"] == "The other server did not answer in time."
    world.receivers.answers.clear()
    again = world.post(f"/webhooks/{made['id']}/deliveries/{delivery['id']}/retry", status=200)
    assert again["status"] == "pending"
    assert world.dispatcher.run_due() == 1
    assert deliveries(world, made, "delivered")[0]["id"] == delivery["id"]
    assert world.send("POST", f"/webhooks/{made['id']}/deliveries/{delivery['id']}/retry").status_code == 409


def test_an_endpoint_that_only_fails_is_parked_with_an_event_and_goes_on_when_an_admin_says_so(world: AdminWorld) -> None:
    tenant, made = world.tenant("acme"), webhook(world)
    world.receivers.answers[A] = unreachable()
    tell(world, tenant, *(f"usr_{number}" for number in range(100)))
    attempts = sent_until_quiet(world, hours=100)
    assert attempts == PARK_AFTER
    shown = world.get(f"/webhooks/{made['id']}")
    assert (shown["status"], shown["failures"]) == ("parked", PARK_AFTER)
    (parked,) = world.sealed(None, action="webhook.parked")
    assert (parked["resource"]["id"], parked["context"]["failures"]) == (made["id"], PARK_AFTER)
    world.receivers.answers.clear()
    world.receivers.received.clear()
    tell(world, tenant, "usr_late")
    assert world.dispatcher.run_due() == 0
    assert world.send("PATCH", f"/webhooks/{made['id']}", {"status": "active"}).json()["failures"] == 0
    while world.dispatcher.run_due():
        pass
    assert "usr_late" in subjects(world.receivers.at(A))
    assert world.get(f"/webhooks/{made['id']}")["pending"] == 0


def test_410_disables_and_nothing_is_queued_any_more(world: AdminWorld) -> None:
    tenant, made = world.tenant("acme"), webhook(world)
    world.receivers.answers[A] = 410
    tell(world, tenant, "usr_1", "usr_2")
    assert world.dispatcher.run_due() == 1
    assert world.get(f"/webhooks/{made['id']}")["status"] == "disabled"
    assert len(world.sealed(None, action="webhook.disabled")) == 1
    tell(world, tenant, "usr_3")
    world.clock.advance(days=1)
    assert world.dispatcher.run_due() == 0
    assert len(deliveries(world, made)) == 2


def test_retry_after_is_heeded(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    webhook(world)
    world.receivers.answers[A] = Fetched(A, 429, {"retry-after": "1200"}, b"")
    tell(world, tenant, "usr_1")
    assert world.dispatcher.run_due() == 1
    world.receivers.answers.clear()
    world.clock.advance(minutes=19)
    assert world.dispatcher.run_due() == 0
    world.clock.advance(minutes=2)
    assert world.dispatcher.run_due() == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 500])
def test_only_2xx_is_an_arrival(world: AdminWorld, status: int) -> None:
    tenant, made = world.tenant("acme"), webhook(world)
    world.receivers.answers[A] = Fetched(A, status, {"location": "https://elsewhere.example"}, b"\x00\xff" * 5000)
    tell(world, tenant, "usr_1")
    world.dispatcher.run_due()
    (delivery,) = deliveries(world, made)
    assert (delivery["status"], delivery["tries"][0]["status"]) == ("pending", status)
    assert len(delivery["tries"][0]["answer"]) == 500
    assert {one.url for one in world.receivers.received} == {A}


def test_many_workers_send_each_event_once_and_in_order(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    webhook(world)
    webhook(world, B)
    names = [f"usr_{number}" for number in range(30)]
    others = [WebhookDispatcher(world.stores.main, world.envelope, world.receivers) for _ in range(3)]
    tell(world, tenant, *names)
    made = at_once(3, lambda number: others[number].run_due())
    made.append(world.dispatcher.run_due())
    assert not [one for one in made if isinstance(one, Exception)], made
    assert sum(made) == 60
    assert subjects(world.receivers.at(A)) == subjects(world.receivers.at(B)) == names


def test_a_worker_that_is_killed_loses_nothing_and_repeats_with_the_same_id(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    webhook(world)
    tell(world, tenant, "usr_1", "usr_2", "usr_3")

    def killed(got: Received) -> int:
        if got.event["data"]["id"] == "usr_2":
            raise SystemExit
        return 200

    world.receivers.answers[A] = killed
    with pytest.raises(SystemExit):
        world.dispatcher.run_due()
    world.receivers.answers.clear()
    assert world.dispatcher.run_due() == 0  # its lease holds
    world.clock.advance(seconds=LEASE.total_seconds())
    assert world.dispatcher.run_due() == 3
    events = world.receivers.at(A)
    assert subjects(events) == ["usr_1", "usr_2", "usr_1", "usr_2", "usr_3"]
    assert len({event["id"] for event in events}) == 3


def test_a_lease_that_ran_out_has_no_last_word(world: AdminWorld) -> None:
    tenant, made = world.tenant("acme"), webhook(world)
    tell(world, tenant, "usr_1")

    def slow(got: Received) -> int:
        """Another worker comes along while this one hangs for longer than its lease."""
        del got
        world.receivers.answers[A] = 200
        world.clock.advance(seconds=LEASE.total_seconds() + 1)
        assert world.dispatcher.run_due() == 1
        return 500

    world.receivers.answers[A] = slow
    world.dispatcher.run_due()
    (delivery,) = deliveries(world, made)
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 1)
    assert world.get(f"/webhooks/{made['id']}")["failures"] == 0


def test_a_range_is_replayed_with_the_same_ids(world: AdminWorld) -> None:
    tenant, made = world.tenant("acme"), webhook(world, events=["user.*"])
    tell(world, tenant, "usr_1")
    world.clock.advance(hours=1)
    since = world.clock.now()
    tell(world, tenant, "usr_2", "usr_3")
    world.clock.advance(hours=1)
    world.dispatcher.run_due()
    until = world.clock.now()
    tell(world, tenant, "usr_4")
    world.dispatcher.run_due()
    body = {"since": since.isoformat(), "until": until.isoformat()}
    assert world.post(f"/webhooks/{made['id']}/replay", body, status=202) == {"queued": 2}
    never = {**body, "until": "9999-12-31T23:59:59-12:00"}
    assert world.send("POST", f"/webhooks/{made['id']}/replay", never).status_code == 422
    world.dispatcher.run_due()
    events = world.receivers.at(A)
    assert subjects(events) == ["usr_1", "usr_2", "usr_3", "usr_4", "usr_2", "usr_3"]
    assert [event["id"] for event in events[4:]] == [event["id"] for event in events[1:3]]


def test_a_test_event_shows_the_answer_at_once(world: AdminWorld) -> None:
    made = webhook(world)
    world.receivers.answers[A] = Fetched(A, 418, {}, b"short and stout")
    told = world.post(f"/webhooks/{made['id']}/test", status=200)
    assert (told["delivered"], told["status"], told["answer"]) == (False, 418, "short and stout")
    world.receivers.answers[A] = unreachable()
    assert world.post(f"/webhooks/{made['id']}/test", status=200)["error"] == "The other server did not answer in time."
    world.receivers.answers.clear()
    assert world.post(f"/webhooks/{made['id']}/test", status=200)["delivered"] is True
    got = world.receivers.received[-1]
    assert got.event["type"] == "webhook.test"
    with time_machine.travel(world.clock.now(), tick=False):
        Verifier(made["secret"]).verify(got.body, dict(got.headers))
    assert len(world.sealed(None, action="webhook.tested")) == 3


def test_the_log_is_forgotten_with_the_events(world: AdminWorld) -> None:
    tenant, made = world.tenant("acme"), webhook(world)
    tell(world, tenant, "usr_1")
    world.dispatcher.run_due()
    kept = timedelta(days=30)
    world.clock.advance(days=31)
    assert forget_deliveries(world.stores.main, TenantScope(PLATFORM_TRAIL, SYSTEM), kept) == 1
    assert deliveries(world, made) == []
    assert kept > GIVE_UP_AFTER


def test_what_is_no_longer_kept_is_a_dead_letter(world: AdminWorld) -> None:
    tenant, made = world.tenant("acme"), webhook(world)
    world.receivers.answers[A] = unreachable()
    tell(world, tenant, "usr_1")
    world.dispatcher.run_due()
    world.clock.advance(days=31)
    forget_old(world.stores.main, timedelta(days=30))
    world.dispatcher.run_due()
    assert [one["status"] for one in deliveries(world, made)] == ["dead"]
    with world.stores.main.tenant(TenantScope(PLATFORM_TRAIL, SYSTEM), read_only=True) as unit:
        assert unit[WebhookDeliveries].next_due(made["id"]) is None
