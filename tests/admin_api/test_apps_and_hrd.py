"""Apps are registered, their secrets replaced, and with a secret an app asks where a domain signs in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.admin_world import AdminWorld, basic

FORM = {"name": "Notes", "redirect_uris": ["https://notes.example.com/cb"]}


def verified(world: AdminWorld, tenant: str, name: str) -> None:
    domain = world.post(f"/tenants/{tenant}/domains", {"domain": name})
    world.post(f"/tenants/{tenant}/domains/{domain['id']}/verify", {"force": True, "reason": "x"}, status=200)


def ask(world: AdminWorld, app: Any, email: str) -> Any:
    return world.send("POST", "/hrd", {"email": email}, headers=basic(app["client_id"], app["client_secret"]))


def test_an_app_shows_its_fields_and_its_secret_once(world: AdminWorld) -> None:
    made = world.post("/apps", FORM)
    assert made["tenants"] == "all"
    shown = world.get(f"/apps/{made['client_id']}")
    assert shown == {name: value for name, value in made.items() if name != "client_secret"}
    assert made["client_secret"] not in str(world.sealed(None))


def test_a_public_app_has_no_secret(world: AdminWorld) -> None:
    made = world.post("/apps", {**FORM, "token_endpoint_auth_method": "none"})
    assert "client_secret" not in made
    assert world.send("POST", f"/apps/{made['client_id']}/secrets").status_code == 422


def test_a_patch_of_an_app(world: AdminWorld) -> None:
    made = world.post("/apps", FORM)
    tenant = world.tenant("acme")
    path = f"/apps/{made['client_id']}"
    changed = world.send("PATCH", path, {"tenants": [tenant, tenant], "name": "Notes 2"}).json()
    assert (changed["tenants"], changed["name"], changed["redirect_uris"]) == ([tenant], "Notes 2", FORM["redirect_uris"])
    assert world.send("PATCH", path, {"tenants": "all"}).json()["tenants"] == "all"
    assert world.send("PATCH", path, {"client_id": "other"}).status_code == 422
    assert world.send("DELETE", path).status_code == 204
    assert world.send("GET", path).status_code == 404


def test_a_secret_is_replaced_at_leisure(world: AdminWorld) -> None:
    made = world.post("/apps", FORM)
    secrets = f"/apps/{made['client_id']}/secrets"
    fresh = world.post(secrets)
    assert world.send("POST", secrets).json()["code"] == "too_many_secrets"
    listed = world.get(secrets)["data"]
    assert [set(row) for row in listed] == [{"id", "created_at"}] * 2
    old = next(row["id"] for row in listed if row["id"] != fresh["id"])
    assert world.send("DELETE", f"{secrets}/{old}").status_code == 204
    assert ask(world, made, "a@acme.example").status_code == 401
    assert ask(world, {**made, "client_secret": fresh["client_secret"]}, "a@acme.example").status_code == 200
    other = world.post("/apps", FORM)
    assert world.send("DELETE", f"/apps/{other['client_id']}/secrets/{fresh['id']}").status_code == 404


def test_discovery_says_where_a_domain_signs_in(world: AdminWorld) -> None:
    tenant = world.tenant("acme")
    verified(world, tenant, "acme.example")
    app = world.post("/apps", FORM)
    assert ask(world, app, "anyone@acme.example").json()["route"] == "none"
    one = world.connection(tenant, name="One")
    assert ask(world, app, "Anyone@ACME.example").json()["connections"][0]["id"] == one["id"]
    world.connection(tenant, name="Two")
    chosen = ask(world, app, "anyone@acme.example").json()
    assert (chosen["route"], [row["name"] for row in chosen["connections"]]) == ("choose", ["One", "Two"])
    nowhere = {"route": "none", "tenant": None, "connections": []}
    assert ask(world, app, "anyone@globex.example").json() == nowhere
    world.post(f"/tenants/{tenant}/transitions", {"to": "paused", "reason": "x"}, status=200)
    assert ask(world, app, "anyone@acme.example").json() == nowhere


def test_an_app_learns_nothing_of_tenants_that_are_not_its_own(world: AdminWorld) -> None:
    here, there = world.tenant("acme"), world.tenant("globex")
    verified(world, here, "acme.example")
    world.connection(here)
    app = world.post("/apps", {**FORM, "tenants": [there]})
    assert ask(world, app, "anyone@acme.example").json() == ask(world, app, "anyone@nowhere.example").json()


@pytest.mark.parametrize(
    "headers",
    [{}, basic("app_x", "y"), {"authorization": "Basic !!"}, {"authorization": "Basic eA=="}, {"authorization": "Bearer x"}],
)
def test_discovery_wants_an_apps_credentials(shared_world: AdminWorld, headers: dict[str, str]) -> None:
    refused = shared_world.send("POST", "/hrd", {"email": "a@acme.example"}, headers=headers)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")


def test_discovery_refuses_what_is_no_address(world: AdminWorld) -> None:
    refused = ask(world, world.post("/apps", FORM), "not an address")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/email")
