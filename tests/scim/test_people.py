"""What a directory does to people: linking both ways, switching off, removing, coming back."""

from __future__ import annotations

import pytest

from idbroker.directory.model import Identities, Identity
from idbroker.provisioning.admit import AdmissionRefused
from idbroker.provisioning.signalled import Named, SignalledPeople, Wish
from tests.support.scim_world import USER, ScimWorld

OFF = [
    {"op": "replace", "path": "active", "value": False},
    {"op": "Replace", "path": "active", "value": "False"},
    {"op": "replace", "value": {"active": False}},
    {"op": "replace", "value": {"active": "false"}},
]


@pytest.mark.parametrize("way", [*range(len(OFF)), "put", "delete", "bulk"])
def test_whoever_is_switched_off_has_nothing_open(lite: ScimWorld, way: int | str):
    idp = lite.directory()
    user = idp.user("ada")["id"]
    session = lite.session(idp.tenant, user)
    if way == "delete":
        assert idp.send("DELETE", f"/Users/{user}").status_code == 204
    elif way == "put":
        assert idp.ok("PUT", f"/Users/{user}", {"userName": "ada", "active": False})["active"] is False
    elif way == "bulk":
        operation = {"method": "PATCH", "path": f"/Users/{user}", "data": {"Operations": [OFF[0]]}}
        idp.ok("POST", "/Bulk", {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [operation]})
    else:
        assert idp.patch(f"/Users/{user}", OFF[int(way)]).json()["active"] is False
    row = lite.session_row(idp.tenant, session)
    assert row.ended_at is not None
    assert row.end_reason in ("user_deactivated", "user_deleted")
    if way == "delete":
        assert lite.user(idp.tenant, user) is None
    else:
        assert idp.ok("GET", f"/Users/{user}")["active"] is False  # still there for the IdP
        receipts = lite.get(f"/tenants/{idp.tenant}/users/{user}/revocations")["data"]
        assert [(one["cause"], one["sessions"]) for one in receipts] == [("user_deactivated", 1)]
    actions = [one["action"] for one in lite.sealed(idp.tenant)]
    assert ("user.deleted" if way == "delete" else "user.deactivated") in actions


def test_a_switched_off_person_gets_in_again_when_switched_on(world: ScimWorld):
    tenant = world.tenant("acme")
    world.domain(tenant, "acme.example")
    idp = world.directory(tenant)
    config = world.config(tenant, "con_a", ["acme.example"])
    user = idp.user("ada@acme.example", active=False)["id"]
    with pytest.raises(AdmissionRefused) as refused:
        world.sign_in(config, "s1", email="ada@acme.example")
    assert refused.value.code == "user_inactive"
    idp.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": True})
    assert world.sign_in(config, "s1", email="ada@acme.example").user.id == user
    assert "user.reactivated" in [one["action"] for one in world.sealed(tenant)]


def test_a_directory_reads_that_a_signal_switched_somebody_off_and_only_its_word_switches_him_on(world: ScimWorld):
    idp = world.directory()
    said, silent = idp.user("ada", active=True), idp.user("bob")
    signalled = SignalledPeople(world.sessions)
    with world.stores.main.tenant(world.scope(idp.tenant)) as unit:
        for user in (said, silent):
            known = {"tenant_id": idp.tenant, "connection_id": "con_x", "subject": user["id"], "user_id": user["id"]}
            unit[Identities].add(Identity(**known, created_at=world.clock.now()))
            done = signalled.act(unit, "con_x", Wish("account-disabled", "switch_off", Named((user["id"],)), {}))
            assert done.outcome == "switched_off"

    for user in (said, silent):
        path = f"/Users/{user['id']}"
        shown = idp.ok("GET", path)
        assert (shown["active"], shown["meta"]["version"]) == (False, '"2"')
        assert idp.find("/Users", f'id eq "{user["id"]}" and active eq false') == [user["id"]]
        for name in ("nickName", "displayName"):
            answer = idp.patch(path, {"op": "replace", "path": name, "value": "A"}).json()
            assert answer["active"] is False
        idp.ok("PUT", path, {"userName": user["userName"], "displayName": "B"})
        assert world.user(idp.tenant, user["id"]).active is False
        assert idp.patch(path, {"op": "replace", "path": "active", "value": True}).json()["active"] is True
        assert world.user(idp.tenant, user["id"]).active is True
    assert [one["action"] for one in world.sealed(idp.tenant)].count("user.reactivated") == 2


