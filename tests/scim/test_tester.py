"""An independent tester, over the whole application: scim2-tester finds no error, with every feature announced."""

from __future__ import annotations

from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from tests.support.admin_world import BASE
from tests.support.scim_world import ScimWorld


def test_scim2_tester_finds_no_error(world: ScimWorld):
    idp = world.directory()
    config = idp.ok("GET", "/ServiceProviderConfig")
    assert all(config[name]["supported"] for name in ("patch", "bulk", "filter", "sort", "etag"))
    world.client.base_url = f"{BASE}/scim/v2"
    world.client.headers["authorization"] = f"Bearer {idp.token}"
    client = SyncSCIMClient(world.client)
    client.discover()
    results = check_server(client)
    assert [(one.title, one.reason) for one in results if one.status == Status.ERROR] == []
    assert sum(one.status == Status.SUCCESS for one in results) > 100
