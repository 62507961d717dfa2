"""Writes of the Admin API that are sent again with their ``Idempotency-Key``. On both engines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from idbroker.access.kept_answers import KeptAnswer, KeptAnswers
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import TenantScope
from idbroker.web.idempotency import Idempotency
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.whole import Whole
from tests.support.world import OPERATOR


@pytest.fixture
def whole(stores: Stores, clock: TestClock) -> Iterator[Whole]:
    made = Whole(stores.urls, clock)
    yield made
    made.close()


def send(whole: Whole, key: str, path: str, body: Any, *, method: str = "POST", bearer: str | None = None) -> Any:
    return whole.send(method, path, body, key=bearer, headers={"idempotency-key": key})


def test_the_same_again_is_done_once(whole: Whole) -> None:
    acme = {"slug": "acme", "name": "Acme", "tier": "free"}
    first, second = send(whole, "k-1", "/tenants", acme), send(whole, "k-1", "/tenants", acme)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert (first.headers.get("idempotent-replayed"), second.headers["idempotent-replayed"]) == (None, "true")
    assert len(whole.api("GET", "/tenants")["data"]) == 1


def test_a_secret_that_is_shown_once_is_shown_to_the_retry_and_kept_sealed(whole: Whole) -> None:
    body = {"name": "ci", "scope": "operator"}
    first, second = send(whole, "k-2", "/api-keys", body), send(whole, "k-2", "/api-keys", body)
    assert first.json()["key"] == second.json()["key"]
    with whole.services.database.tenant(TenantScope(PLATFORM_TRAIL, OPERATOR), read_only=True) as unit:
        rows = (
            unit[KeptAnswers].session.execute(KeptAnswer.__table__.select(), execution_options={"idbroker_raw": "test"}).all()
        )
    assert rows
    assert not any(first.json()["key"].encode() in row.sealed for row in rows)


def test_another_body_under_the_same_key(whole: Whole) -> None:
    send(whole, "k", "/tenants", {"slug": "acme", "name": "Acme", "tier": "free"})
    other = send(whole, "k", "/tenants", {"slug": "other", "name": "Acme", "tier": "free"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert other.headers["content-type"] == "application/problem+json"


def test_a_refusal_is_the_same_refusal(whole: Whole) -> None:
    whole.tenant("acme")
    body = {"slug": "acme", "name": "Acme", "tier": "free"}
    first = send(whole, "k", "/tenants", body)
    second = send(whole, "k", "/tenants", body)
    assert (first.status_code, first.content) == (second.status_code, second.content) == (409, first.content)


def test_keys_are_their_principal_s_own(whole: Whole) -> None:
    acme, other = whole.tenant("acme"), whole.tenant("other")
    keys = {tenant: whole.key(tenant) for tenant in (acme, other)}
    answers = [
        send(whole, "k", f"/tenants/{t}/domains", {"domain": f"{t[-6:]}.example"}, bearer=key) for t, key in keys.items()
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    second_key = whole.key(acme)
    answer = send(whole, "k", f"/tenants/{acme}/domains", {"domain": "more.example"}, bearer=second_key)
    assert answer.status_code == 201


def test_of_many_at_once_one_is_done(whole: Whole) -> None:
    body = {"slug": "acme", "name": "Acme", "tier": "free"}
    answers = at_once(6, lambda _: send(whole, "k", "/tenants", body))
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency_in_progress"}
    assert len(whole.api("GET", "/tenants")["data"]) == 1


def test_after_a_day_it_is_forgotten(whole: Whole) -> None:
    body = {"name": "ci", "scope": "operator"}
    first = send(whole, "k", "/api-keys", body).json()["key"]
    whole.clock.advance(hours=23)
    assert send(whole, "k", "/api-keys", body).json()["key"] == first
    whole.clock.advance(hours=2)
    assert send(whole, "k", "/api-keys", body).json()["key"] != first


def test_one_that_a_crash_cut_off(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"slug": "acme", "name": "Acme", "tier": "free"}
    monkeypatch.setattr(Idempotency, "_finish", lambda *arguments: None)
    assert send(whole, "k", "/tenants", body).status_code == 201
    again = send(whole, "k", "/tenants", body)
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_in_progress")
    whole.clock.advance(minutes=2)
    again = send(whole, "k", "/tenants", body)
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_unfinished")


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "caf\u00e9".encode().decode("latin-1")])
def test_keys_that_are_none(whole: Whole, key: str) -> None:
    answer = whole.client.request(
        "POST",
        "/api/v1/tenants",
        json={},
        headers=[("authorization", f"Bearer {whole.operator}"), (b"idempotency-key", key.encode("latin-1"))],
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")


def test_reading_needs_none_and_strangers_get_nothing(whole: Whole) -> None:
    assert whole.send("GET", "/tenants", headers={"idempotency-key": "x" * 300}).status_code == 200
    stranger = whole.client.post("/api/v1/tenants", json={}, headers={"authorization": "Bearer no", "idempotency-key": "k"})
    assert stranger.status_code == 401
