"""A tenant moves to another cell while its people sign in and its directory provisions. Nothing is lost, whoever is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from idbroker.cli import tenants as cli_tenants
from idbroker.cli.main import app
from idbroker.kernel.errors import Conflict
from idbroker.storage.copying import TenantCopy
from idbroker.tenants.moving import CannotMove, Mover
from tests.support.clock import TestClock
from tests.support.databases import PostgresServer, Urls, sqlite_urls
from tests.support.moving import Busy, Moving, killed_while_moving, populated
from tests.support.whole import SamlTenant

BOTH = [("sqlite", "postgres"), ("postgres", "postgres")]
"""Engines of home and of the cell eu."""


def opened(engines: tuple[str, str], folder: Path, request: pytest.FixtureRequest) -> Moving:
    def urls(name: str, engine: str) -> Urls:
        if engine == "sqlite":
            return sqlite_urls(folder, name)
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.fresh()

    return Moving(urls("home", engines[0]), urls("eu", engines[1]), TestClock())


@pytest.fixture(params=BOTH, ids=" to ".join)
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Moving]:
    made = opened(request.param, tmp_path, request)
    yield made
    made.close()


@pytest.fixture
def embedded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Moving]:
    made = opened(("sqlite", "sqlite"), tmp_path, request)
    yield made
    made.close()


BUSY = ("scim_write", "scim_read", "sign_in")


@pytest.mark.timeout(300)
def test_a_move_under_load_loses_nothing(whole: Moving, tmp_path: Path) -> None:
    acme, directory = populated(whole, "acme", people=10)
    other, _ = populated(whole, "bob", people=2)
    whole.api("PATCH", "/tenants/acme", {"limits": {name: {"per_minute": 1_000_000, "burst": 100_000} for name in BUSY}})
    whole.services.trail.seal_all()
    untouched = whole.rows(other.id, "home")
    promised: dict[str, str | None] = directory.names()
    session = whole.at("192.0.2.30")
    assert acme.sign_in(session, "carol").status_code == 303

    def provision(turn: int) -> None:
        name = f"new-{turn}@acme.example"
        answer = directory.add(name)
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0
            return
        assert answer.status_code == 201, answer.text
        promised[name] = None
        person = answer.json()["id"]
        if turn % 3 == 0 and directory.rename(person, f"Renamed {turn}").status_code == 200:
            promised[name] = f"Renamed {turn}"
        if turn % 3 == 1 and directory.remove(person).status_code == 204:
            del promised[name]

    def sign_in(turn: int) -> None:
        browser, name = whole.at("192.0.2.31"), f"guest{turn}"
        sent_to = acme.begin(browser, name)
        while (answer := acme.finish(browser, sent_to, name)).status_code == 503:
            assert int(answer.headers["retry-after"]) > 0
        assert answer.status_code == 303, answer.text
        if turn % 5 == 0:
            whole.services.trail.seal_all()

    with Busy(provision, sign_in) as busy:
        move = whole.move(acme.id, "eu")
        busy.go_on(2)
    assert move.state == "switched"
    assert all(told_by["rows"] > 0 for told_by in move.receipt["tables"].values())
    assert directory.names() == promised
    assert whole.api("GET", "/tenants/acme")["cell"] == "eu"
    assert session.get("/account").status_code == 200, "who was signed in still is"
    assert whole.trail_holds(acme.id, tmp_path) > len(promised)
    actions = [event["action"] for event in whole.events("acme", "tenant.move_started") + whole.events("acme", "tenant.moved")]
    assert actions == ["tenant.move_started", "tenant.moved"]
    kept = whole.rows(acme.id, "home")
    assert kept, "the old copy is there until it is confirmed"
    whole.mover().finish(whole.scope(acme.id))
    assert whole.rows(acme.id, "home") == {}
    assert directory.names() == promised
    assert whole.rows(other.id, "home") == untouched
    assert whole.rows(other.id, "eu") == {}


KILLS = [
    ("copy:43", "resume"),
    ("put_fence:4", "resume"),
    ("_verified", "undo"),
    ("after_register", "undo"),
    ("after_register", "resume"),
    ("put_fence:7", "resume"),
]
"""In the middle of the copy; with one of two fences up; before the proof; after the switch; with one of the old doors shut."""


@pytest.fixture(scope="module")
def one_world(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Moving]:
    made = opened(("sqlite", "sqlite"), tmp_path_factory.mktemp("moving"), request)
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Moving]:
    made = opened(("postgres", "postgres"), tmp_path_factory.mktemp("moving"), request)
    yield made
    made.close()


@pytest.mark.parametrize(("point", "then"), KILLS)
def test_a_mover_that_is_killed_can_be_gone_on_with_or_given_up(
    one_world: Moving, point: str, then: str, tmp_path: Path
) -> None:
    _killed(one_world, point, then, tmp_path)


@pytest.mark.parametrize(("point", "then"), [("put_fence:4", "resume"), ("after_register", "undo")])
def test_a_mover_that_is_killed_on_postgres(served: Moving, point: str, then: str, tmp_path: Path) -> None:
    _killed(served, point, then, tmp_path)


def _killed(whole: Moving, point: str, then: str, folder: Path) -> None:
    slug = f"t-{then}-{point}".replace(":", "-").replace("_", "")
    acme, directory = populated(whole, slug, people=3)
    whole.services.trail.seal_all()
    before = whole.rows(acme.id, "home")
    killed_while_moving(whole, acme.id, "eu", point)
    whole.services.database.placements.forget(whole.scope(acme.id).tenant)
    assert set(directory.names()) == {f"person-{number}@{slug}.example" for number in range(3)}, "it is read all the time"
    scope, mover = whole.scope(acme.id), whole.mover()
    move = mover.go_on(scope) if then == "resume" else mover.undo(scope, "enough")
    lives, left = ("eu", "home") if then == "resume" else ("home", "eu")
    assert whole.api("GET", f"/tenants/{slug}")["cell"] == lives
    assert move.state == ("undone" if then == "undo" and not move.receipt else "switched")
    now = whole.rows(acme.id, lives)
    for table, rows in before.items():
        if table not in MOVES_ITSELF:
            assert now[table] == rows, table
    assert directory.add(f"late@{slug}.example").status_code == 201
    assert acme.sign_in(whole.at("192.0.2.40"), "dave").status_code == 303
    assert whole.trail_holds(acme.id, folder) > 0
    if move.state == "switched":
        whole.mover().finish(scope)
    assert whole.rows(acme.id, left) == {}


MOVES_ITSELF = {
    "outbox",
    "trail_heads",
    "feed_events",
    "person_keys",
    "audit_records",
    "audit_personal",
    "audit_terms",
    "audit_heads",
    "signed_heads",
}
"""Tables into which the move's own events go, sooner or later."""


