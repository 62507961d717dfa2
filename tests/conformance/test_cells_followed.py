"""What follows the trail, with tenants in several cells: webhooks, log streams, and a cell that is away for a while."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy.exc import OperationalError

from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.storage import cells
from idbroker.webhooks.fan_out import fan_out
from tests.conformance.test_cells import Killed, killed
from tests.support.admin_world import OPERATOR, AdminWorld
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, celled_urls, open_celled

EAST, WEST, ALL = "https://east.example/in", "https://west.example/in", "https://operator.example/in"
PLACES = {"east": EAST, "west": WEST}


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> Iterator[AdminWorld]:
    opened = open_celled(celled_urls(request.param, tmp_path, request), clock)
    yield AdminWorld(opened, clock, folder=tmp_path / "streams")
    opened.close()


@pytest.fixture
def tenants(world: AdminWorld) -> dict[str, str]:
    """One in each cell, each with a webhook and a log stream of its own; the operator's webhook hears of both."""
    made = {}
    for cell, url in PLACES.items():
        made[cell] = world.post("/tenants", {"slug": cell, "name": cell, "tier": "enterprise", "cell": cell})["id"]
        key = world.key(made[cell])
        world.post("/webhooks", {"url": f"{url}/hook"}, key=key)
        world.post(f"/tenants/{made[cell]}/log-streams", {"url": f"{url}/log"}, key=key)
    world.post("/webhooks", {"url": ALL, "tenants": "all"})
    follow(world)
    world.receivers.received.clear()
    return made


def tell(world: AdminWorld, tenant: str, *users: str) -> None:
    with world.stores.main.tenant(TenantScope(TenantId(tenant), OPERATOR)) as unit:
        for user in users:
            unit[Outbox].record(Event("user.updated", Resource("user", user)))


def follow(world: AdminWorld) -> None:
    world.trail.seal_all()
    world.dispatcher.run_due()
    world.streams.run_due()


def hooked(world: AdminWorld, url: str) -> list[str]:
    return [event["data"]["id"] for event in world.receivers.at(url)]


def logged(world: AdminWorld, url: str) -> list[str]:
    batches = [orjson.loads(one.body)["records"] for one in world.receivers.received if one.url == url]
    return [record["resource"]["id"] for batch in batches for record in batch]


def test_each_hears_of_its_own_wherever_it_lives(world: AdminWorld, tenants: dict[str, str]) -> None:
    tell(world, tenants["east"], "usr_1", "usr_2")
    tell(world, tenants["west"], "usr_3")
    follow(world)
    assert (hooked(world, f"{EAST}/hook"), logged(world, f"{EAST}/log")) == (["usr_1", "usr_2"], ["usr_1", "usr_2"])
    assert (hooked(world, f"{WEST}/hook"), logged(world, f"{WEST}/log")) == (["usr_3"], ["usr_3"])
    assert sorted(hooked(world, ALL)) == ["usr_1", "usr_2", "usr_3"]


def test_a_cell_that_is_away_holds_up_nobody_elses_and_loses_nothing(
    world: AdminWorld, tenants: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "LEFT_ALONE_SECONDS", 0)
    tell(world, tenants["east"], "usr_1")
    world.trail.seal_all()
    with monkeypatch.context() as gone:
        for database in (world.stores.main, world.stores.audit):
            cell = next(cell for cell in database.each_cell() if cell.name == "east")
            gone.setattr(cell.engine, "connect", refuse)
        tell(world, tenants["west"], "usr_2")
        follow(world)
        assert (hooked(world, f"{WEST}/hook"), logged(world, f"{WEST}/log")) == (["usr_2"], ["usr_2"])
        assert not hooked(world, f"{EAST}/hook")
    tell(world, tenants["east"], "usr_3")
    follow(world)
    assert (hooked(world, f"{EAST}/hook"), logged(world, f"{EAST}/log")) == (["usr_1", "usr_3"], ["usr_1", "usr_3"])
    assert sorted(hooked(world, ALL)) == ["usr_1", "usr_2", "usr_3"]


def refuse(*_: Any, **__: Any) -> Any:
    raise OperationalError("connect", None, ConnectionError("nobody there"))


@pytest.mark.parametrize("cell", ["home", "east"])
def test_a_follower_killed_between_two_commits_tells_every_event_once(
    world: AdminWorld, tenants: dict[str, str], monkeypatch: pytest.MonkeyPatch, cell: str
) -> None:
    tell(world, tenants["east"], "usr_1", "usr_2")
    world.trail.seal_all()
    with monkeypatch.context() as dying:
        killed(world.stores.main, cell, dying)
        with pytest.raises(Killed):
            fan_out(world.stores.main)
    follow(world)
    assert hooked(world, f"{EAST}/hook") == ["usr_1", "usr_2"]
    assert sorted(hooked(world, ALL)) == ["usr_1", "usr_2"]
