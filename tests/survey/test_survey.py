"""What operators see of all tenants, wherever these live: counted once, without a name in it, and gone when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from idbroker.audit.outbox import Outbox
from idbroker.connections.model import Connections
from idbroker.connections.service import ConnectionService
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.storage import cells
from idbroker.survey.concerns import ConcernWatch
from idbroker.survey.sign_ins import SignInSurvey
from idbroker.tenants.model import Tenants
from idbroker.webhooks.model import WebhookDeliveries, WebhookDelivery, Webhooks
from tests.support.admin_world import AdminWorld
from tests.support.clock import TestClock
from tests.support.databases import ENGINES, celled_urls, open_celled
from tests.support.races import at_once

CELLS = ("home", "east")


@dataclass
class Surveyed:
    world: AdminWorld
    survey: SignInSurvey
    connections: ConnectionService
    tenants: dict[str, str] = field(default_factory=dict)

    def tell(self, tenant: str, *codes: str | None) -> None:
        """Sign-ins of the tenant: refused with the code, or allowed for None."""
        with self.world.stores.main.tenant(TenantScope(TenantId(tenant), SYSTEM)) as unit:
            for code in codes:
                action, context = ("sign_in.refused", {"code": code}) if code else ("sign_in.succeeded", {})
                unit[Outbox].record(Event(action, Resource("sign_in", "X"), context=context))
        self.world.trail.seal_all()

    def today(self) -> tuple[int, int, dict[str, int]]:
        stands = self.world.get("/overview")
        day = stands["sign_ins"][-1]
        return day["succeeded"], day["refused"], {one["code"]: one["count"] for one in stands["refused"]}

    def look(self, trial: timedelta = timedelta(days=30)) -> int:
        everybody = [PLATFORM_TRAIL, *(TenantId(one["id"]) for one in self.world.get("/tenants")["data"])]
        return ConcernWatch(self.world.stores.main, self.connections, trial).look_at_each(everybody)

    def concerns(self, query: str = "") -> list[tuple[str, str | None]]:
        return [(one["kind"], one["tenant"]) for one in self.world.get(f"/concerns{query}")["data"]]


@pytest.fixture(scope="module", params=ENGINES)
def surveyed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surveyed]:
    """A tenant in the platform's own database and one in another; both are used, neither is synthetic."""
    clock = TestClock()
    opened = open_celled(celled_urls(request.param, tmp_path_factory.mktemp("survey"), request), clock)
    world = AdminWorld(opened, clock)
    connections = ConnectionService({}, world.envelope, {"saml": world.upkeep})
    made = Surveyed(world, SignInSurvey(opened.main, world.trail), connections)
    for cell in CELLS:
        body = {"slug": cell, "name": cell.title(), "tier": "growth", "status": "active", "cell": cell}
        made.tenants[cell] = world.post("/tenants", body)["id"]
    yield made
    opened.close()


def test_sign_ins_are_counted_once_by_outcome(surveyed: Surveyed) -> None:
    home, east = (surveyed.tenants[cell] for cell in CELLS)
    surveyed.tell(home, None, None, "saml_signature_invalid")
    surveyed.tell(east, None, "saml_signature_invalid", "no_route")
    surveyed.tell(PLATFORM_TRAIL, "no_route")
    assert surveyed.survey.count_noticed() == 7
    expected = (3, 4, {"saml_signature_invalid": 2, "no_route": 2})
    assert surveyed.today() == expected
    everybody = [PLATFORM_TRAIL, TenantId(home), TenantId(east)]
    assert surveyed.survey.count_noticed() == surveyed.survey.count_each(everybody) == 0
    assert surveyed.today() == expected
    # What a worker noticed and was killed with, a sweep finds; of two that sweep at once one counts it.
    surveyed.tell(east, None, None)
    swept = at_once(4, lambda number: SignInSurvey(surveyed.world.stores.main, surveyed.world.trail).count_each(everybody))
    assert sum(swept) == 2
    assert surveyed.today() == (5, 4, expected[2])
    with surveyed.world.stores.main.platform(SYSTEM) as unit:
        synthetic = unit[Tenants].get(east)
        assert synthetic is not None
        synthetic.synthetic = True
    surveyed.tell(east, None)
    assert surveyed.survey.count_noticed() == 0
    with surveyed.world.stores.main.platform(SYSTEM) as unit:
        unit[Tenants].get(east).synthetic = False  # type: ignore[union-attr] # it was there above
    assert surveyed.survey.count_each(everybody) == 1


