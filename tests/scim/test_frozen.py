"""A frozen tenant: its directory reads, and is told to send its changes again later."""

from __future__ import annotations

from tests.support.scim_world import ScimWorld


def test_reads_go_on_and_writes_come_again(world: ScimWorld) -> None:
    directory = world.directory()
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "alice@acme.example"}
    headers = {"authorization": f"Bearer {directory.token}", "content-type": "application/scim+json"}
    made = world.client.post("/scim/v2/Users", json=body, headers=headers)
    assert made.status_code == 201
    directory.user("carol@acme.example")
    world.post(f"/tenants/{directory.tenant}/freeze", {"reason": "an investigation"}, status=200)
    for method, path in (("POST", "/Users"), ("PUT", f"/Users/{made.json()['id']}"), ("DELETE", f"/Users/{made.json()['id']}")):
        answer = world.client.request(method, f"/scim/v2{path}", json={**body, "userName": "bob"}, headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "300"), answer.text
    page = world.client.get("/scim/v2/Users?count=1", headers=headers)  # there is another page: where it begins is remembered
    assert (page.status_code, page.json()["totalResults"]) == (200, 2)
    world.scim.traffic.flush()
    told = world.get(f"/tenants/{directory.tenant}/directories/{directory.id}/requests?limit=4")["data"]
    assert [one["status"] for one in told] == [200, 503, 503, 503]
    world.post(f"/tenants/{directory.tenant}/unfreeze", {"reason": "over"}, status=200)
    assert world.client.delete(f"/scim/v2/Users/{made.json()['id']}", headers=headers).status_code == 204
