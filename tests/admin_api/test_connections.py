"""A connection is made, changed in parts, explained and removed; what is secret goes in and never comes out."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from idbroker.admin_api.connections import OUR_FIELDS, ConnectionBody
from oidc.relying_party.fields import OidcFields
from saml import draft as saml_draft
from tests.support.admin_world import BASE, AdminWorld

OIDC = {"type": "oidc", "issuer": "https://op.example.com", "client_id": "c", "client_secret": "hush-hush"}


@pytest.fixture
def tenant(world: AdminWorld) -> str:
    return world.tenant("acme")


def change(world: AdminWorld, tenant: str, connection: Any, body: dict[str, Any]) -> Any:
    return world.send("PATCH", f"/tenants/{tenant}/connections/{connection['id']}", body)


def test_secrets_never_come_back(world: AdminWorld, tenant: str) -> None:
    made = world.post(f"/tenants/{tenant}/connections", {"name": "OP", **OIDC})
    seen = [
        str(made),
        str(world.get(f"/tenants/{tenant}/connections")),
        str(world.get(f"/tenants/{tenant}/connections/{made['id']}")),
        change(world, tenant, made, {"name": "x"}).text,
        str(world.sealed(tenant)),
    ]
    assert not any("hush-hush" in text for text in seen)
    assert made["has_secret"] is True


def test_a_patch_changes_what_is_given_and_keeps_the_rest(world: AdminWorld, tenant: str) -> None:
    made = world.connection(tenant, options={"jit": "off", "clock_skew_seconds": 5}, attribute_mapping={"email": "mail"})
    changed = change(world, tenant, made, {"options": {"force_authn": True, "jit": None}}).json()
    assert (changed["options"]["force_authn"], changed["options"]["jit"]) == (True, "create")
    assert changed["options"]["clock_skew_seconds"] == 5
    assert (changed["attribute_mapping"], changed["name"]) == ({"email": "mail"}, "IdP")
    assert len(world.saml.drafts) == 1, "the protocol is asked again for its own fields only"


def test_a_new_secret_alone_keeps_the_other_settings(world: AdminWorld, tenant: str) -> None:
    made = world.post(f"/tenants/{tenant}/connections", {"name": "OP", **OIDC})
    changed = change(world, tenant, made, {"client_secret": "fresh"}).json()
    assert changed["idp"] == made["idp"]
    assert world.oidc.drafts[-1].fields == {"client_secret": "fresh"}
    assert [record["action"] for record in world.sealed(tenant, resource=made["id"])] == [
        "connection.updated",
        "connection.created",
    ]


def test_switching_off_and_on_are_events_of_their_own(world: AdminWorld, tenant: str) -> None:
    made = world.connection(tenant)
    assert change(world, tenant, made, {"status": "disabled"}).json()["status"] == "disabled"
    assert change(world, tenant, made, {"status": "active"}).json()["status"] == "active"
    actions = [record["action"] for record in world.sealed(tenant, resource=made["id"])]
    assert actions == ["connection.activated", "connection.disabled", "connection.created"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"type": "oidc"}, "/type"),
        ({"attribute_mapping": {"shoe_size": "x"}}, "/attribute_mapping/shoe_size"),
        ({"options": {"nonsense": 1}}, "/options/nonsense"),
        ({"options": None}, "/options"),
        ({"name": None}, "/name"),
        ({"routing_domains": ["x y"]}, "/routing_domains"),
        ({"client_secret": "x"}, "/client_secret"),
    ],
)
def test_a_wrong_patch_changes_nothing(world: AdminWorld, tenant: str, body: dict[str, Any], pointer: str) -> None:
    made = world.connection(tenant)
    refused = change(world, tenant, made, body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert world.get(f"/tenants/{tenant}/connections/{made['id']}") == made


def test_the_default_app_is_one_that_serves_the_tenant(world: AdminWorld, tenant: str) -> None:
    fields = {"name": "Notes", "redirect_uris": ["https://notes.example/cb"]}
    foreign, own = (
        world.post("/apps", {**fields, "tenants": [whose]})["client_id"] for whose in (world.tenant("globex"), tenant)
    )
    made, new = world.connection(tenant), {"type": "saml", "name": "IdP", "metadata_xml": "<x/>"}
    for app in (foreign, "app_01aryz6s41tsv4rrffq69g5fav"):
        options = {"options": {"default_app": app}}
        for refused in (
            change(world, tenant, made, options),
            world.send("POST", f"/tenants/{tenant}/connections", {**new, **options}),
        ):
            assert refused.status_code == 422
            assert [error["pointer"] for error in refused.json()["errors"]] == ["/options/default_app"]
    assert change(world, tenant, made, {"options": {"default_app": own}}).status_code == 200
    assert world.send("DELETE", f"/apps/{own}").status_code == 204
    renamed = change(world, tenant, made, {"name": "Still"})
    assert renamed.status_code == 200, "an app that has gone stops no other change"


def test_who_is_overtaken_is_told(world: AdminWorld, tenant: str) -> None:
    made = world.connection(tenant)
    honest = world.saml.draft

    def slow(upload: Any, current: Any) -> Any:
        world.saml.draft = honest  # type: ignore[method-assign]
        assert change(world, tenant, made, {"name": "faster"}).status_code == 200
        return honest(upload, current)

    world.saml.draft = slow  # type: ignore[method-assign]
    refused = change(world, tenant, made, {"metadata_xml": "<y/>"})
    assert (refused.status_code, refused.json()["code"]) == (409, "connection_changed")
    assert world.get(f"/tenants/{tenant}/connections/{made['id']}")["name"] == "faster"


def test_explain_runs_the_checks_and_changes_nothing(world: AdminWorld, tenant: str) -> None:
    made = world.connection(tenant)
    before = len(world.sealed(tenant))
    explain = f"/tenants/{tenant}/connections/{made['id']}/explain"
    good = world.post(explain, {"saml_response": base64.b64encode(b"<good/>").decode()}, status=200)
    assert (good["verdict"], good["code"], good["xml"]) == ("accept", None, "<toy/>")
    assert (good["attributes"], good["mapped"]) == ({"mail": ["alice@acme.example"]}, {"email": "alice@acme.example"})
    bad = world.post(explain, {"saml_response": base64.b64encode(b"<bad/>").decode()}, status=200)
    assert (bad["verdict"], bad["code"]) == ("refuse", "toy_signature")
    assert bad["findings"][1]["advice"] == "Sign it."
    assert world.saml.replies[0].address == f"{BASE}/saml/{made['id']}/acs"
    assert world.post(explain, {"saml_response": "%%%"}, status=200)["verdict"] == "refuse"
    assert len(world.sealed(tenant)) == before


def test_only_saml_responses_are_explained(world: AdminWorld, tenant: str) -> None:
    made = world.post(f"/tenants/{tenant}/connections", {"name": "OP", **OIDC})
    refused = world.send("POST", f"/tenants/{tenant}/connections/{made['id']}/explain", {"saml_response": "eA=="})
    assert refused.status_code == 422


def test_a_removed_connection_is_gone(world: AdminWorld, tenant: str) -> None:
    made = world.connection(tenant)
    path = f"/tenants/{tenant}/connections/{made['id']}"
    assert world.send("DELETE", path).status_code == 204
    assert world.send("GET", path).status_code == 404
    assert world.send("DELETE", path).status_code == 404


def test_the_description_names_the_protocols_own_fields() -> None:
    described = set(ConnectionBody.model_fields) - OUR_FIELDS
    assert described - set(OidcFields.model_fields) == set(saml_draft._FIELDS) - {"type"}
    assert described & set(OidcFields.model_fields) == {
        "issuer", "client_id", "client_secret", "scopes", "client_secret_expires_at", "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
    }  # fmt: skip
