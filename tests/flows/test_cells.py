"""A deployment of several cells from outside: made by region, served the same, one of them away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from idbroker.cli.main import app
from idbroker.settings import BadSettings, load_settings
from idbroker.tenants.model import Tenant
from tests.support.clock import TestClock
from tests.support.databases import sqlite_urls
from tests.support.whole import MASTER, SamlTenant, Whole
from tests.support.world import OPERATOR

NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("cells")
    urls = {name: sqlite_urls(folder, name) for name in ("home", "eu")}
    cells = {
        "home": {"region": "us"},
        "eu": {"region": "eu", "new_tenants": True, "database_url": urls["eu"].database},
        "far": {"region": "ap", "database_url": NOBODY},
    }
    opened = Whole(urls["home"], TestClock(), cells=cells)
    yield opened
    opened.close()


def test_a_tenant_elsewhere_is_signed_in_to_like_any_other(whole: Whole) -> None:
    acme = SamlTenant(whole, "acme")
    assert whole.api("GET", "/tenants/acme")["cell"] in ("home", "eu")
    far = whole.tenant("munich", region="eu")
    assert whole.api("GET", f"/tenants/{far}")["cell"] == "eu"
    munich = SamlTenant(whole, "berlin", region="eu")
    for tenant in (acme, munich):
        assert tenant.sign_in(whole.at("192.0.2.9")).status_code == 303
        assert [event["action"] for event in whole.events(tenant.slug, "sign_in.succeeded")] == ["sign_in.succeeded"]
    assert whole.api("GET", "/tenants/berlin", key=whole.key("berlin"))["cell"] is None, "that is for operators"


def test_the_cells_are_listed_for_operators(whole: Whole) -> None:
    whole.tenant("paris", region="eu")
    found = {cell["name"]: cell for cell in whole.api("GET", "/cells")["data"]}
    assert list(found) == ["home", "eu", "far"]
    assert (found["eu"]["region"], found["eu"]["status"], found["eu"]["engine"]) == ("eu", "ok", "sqlite")
    assert found["eu"]["tenants"] >= 1
    assert found["far"]["status"] == "away"
    assert whole.send("GET", "/cells", key=whole.key("paris")).status_code == 403


@pytest.mark.parametrize("body", [{"cell": "north"}, {"region": "north"}, {"cell": "eu", "region": "us"}])
def test_a_place_that_is_none_is_refused(whole: Whole, body: dict[str, str]) -> None:
    assert whole.send("POST", "/tenants", {"slug": "x", "name": "X", "tier": "free", **body}).status_code == 422


def test_a_region_is_changed_by_moving(whole: Whole) -> None:
    whole.tenant("rome", region="eu")
    answer = whole.send("PATCH", "/tenants/rome", {"region": "us"})
    assert answer.status_code == 422
    assert "Move the tenant" in answer.text


def test_a_cell_that_is_away_is_said_and_stops_nobody_else(whole: Whole) -> None:
    made = whole.tenant("oslo", region="eu")
    with whole.services.database.platform(OPERATOR) as unit:
        row = unit.session.get(Tenant, made)
        assert row is not None
        row.cell = "far"
    whole.services.database.placements.forget(row.tenant_id)
    answer = whole.send("GET", "/tenants/oslo/domains")
    assert (answer.status_code, answer.json()["code"]) == (503, "cell_away")
    assert int(answer.headers["retry-after"]) > 0
    assert "far" not in answer.text
    ready = whole.client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["degraded"] == ["cell far"]
    whole.tenant("lima", region="us")
    assert whole.api("GET", "/tenants/lima/domains")["data"] == []
    worker = whole.services.worker()
    worker.run_due()
    assert whole.events("lima", "tenant.created")
    whole.clock.advance(days=31)
    worker.run_due()
    assert [whole.api("GET", f"/tenants/{slug}")["status"] for slug in ("oslo", "lima")] == ["trial", "paused"]


def test_the_command_line_knows_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = {"eu": {"region": "eu", "database_url": f"sqlite:///{tmp_path}/eu.db"}, "home": {"region": "us"}}
    for name, value in {
        "CELLS": json.dumps(cells),
        "DATABASE_URL": f"sqlite:///{tmp_path}/home.db",
        "MASTER_KEY": MASTER,
    }.items():
        monkeypatch.setenv(f"IDBROKER_{name}", value)

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == 0, result.output
        return result.stdout

    told = run("migrate").splitlines()
    assert [line.partition(":")[0] for line in told] == ["main", "audit", "eu main", "eu audit"]
    made = json.loads(run("tenant", "create", "--slug", "acme", "--name", "Acme", "--cell", "eu", "--json"))
    assert (made["cell"], made["region"]) == ("eu", "eu")
    assert json.loads(run("tenant", "show", "--tenant", "acme", "--json"))["slug"] == "acme"
    assert (
        json.loads(run("tenant", "move-to", "--tenant", "acme", "active", "--reason", "paid", "--json"))["status"] == "active"
    )
    assert json.loads(run("tenant", "export", "acme"))["tenant"]["slug"] == "acme"
    for words in (["suspend"], ["suspend", "acme", "--tenant", "acme"], ["move-to", "active", "--reason", "x"]):
        assert CliRunner().invoke(app, ["tenant", *words]).exit_code != 0, words
    assert "ok   cell eu: sqlite, eu, takes tenants by name" in run("doctor")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("{", "JSON is needed"),
        ('{"eu": {}}', "the cell eu needs a database_url"),
        ('{"home": {"database_url": "sqlite:///x.db"}}', "the cell home is the database of IDBROKER_DATABASE_URL"),
        ('{"EU": {"database_url": "sqlite:///x.db"}}', "IDBROKER_CELLS (EU)"),
        ('{"eu": {"database_url": "sqlite:///secret-path.db", "regoin": "eu"}}', "IDBROKER_CELLS (eu regoin)"),
    ],
)
def test_cells_that_cannot_be_are_refused(tmp_path: Path, cells: str, said: str) -> None:
    with pytest.raises(BadSettings) as caught:
        load_settings({"IDBROKER_CELLS": cells}, tmp_path / ".env")
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
