"""Alerts over the API."""

from __future__ import annotations

import pytest

from idbroker.alerts.rules import Sign
from idbroker.alerts.service import raise_alert
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from tests.support.admin_world import AdminWorld


@pytest.fixture
def tenant(world: AdminWorld) -> str:
    tenant = world.tenant("acme")
    with world.stores.main.tenant(TenantScope(TenantId(tenant), SYSTEM)) as unit:
        for number in range(3):
            raise_alert(unit, Sign("brake_pulled", f"dir_{number}", "Held.", {"n": number}))
    return tenant


def test_listed_newest_first_acknowledged_once_and_told_in_the_trail(world: AdminWorld, tenant: str) -> None:
    first = world.get(f"/tenants/{tenant}/alerts?limit=2")
    rest = world.get(f"/tenants/{tenant}/alerts?limit=2&cursor={first['next_cursor']}")
    assert [row["details"]["n"] for row in first["data"] + rest["data"]] == [2, 1, 0]
    alert = first["data"][0]["id"]
    done = world.post(f"/tenants/{tenant}/alerts/{alert}/acknowledge", status=200)
    assert (done["status"], done["acknowledged_by"] is not None) == ("acknowledged", True)
    assert world.get(f"/tenants/{tenant}/alerts/{alert}") == done
    assert len(world.get(f"/tenants/{tenant}/alerts?status=open")["data"]) == 2
    assert [r["resource"]["id"] for r in world.sealed(tenant, action="alert.acknowledged")] == [alert]
    bob = world.tenant("bob")
    for path in (f"/tenants/{bob}/alerts/{alert}", f"/tenants/{bob}/alerts/nonsense"):
        assert world.send("GET", path).status_code == 404
    assert world.send("POST", f"/tenants/{bob}/alerts/{alert}/acknowledge").status_code == 404
    assert world.send("GET", f"/tenants/{tenant}/alerts?status=gone").status_code == 422


def test_recipients(world: AdminWorld, tenant: str) -> None:
    path = f"/tenants/{tenant}/alert-recipients"
    assert world.get(path) == {"emails": []}
    told = world.send("PUT", path, {"emails": ["IT@Acme.Example", "b@acme.example", "it@acme.example"]})
    assert (told.status_code, sorted(told.json()["emails"])) == (200, ["b@acme.example", "it@acme.example"])
    for bad in (["nonsense"], ["a@b.example\r\nBcc: x@y.example"], ["a@b.example"] * 21, "x", [7]):
        assert world.send("PUT", path, {"emails": bad}).status_code == 422, bad
    assert len(world.get(path)["emails"]) == 2
