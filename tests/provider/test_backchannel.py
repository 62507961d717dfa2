"""Back-channel logout: who is told, by what token, how often, and what the receipt says."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from idbroker.sessions.revocations import LogoutsDue, Revocations
from idbroker.telemetry import metrics
from idbroker.telemetry.metrics import REGISTRY
from oidc.provider.backchannel import EVENT, PAUSES
from tests.provider.test_code_flow import read
from tests.provider.test_refresh import BOTH, OFFLINE
from tests.support.databases import Stores
from tests.support.provider_world import BASE, OPERATOR, ProviderWorld, issuer_of
from tests.support.races import at_once

HOOK = "https://app.example.com/logged-out"


@pytest.fixture
def sent(world):
    world.provider.logout_sender.run_due()
    world.fetcher.posted.clear()
    world.fetcher.answers.clear()
    return world.fetcher.posted


def deliveries(world, person):
    with world.database.tenant(world.scope(person.tenant), read_only=True) as unit:
        rows = unit[Revocations].of_user(person.user.id)
        return rows, unit[Revocations].deliveries([row.id for row in rows])


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("tenant_issuer", [False, True])
def test_an_app_is_told_with_a_token_of_its_issuer(world, sent, algorithm, tenant_issuer):
    issuer = issuer_of(world.acme) if tenant_issuer else BASE
    client, person = world.client(backchannel_logout_uri=HOOK, id_token_signed_response_alg=algorithm), world.person()
    id_token = read(world, world.tokens(person, client, issuer=issuer)["id_token"], issuer)[1]
    world.end(person)
    assert sent == []
    assert world.provider.logout_sender.run_due() == 1
    ((url, form),) = sent
    assert (url, set(form)) == (HOOK, {"logout_token"})
    header, claims = read(world, form["logout_token"], issuer)
    now = int(world.clock.now().timestamp())
    assert (header["typ"], header["alg"]) == ("logout+jwt", algorithm)
    assert claims.pop("jti")
    assert claims == {
        "iss": issuer, "sub": person.user.id, "aud": client.id, "iat": now, "exp": now + 120, "sid": id_token["sid"],
        "events": {EVENT: {}}, "tenant_id": world.acme.id,
    }  # fmt: skip
    assert world.provider.logout_sender.run_due() == 0
    ((receipt,), (delivery,)) = deliveries(world, person)
    assert (receipt.cause, receipt.sessions, receipt.refresh_families) == ("test", 1, 0)
    assert (delivery.status, delivery.attempts, delivery.error) == ("confirmed", 1, None)


def test_only_apps_that_got_tokens_and_want_to_hear(world, sent):
    person = world.person()
    hears, deaf, other = (world.client(backchannel_logout_uri=uri) for uri in (HOOK, None, HOOK))
    world.tokens(person, hears)
    world.tokens(person, deaf)
    world.code(person, other)  # it never came for its tokens
    world.tokens(world.person(), other)
    world.end(person)
    world.provider.logout_sender.run_due()
    assert [read(world, form["logout_token"])[1]["aud"] for _, form in sent] == [hears.id]
    found = {row.client_id: (row.status, row.attempts, row.error) for row in deliveries(world, person)[1]}
    assert found == {hears.id: ("confirmed", 1, None), deaf.id: ("failed", 0, "The app takes no logout tokens.")}
    with world.database.tenant(world.scope(person.tenant), read_only=True) as unit:
        times = unit[Revocations].times(world.clock.now() - timedelta(days=1), 1)
    assert [(pending, failed) for _, _, pending, failed in times] == [(0, 0)], "who cannot be told is in no statistics"


def test_once_per_app_and_session_however_often_it_came(world, sent):
    client, person = world.client(backchannel_logout_uri=HOOK, grant_types=BOTH), world.person()
    other = world.session(world.acme, person.user)
    for each in (person, person, other):
        world.tokens(each, client, scope=OFFLINE)
    world.end(person)
    world.provider.logout_sender.run_due()
    told = [read(world, form["logout_token"])[1] for _, form in sent]
    assert {claims["sid"] for claims in told} == {person.session.id, other.session.id}
    assert len({claims["jti"] for claims in told}) == 2
    (receipt,), _ = deliveries(world, person)
    assert (receipt.sessions, receipt.refresh_families) == (2, 3)


def test_an_app_that_does_not_answer_is_tried_again_and_then_given_up(world, sent):
    client, person = world.client(backchannel_logout_uri=HOOK), world.person()
    world.tokens(person, client)
    world.end(person)
    world.fetcher.answers[:] = [500] * 20
    for number, pause in enumerate(PAUSES, start=1):
        assert world.provider.logout_sender.run_due() == 1
        assert world.provider.logout_sender.run_due() == 0
        _, (delivery,) = deliveries(world, person)
        assert (delivery.status, delivery.attempts, delivery.error) == ("pending", number, "The app answered 500.")
        world.clock.advance(seconds=pause)
    assert world.provider.logout_sender.run_due() == 1
    world.clock.advance(days=2)
    assert world.provider.logout_sender.run_due() == 0
    _, (delivery,) = deliveries(world, person)
    assert (delivery.status, delivery.attempts) == ("failed", len(PAUSES) + 1)
    assert len({read(world, form["logout_token"])[1]["jti"] for _, form in sent}) == len(PAUSES) + 1
    with world.database.platform(OPERATOR, read_only=True) as unit:
        assert unit[LogoutsDue].apps_due() == []


def test_what_could_not_be_told_is_an_event_in_the_transaction_that_gives_up(world, sent):
    client, person = world.client(backchannel_logout_uri=HOOK), world.person()
    world.tokens(person, client)
    world.end(person)
    world.fetcher.answers[:] = [500] * 20
    for _ in range(len(PAUSES) + 1):
        world.provider.logout_sender.run_due()
        world.clock.advance(hours=7)
    told = world.events(person.tenant, "session.logout_failed")
    (event,) = (event for event in told if event["resource"]["id"] == person.session.id)
    assert event["context"]["app"] == client.id
    assert (event["context"]["attempts"], event["context"]["error"]) == (len(PAUSES) + 1, "The app answered 500.")


def test_the_time_to_the_last_confirmation_is_measured_per_tenant(world, sent, monkeypatch):
    monkeypatch.setattr(metrics, "_labelled", {})  # other tests have named their tenants
    first, second = (world.client(backchannel_logout_uri=uri) for uri in (HOOK, HOOK + "/2"))
    person = world.person()
    for client in (first, second):
        world.tokens(person, client)
    world.end(person)
    before = measured(person.tenant.id)
    world.fetcher.answers[:] = [204, 500]
    world.provider.logout_sender.run_due()
    assert measured(person.tenant.id) == before
    world.clock.advance(seconds=42)
    world.provider.logout_sender.run_due()
    count, seconds = measured(person.tenant.id)
    assert (count - before[0], seconds - before[1]) == (1, 42)


def measured(tenant):
    name = "idbroker_logout_complete_seconds"
    return tuple(REGISTRY.get_sample_value(f"{name}_{part}", {"tenant_id": tenant}) or 0 for part in ("count", "sum"))


def test_an_app_that_hangs_holds_up_nobody_but_itself(world, sent):
    slow, quick = (world.client(backchannel_logout_uri=f"https://{name}.example/out") for name in ("slow", "quick"))
    for client in (slow, slow, quick, slow):
        person = world.person()
        world.tokens(person, client)
        world.end(person)
    released, heard, plain = threading.Event(), threading.Event(), world.fetcher.post_form

    def post_form(url, fields, *, headers=None):
        if url == "https://slow.example/out":
            assert released.wait(timeout=20)
        else:
            heard.set()
        return plain(url, fields, headers=headers)

    world.fetcher.post_form = post_form
    sender = world.provider.logout_sender
    try:
        assert sender.start_due() == 2
        assert heard.wait(timeout=20)
    finally:
        released.set()
        sender.close()
    assert len(sent) == 4


def test_a_later_answer_counts(world, sent):
    client, person = world.client(backchannel_logout_uri=HOOK), world.person()
    world.tokens(person, client)
    world.end(person)
    world.fetcher.answers[:] = [400, 204]
    world.provider.logout_sender.run_due()
    world.clock.advance(seconds=10)
    world.provider.logout_sender.run_due()
    _, (delivery,) = deliveries(world, person)
    assert (delivery.status, delivery.attempts, delivery.error) == ("confirmed", 2, None)


def test_an_app_that_was_removed_is_not_told(world, sent):
    client, person = world.client(backchannel_logout_uri=HOOK), world.person()
    world.tokens(person, client)
    world.end(person)
    world.remove(client)
    assert world.provider.logout_sender.run_due() == 0
    assert sent == []
    (delivery,) = deliveries(world, person)[1]
    assert (delivery.status, delivery.attempts) == ("failed", 0)
    assert "gone" in delivery.error


def test_several_workers_send_each_once(stores: Stores, clock):
    world = ProviderWorld(stores.main, clock)
    client, person = world.client(backchannel_logout_uri=HOOK), world.person()
    for _ in range(3):
        other = world.session(world.acme, person.user)
        world.tokens(other, client)
    world.end(person)
    done = at_once(4, lambda _: world.provider.logout_sender.run_due())
    assert sum(done) == 3
    assert len(world.fetcher.posted) == 3
