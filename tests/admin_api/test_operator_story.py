"""An operator takes a customer in: tenant, domain, connection, app, keys; each step leaves its event in the trail."""

from __future__ import annotations

import pytest

from tests.support.admin_world import AdminWorld, basic


def test_from_nothing_to_a_customer_who_can_sign_in(world: AdminWorld) -> None:
    tenant = world.post("/tenants", {"slug": "acme", "name": "Acme", "tier": "growth"})
    assert tenant["status"] == "trial"
    here = f"/tenants/{tenant['id']}"

    domain = world.post(f"{here}/domains", {"domain": "Acme.Example"})
    assert (domain["domain"], domain["status"]) == ("acme.example", "pending")
    assert set(domain["txt_record"]) == {"name", "value"}
    forced = world.post(f"{here}/domains/{domain['id']}/verify", {"force": True, "reason": "contract signed"}, status=200)
    assert forced["status"] == "verified"

    connection = world.connection(tenant["id"], options={"jit": "update"}, attribute_mapping={"email": "mail"})
    assert connection["status"] == "active"
    assert connection["warnings"] == [{"code": "toy", "message": "A toy."}]
    app = world.post("/apps", {"name": "Notes", "redirect_uris": ["https://notes.example.com/cb"], "tenants": [tenant["id"]]})
    assert app["tenants"] == [tenant["id"]]

    found = world.send("POST", "/hrd", {"email": "alice@acme.example"}, headers=basic(app["client_id"], app["client_secret"]))
    assert found.json() == {
        "route": "connection",
        "tenant": "acme",
        "connections": [{"id": connection["id"], "name": "IdP", "type": "saml"}],
    }

    actions = [record["action"] for record in world.sealed(tenant["id"])]
    assert actions == ["connection.created", "domain.verified", "domain.added", "tenant.created"]
    forcing = world.sealed(tenant["id"], action="domain.verified")[0]
    assert forcing["context"] == {"method": "operator", "reason": "contract signed"}
    assert forcing["actor"]["type"] == "operator"
    assert [record["action"] for record in world.sealed(None)] == ["app.created"]


def test_a_domain_is_proven_by_its_txt_record(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    key = world.key(tenant)
    domain = world.post(f"/tenants/{tenant}/domains", {"domain": "acme.example", "include_subdomains": True}, key=key)
    verify = f"/tenants/{tenant}/domains/{domain['id']}/verify"
    assert world.send("POST", verify, key=key).json()["code"] == "domain_not_proven"
    world.txt[domain["txt_record"]["name"]] = ["v=spf1", domain["txt_record"]["value"]]
    assert world.post(verify, key=key, status=200)["status"] == "verified"
    assert world.post(verify, {}, key=key, status=200)["status"] == "verified"
    assert [record["context"]["method"] for record in world.sealed(tenant, action="domain.verified")] == ["dns"]


def test_only_an_operator_forces_and_says_why(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    domain = world.post(f"/tenants/{tenant}/domains", {"domain": "acme.example"})
    verify = f"/tenants/{tenant}/domains/{domain['id']}/verify"
    assert world.send("POST", verify, {"force": True, "reason": "x"}, key=world.key(tenant)).status_code == 403
    refused = world.send("POST", verify, {"force": True})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/reason")


def test_a_domain_verified_elsewhere_is_taken(world: AdminWorld) -> None:
    for slug, status in (("one", 200), ("two", 409)):
        tenant = world.tenant(slug)
        domain = world.post(f"/tenants/{tenant}/domains", {"domain": "acme.example"})
        answer = world.send("POST", f"/tenants/{tenant}/domains/{domain['id']}/verify", {"force": True, "reason": "x"})
        assert answer.status_code == status
    assert world.get(f"/tenants/{tenant}/domains/{domain['id']}")["status"] == "pending"


def test_a_tenant_is_found_by_slug_and_changes(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    assert world.get("/tenants/acme")["id"] == tenant
    changed = world.send("PATCH", "/tenants/acme", {"name": "Acme Ltd", "tier": "enterprise", "region": "eu-1"}).json()
    assert (changed["name"], changed["tier"], changed["region"]) == ("Acme Ltd", "enterprise", "eu-1")
    assert world.send("PATCH", "/tenants/acme", {"region": None}).json()["region"] is None
    told = world.sealed(tenant, action="tenant.updated")[-1]["changes"]
    assert told["tier"] == {"before": "free", "after": "enterprise"}


def test_a_tenant_names_itself_and_no_more(world: AdminWorld) -> None:
    key = world.key(world.tenant("acme"))
    assert world.send("PATCH", "/tenants/acme", {"name": "Acme & Co"}, key=key).json()["name"] == "Acme & Co"
    refused = world.send("PATCH", "/tenants/acme", {"tier": "enterprise"}, key=key)
    assert (refused.status_code, refused.json()["code"]) == (403, "operators_only")


def test_the_life_cycle_names_the_legal_steps(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    step = f"/tenants/{tenant}/transitions"
    refused = world.send("POST", step, {"to": "past_due", "reason": "no money"})
    assert refused.status_code == 409
    assert "active, paused, cancelled" in refused.json()["detail"]
    assert world.post(step, {"to": "active", "reason": "paid"}, status=200)["status"] == "active"
    assert world.sealed(tenant, action="tenant.transitioned")[0]["context"] == {"reason": "paid"}


@pytest.mark.parametrize("status", ["prospect", "trial", "active"])
def test_a_tenant_begins_in_the_state_that_is_asked_for(world: AdminWorld, status: str) -> None:
    body = {"slug": "acme", "name": "Acme", "tier": "free", "status": status}
    assert world.post("/tenants", body)["status"] == status
    assert world.send("POST", "/tenants", body).json()["code"] == "slug_taken"