@pytest.mark.parametrize("jit", ["create", "update", "off"])
@pytest.mark.parametrize("by", ["external_id", "user_name", "email"])
def test_the_first_sign_in_finds_the_provisioned_person(lite: ScimWorld, jit: str, by: str):
    tenant = lite.tenant("acme")
    idp = lite.directory(tenant)
    body = {
        "external_id": {"externalId": "s1"},
        "user_name": {},
        "email": {"emails": [{"value": "ada@acme.example", "primary": True}]},
    }[by]
    user = idp.user("Ada@acme.example" if by == "user_name" else "ada", displayName="By SCIM", **body)["id"]
    config = lite.config(tenant, "con_a", ["acme.example"], jit=jit)
    admitted = lite.sign_in(config, "s1", email="ada@acme.example", display_name="By sign-in")
    assert (admitted.user.id, admitted.created) == (user, False)
    assert admitted.user.display_name == "By SCIM"  # the directory's word goes first
    assert lite.sign_in(config, "s1", email="new@acme.example").user.id == user
    assert lite.get(f"/tenants/{tenant}/users/{user}")["connection_ids"] == ["con_a"]
    linked = [one for one in lite.sealed(tenant) if one["action"] == "user.linked"]
    assert [one["context"]["by"] for one in linked] == ["external_id" if by == "external_id" else "email"]


def test_whom_no_rule_means_is_somebody_else(lite: ScimWorld):
    tenant = lite.tenant("acme")
    idp = lite.directory(tenant)
    ada = idp.user("ada@acme.example", externalId="s1")["id"]
    strangers = [
        (lite.config(tenant, "con_a", [], email_domain_policy="any"), "s9"),  # the domain is nobody's
        (lite.config(tenant, "con_b", ["acme.example"], link_scim_by=["external_id"]), "s9"),
        (lite.config(tenant, "con_c", ["acme.example"], link_scim_by=[]), "s1"),
    ]
    for config, subject in strangers:
        assert lite.sign_in(config, subject, email="ada@acme.example").user.id != ada
    config = lite.config(tenant, "con_d", ["acme.example"])
    assert lite.sign_in(config, "s2", email="ada@acme.example").user.id == ada
    # The address has passed to somebody else at the IdP: another subject is not the same person.
    assert lite.sign_in(config, "s3", email="ada@acme.example").user.id != ada


def test_a_directory_bound_to_a_connection_is_for_that_one_alone(lite: ScimWorld):
    tenant = lite.tenant("acme")
    bound = lite.connection(tenant)["id"]
    idp = lite.directory(tenant, connection_id=bound)
    ada = idp.user("ada@acme.example")["id"]
    other = lite.config(tenant, "con_other", ["acme.example"])
    assert lite.sign_in(other, "s1", email="ada@acme.example").user.id != ada
    assert lite.sign_in(lite.config(tenant, bound, ["acme.example"]), "s1", email="ada@acme.example").user.id == ada


