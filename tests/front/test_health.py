"""Alive, ready, measured."""

from __future__ import annotations

import json

from idbroker.access.api_keys import ApiKeys
from tests.support.databases import Stores
from tests.support.front_world import front_world
from tests.support.world import OPERATOR, make_tenant


def test_alive_needs_nothing(sqlite_stores: Stores):
    answer = front_world(sqlite_stores).browser().get("/healthz")
    assert (answer.status, json.loads(answer.text)) == (200, {"status": "alive"})


def test_ready_says_what_it_looked_at(sqlite_stores: Stores):
    answer = front_world(sqlite_stores, probes={"database": lambda: None}).browser().get("/readyz")
    assert (answer.status, json.loads(answer.text)) == (
        200,
        {"status": "ready", "checks": {"database": "ok"}, "degraded": []},
    )


def test_not_ready_says_what_is_wrong_and_hides_what_a_fault_says(sqlite_stores: Stores):
    def broken() -> str | None:
        raise OSError("host=db.internal password=hunter2")

    probes = {"schema": lambda: "behind; run: idbroker migrate", "database": broken, "keys": lambda: None}
    answer = front_world(sqlite_stores, probes=probes).browser().get("/readyz")
    checks = json.loads(answer.text)["checks"]
    assert answer.status == 503
    assert checks["schema"] == "behind; run: idbroker migrate"
    assert checks["database"].startswith("failed with OSError")
    assert "hunter2" not in answer.text
    assert checks["keys"] == "ok"


def test_metrics_are_for_operators(sqlite_stores: Stores):
    tenant = make_tenant(sqlite_stores, "acme").tenant
    with sqlite_stores.main.platform(OPERATOR) as unit:
        _, operator = unit[ApiKeys].create("prometheus", None, "operator")
        _, owner = unit[ApiKeys].create("tenant's", tenant, "owner")
    browser = front_world(sqlite_stores).browser()
    browser.get("/healthz")

    def scrape(key: str):
        return browser.request("GET", "/metrics", headers={"authorization": f"Bearer {key}"})

    assert browser.get("/metrics").status == 401
    assert scrape(owner).status == 403
    assert 'idbroker_requests_total{route="/healthz",status="200"}' in scrape(operator).text