def test_a_cell_that_is_away_is_counted_when_it_is_back(surveyed: Surveyed, monkeypatch: pytest.MonkeyPatch) -> None:
    before = surveyed.today()[0]
    monkeypatch.setattr(cells, "LEFT_ALONE_SECONDS", 0)
    surveyed.tell(surveyed.tenants["east"], None)
    surveyed.tell(surveyed.tenants["home"], None)

    def refuse() -> Any:
        raise OperationalError("connect", {}, Exception("gone"))

    cell = next(cell for cell in surveyed.world.stores.audit.each_cell() if cell.name == "east")
    with monkeypatch.context() as gone:
        gone.setattr(cell.engine, "connect", refuse)
        assert surveyed.survey.count_noticed() == 1
    assert surveyed.survey.count_noticed() == 1
    assert surveyed.today()[0] == before + 2


def test_what_ends_and_what_was_given_up(surveyed: Surveyed) -> None:
    world, now = surveyed.world, surveyed.world.clock.now()
    home, east = (surveyed.tenants[cell] for cell in CELLS)
    made = world.connection(home, name="Secret Name Inc. IdP")
    world.upkeep.ends = {"ab": now + timedelta(days=10), "cd": now + timedelta(days=5)}
    with world.stores.main.tenant(TenantScope(TenantId(home), SYSTEM)) as unit:
        unit[Connections].get(made["id"]).settings = {"certificates": ["ab", "cd"]}  # type: ignore[union-attr] # just made
    directory = world.post(f"/tenants/{east}/directories", {"name": "Entra"})["id"]
    for days in (3, 50):
        body = {"expires_at": (now + timedelta(days=days)).isoformat()}
        world.post(f"/tenants/{east}/directories/{directory}/tokens", body)
    hook = world.post("/webhooks", {"url": "https://east.example/in"}, key=world.key(east))["id"]
    with world.stores.main.tenant(TenantScope(TenantId(east), SYSTEM)) as unit:
        for number in range(2):
            unit[WebhookDeliveries].add(_dead(east, hook, number, now - timedelta(days=number)))
    trial = world.post("/tenants", {"slug": "trier", "name": "Trier", "tier": "free", "status": "trial"})["id"]

    assert surveyed.look() == 2
    assert surveyed.look() == 0
    found = world.get("/concerns")["data"]
    assert [(one["kind"], one["tenant_id"], one["of"], one["days"], one["number"]) for one in found] == [
        ("dead_deliveries", east, hook, -1, 2),
        ("directory_token", east, directory, 3, 2),
        ("certificate", home, made["id"], 10, 1),
    ]
    assert "Secret Name" not in str(found)
    assert world.get("/overview")["concerns"] == 3
    assert surveyed.concerns("?kind=trial") == []  # it has only begun
    surveyed.look(timedelta(days=12))
    assert surveyed.concerns("?kind=trial") == [("trial", "trier")]
    # In pages of one it is the same list.
    pages, cursor = [], ""
    while cursor is not None:
        page = world.get(f"/concerns?limit=1{cursor and '&cursor=' + cursor}")
        pages += [one["kind"] for one in page["data"]]
        cursor = page["next_cursor"]
    assert pages == ["dead_deliveries", "directory_token", "certificate", "trial"]
    assert world.send("GET", "/concerns?kind=nonsense").status_code == 422
    assert world.send("GET", "/concerns?cursor=YXxi").status_code == 422

    # What is over is gone: at once where the tenant's state says so, else when it is looked at again.
    world.post(f"/tenants/{trial}/transitions", {"to": "active", "reason": "signed"}, status=200)
    world.post(f"/tenants/{home}/transitions", {"to": "paused", "reason": "unpaid"}, status=200)
    assert surveyed.concerns() == [("dead_deliveries", "east"), ("directory_token", "east")]
    assert world.send("DELETE", f"/tenants/{east}/directories/{directory}").status_code == 204
    surveyed.look()
    assert surveyed.concerns() == [("dead_deliveries", "east")]

    # The operator's own webhooks are in no tenant's alerts.
    ours = world.post("/webhooks", {"url": "https://ours.example/in"})["id"]
    with world.stores.main.tenant(TenantScope(PLATFORM_TRAIL, SYSTEM)) as unit:
        unit[Webhooks].get(ours).status = "parked"
    surveyed.look()
    assert surveyed.concerns("?kind=parked_webhook") == [("parked_webhook", None)]
    world.send("PATCH", f"/webhooks/{ours}", {"status": "active"})
    surveyed.look()
    assert surveyed.concerns("?kind=parked_webhook") == []


def _dead(tenant: str, hook: str, number: int, at: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        tenant_id=tenant, id=f"whd_{number}", webhook_id=hook, event_id=f"evt_{number}", event_tenant=tenant,
        type="user.created", subject="usr_1", position=number, status="dead", due_at=at, give_up_at=at, created_at=at,
        finished_at=at,
    )  # fmt: skip