def test_who_writes_in_the_moment_of_the_switch_waits_or_is_told_to_come_again(
    embedded: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, directory = populated(embedded, "acme", people=1)
    seen: dict[str, Any] = {}
    verified = Mover._verified

    def in_the_moment(*given: Any) -> Any:
        monkeypatch.setattr("idbroker.storage.cells.WAIT_SECONDS", 0)
        seen["read"] = directory.names()
        seen["written"] = directory.add("late@acme.example")
        seen["signed in"] = acme.sign_in(embedded.at("192.0.2.40"), "dave")
        return verified(*given)

    monkeypatch.setattr(Mover, "_verified", in_the_moment)
    embedded.move(acme.id, "eu")
    assert set(seen["read"]) == {"person-0@acme.example"}
    for answer in (seen["written"], seen["signed in"]):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
    assert seen["written"].json()["status"] == "503"
    assert directory.add("late@acme.example").status_code == 201


def test_a_sign_in_under_way_outlives_the_switch(embedded: Moving) -> None:
    acme, _ = populated(embedded, "acme", people=1)
    browser = embedded.at("192.0.2.41")
    sent_to = acme.begin(browser, "erin")
    embedded.move(acme.id, "eu")
    assert acme.finish(browser, sent_to, "erin").status_code == 303


def test_a_process_that_knows_nothing_of_the_move_writes_where_the_tenant_is(embedded: Moving) -> None:
    whole = embedded
    acme, directory = populated(whole, "acme", people=2)
    other = whole.again()
    assert other.services.database.placements.of(whole.scope(acme.id).tenant) == "home"
    other.move(acme.id, "eu")
    left = whole.rows(acme.id, "home")
    assert directory.add("late@acme.example").status_code == 201
    assert whole.rows(acme.id, "home") == left
    assert any("late@acme.example" in row for row in whole.rows(acme.id, "eu")["scim_users"])
    other.close()


def test_what_is_not_the_same_is_not_switched_to(embedded: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    acme, directory = populated(embedded, "acme", people=5)
    copy = TenantCopy.copy

    def forgetful(self: TenantCopy, table: Any) -> int:
        copied = copy(self, table)
        if table.name == "users":
            with self.target.open() as connection:
                connection.execute(table.update().where(table.c.tenant_id == acme.id).values(active=False))
        return copied

    monkeypatch.setattr(TenantCopy, "copy", forgetful)
    with pytest.raises(CannotMove, match=r"users: (\d+) rows against \1, [1-9]\d* of them not the same"):
        embedded.move(acme.id, "eu")
    assert embedded.api("GET", "/tenants/acme")["cell"] == "home"
    assert directory.add("late@acme.example").status_code == 201, "nothing is locked"
    monkeypatch.undo()
    embedded.mover().undo(embedded.scope(acme.id), "broken")
    assert embedded.rows(acme.id, "eu") == {}
    assert embedded.move(acme.id, "eu").state == "switched"


def test_one_move_of_a_tenant_at_a_time(embedded: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    acme, _ = populated(embedded, "acme", people=1)
    scope = embedded.scope(acme.id)
    with pytest.raises(CannotMove, match="no move of this tenant is under way"):
        embedded.mover().go_on(scope)
    for wrong, said in (("home", "lives in home already"), ("north", "there is no cell")):
        with pytest.raises(CannotMove, match=said):
            embedded.mover().begin(scope, wrong, "test")
    embedded.mover().begin(scope, "eu", "test")
    with pytest.raises(CannotMove, match="Go on with --resume, or --undo it"):
        embedded.mover().begin(scope, "eu", "test")
    compare = TenantCopy.compare
    refused: list[str] = []

    def meanwhile(*given: Any) -> Any:
        if not refused:
            with pytest.raises(CannotMove) as caught:
                embedded.mover().go_on(scope)
            refused.append(str(caught.value))
        return compare(*given)

    monkeypatch.setattr(TenantCopy, "compare", meanwhile)
    embedded.mover().go_on(scope)
    assert refused == ["another process is at this move"]
    with pytest.raises(CannotMove, match="--finish or --undo"):
        embedded.mover().go_on(scope)
    with pytest.raises(Conflict) as caught:
        embedded.services.tenant_eraser.erase(scope, "test")
    assert caught.value.code == "move_not_finished", "the old copy would stay"
    assert_a_person_s_receipt_waits_for_the_old_copy(embedded, acme)


def assert_a_person_s_receipt_waits_for_the_old_copy(whole: Moving, acme: SamlTenant) -> None:
    scope = whole.scope(acme.id)
    user = whole.api("GET", "/tenants/acme/users?q=person-0")["data"][0]["id"]

    def receipt() -> Any:
        next(job for job in whole.services.worker()._jobs if job.name == "finish erasures").run()
        return whole.api("GET", "/tenants/acme/erasures")["data"][0]

    assert whole.api("POST", f"/tenants/acme/users/{user}/erase", {})["completed_at"] is None
    assert user in json.dumps(whole.rows(acme.id, "home"), default=str)
    waiting = receipt()
    assert (waiting["completed_at"], waiting["stores"][-1]["waiting"]) == (None, True)
    whole.mover().finish(scope)
    assert whole.rows(acme.id, "home") == {}
    done = receipt()
    assert done["completed_at"] is not None
    assert [one["store"] for one in done["stores"][:-2]] == [one["store"] for one in waiting["stores"]]
    assert done["stores"][-2]["gone"]


def test_the_command_line_moves(embedded: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    acme, directory = populated(embedded, "acme", people=1)
    monkeypatch.setattr(cli_tenants, "open_services", lambda: embedded.again().services)

    def run(*words: str) -> Any:
        result = CliRunner().invoke(app, ["tenant", "move", "acme", *words, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    moved = run("--to", "eu", "--reason", "their lawyers")
    assert (moved["from"], moved["to"], moved["state"]) == ("home", "eu", "switched")
    assert moved["receipt"]["tables"]["users"]["rows"] == 2
    assert embedded.events("acme", "tenant.moved")[0]["context"] == {"from": "home", "to": "eu", "reason": "their lawyers"}
    assert embedded.api("GET", "/tenants/acme")["region"] == "eu"
    assert run("--undo", "--reason", "they changed their minds")["to"] == "home"
    assert run("--confirm", "--yes")["state"] == "finished"
    assert set(directory.names()) == {"person-0@acme.example"}
    assert embedded.rows(acme.id, "eu") == {}
