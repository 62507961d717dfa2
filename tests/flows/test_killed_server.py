"""A server that is killed while it writes: what is there afterwards is whole, on both engines.

The world of these tests looks at the same database as the server does, which is a program of its own and dies by SIGKILL.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.scim_world import GROUP, PATCH_OP, USER, ScimWorld
from tests.support.served import serving

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
MEMBERS = 1000


def under_way(action: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def bulk(count: int) -> Any:
    """People in tens, each ten followed by a group of them."""
    operations: list[Any] = []
    for number in range(count):
        name = f"u{number:04}@acme.example"
        data = {"schemas": [USER], "userName": name, "emails": [{"value": name, "primary": True}]}
        operations.append({"method": "POST", "path": "/Users", "bulkId": f"u{number}", "data": data})
        if number % 10 == 9:
            members = [{"value": f"bulkId:u{one}"} for one in range(number - 9, number + 1)]
            group = {"schemas": [GROUP], "displayName": f"g{number}", "members": members}
            operations.append({"method": "POST", "path": "/Groups", "bulkId": f"g{number}", "data": group})
    return {"schemas": [BULK], "Operations": operations}


def everything(world: ScimWorld, path: str, **query: str) -> list[Any]:
    """All pages of a list."""
    found: list[Any] = []
    while True:
        page = world.get(f"{path}?{urlencode({'limit': '200', **query})}")
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


@pytest.mark.parametrize("after", [1, 25])
def test_a_bulk_that_is_cut_off_leaves_whole_operations(stores: Stores, clock: TestClock, tmp_path: Path, after: int):
    world = ScimWorld(stores, clock)
    idp = world.directory()
    with serving(stores, tmp_path) as server:
        asking = under_way(lambda: server.send(idp, "POST", "/Bulk", bulk(900)))
        while idp.ok("GET", "/Users?count=0")["totalResults"] < after:
            assert asking.is_alive()
        server.kill()
        asking.join()
    users = idp.ok("GET", "/Users?count=1000&sortBy=userName")
    there = [one["userName"] for one in users["Resources"]]
    assert there == [f"u{number:04}@acme.example" for number in range(len(there))]  # in order, and none in between missing
    assert after <= len(there) == users["totalResults"] < 900
    people = {one["id"]: one for one in everything(world, f"/tenants/{idp.tenant}/users")}
    assert {one["id"]: one["userName"] for one in users["Resources"]} == {i: p["email"] for i, p in people.items()}
    assert all(idp.find("/Users", f'emails.value eq "{name}"') for name in there[-2:])
    groups = idp.ok("GET", "/Groups?count=200")["Resources"]
    assert len(groups) in (len(there) // 10, len(there) // 10 - (len(there) % 10 == 0))
    assert all(len(one["members"]) == 10 for one in groups)
    world.trail.seal_all()
    told = everything(world, f"/tenants/{idp.tenant}/audit-events", action="user.created")
    assert sorted(one["resource"]["id"] for one in told) == sorted(people)


@pytest.mark.parametrize("part", [0.5])
def test_a_thousand_members_come_all_or_not_at_all(stores: Stores, clock: TestClock, tmp_path: Path, part: float):
    world = ScimWorld(stores, clock)
    idp = world.directory()
    ids = idp.crowd(MEMBERS)
    first, second = idp.group("First")["id"], idp.group("Second")["id"]
    everybody = {
        "schemas": [PATCH_OP],
        "Operations": [{"op": "add", "path": "members", "value": [{"value": one} for one in ids]}],
    }
    with serving(stores, tmp_path) as server:
        began = time.monotonic()
        assert server.send(idp, "PATCH", f"/Groups/{first}", everybody) == b""
        took = time.monotonic() - began
        asking = under_way(lambda: server.send(idp, "PATCH", f"/Groups/{second}", everybody))
        asking.join(took * part)
        server.kill()
        asking.join()
    assert len(idp.members(first)) == MEMBERS
    shown = idp.ok("GET", f"/Groups/{second}")
    came = {one["value"] for one in shown.get("members", [])}
    assert came in (set(), set(ids))
    assert shown["meta"]["version"] == ('"2"' if came else '"1"')
    versions = {one["meta"]["version"] for one in idp.ok("GET", "/Users?count=500")["Resources"]}
    assert versions == ({'"3"'} if came else {'"2"'})
    told = world.sealed(idp.tenant, action="group.member_added", resource=second, limit="200")
    assert bool(told) is bool(came)