def test_create_finds_whom_a_sign_in_made(lite: ScimWorld):
    tenant = lite.tenant("acme")
    lite.domain(tenant, "acme.example")
    connection = lite.connection(tenant)["id"]
    config = lite.config(tenant, connection, ["acme.example"])
    ada = lite.sign_in(config, "s1", email="ada@acme.example").user.id
    bob = lite.sign_in(config, "s2", email="bob@acme.example").user.id
    idp, other = lite.directory(tenant), lite.directory(tenant)
    assert idp.user("x", externalId="s1", displayName="Ada")["id"] == ada
    assert idp.user("BOB@acme.example")["id"] == bob
    assert other.user("bob@acme.example")["id"] != bob  # he is another directory's
    shown = lite.get(f"/tenants/{tenant}/users/{ada}")
    assert (shown["source"], shown["directory_id"], shown["display_name"]) == ("scim", idp.id, "Ada")
    session = lite.session(tenant, ada)
    idp.user("cyd")
    assert lite.session_row(tenant, session).ended_at is None
    assert sorted([ada, bob]) == sorted(one["id"] for one in idp.ok("GET", "/Users")["Resources"] if one["userName"] != "cyd")


def test_a_deleted_person_is_not_brought_back_by_a_sign_in_but_by_the_directory(lite: ScimWorld):
    tenant = lite.tenant("acme")
    lite.domain(tenant, "acme.example")
    idp = lite.directory(tenant)
    config = lite.config(tenant, "con_a", ["acme.example"])
    first = idp.user("ada@acme.example")["id"]
    lite.sign_in(config, "s1", email="ada@acme.example")
    idp.send("DELETE", f"/Users/{first}")
    with pytest.raises(AdmissionRefused) as refused:
        lite.sign_in(config, "s1", email="ada@acme.example")
    assert refused.value.code == "user_removed"
    second = idp.user("ada@acme.example")["id"]
    assert second != first
    assert lite.sign_in(config, "s1", email="ada@acme.example").user.id == second


def test_the_end_of_a_directory_leaves_its_people(world: ScimWorld):
    idp = world.directory()
    ada = idp.user("ada")["id"]
    idp.group("Engineers", ada)
    assert world.send("DELETE", f"/tenants/{idp.tenant}/directories/{idp.id}").status_code == 204
    assert idp.send("GET", "/Users").status_code == 401
    shown = world.get(f"/tenants/{idp.tenant}/users/{ada}")
    assert (shown["active"], shown["source"], shown["directory_id"], shown["groups"]) == (True, "manual", None, [])
    assert world.get(f"/tenants/{idp.tenant}/groups")["data"] == []
    world.directory(idp.tenant).user("ada")


def test_removing_active_leaves_everybody_as_he_is(world: ScimWorld) -> None:
    """RFC 7644 3.5.2.2 unassigns it; what does not say somebody's standing never switches anybody on."""
    client = world.directory()
    for was in (True, False):
        made = client.user(f"ada{was}", active=was)
        path = f"/Users/{made['id']}"
        removed = client.patch(path, {"op": "remove", "path": "active"})
        assert removed.status_code == 200
        assert "active" not in removed.json()
        assert client.patch(path, {"op": "add", "path": "title", "value": "T"}).status_code == 200
        client.ok("PUT", path, {"schemas": [USER], "userName": f"ada{was}", "nickName": "A"})
        kept = world.user(client.tenant, made["id"])
        assert kept is not None
        assert kept.active is was
        assert (made["id"] in client.find("/Users", "active eq true")) is was
        assert client.patch(path, {"op": "add", "path": "active", "value": True}).status_code == 200
        back = world.user(client.tenant, made["id"])
        assert back is not None
        assert back.active


def test_a_token_revoked_after_a_write_writes_no_more(world: ScimWorld) -> None:
    """Known tokens are proven in the transaction that writes, and there alone."""
    client = world.directory()
    client.user("ada")
    world.send("DELETE", f"/tenants/{client.tenant}/directories/{client.id}/tokens/{client.token_id}")
    for _ in range(2):
        assert client.send("POST", "/Users", {"schemas": [USER], "userName": "eve"}).status_code == 401
        assert client.send("POST", "/Users", raw=b"{").status_code == 401
