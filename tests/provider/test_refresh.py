"""Refresh tokens: rotation, the identical retry, reuse, their lives, and what they are tied to."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from idbroker.apps.service import AppService
from idbroker.directory.model import Group, Groups, RoleMapping, RoleMappings
from idbroker.kernel.ids import new_id
from idbroker.sessions.refresh import RefreshFamilies
from tests.provider.test_code_flow import read
from tests.support.databases import Stores
from tests.support.provider_world import BASE, OPERATOR, Client, ProviderWorld, document, issuer_of
from tests.support.races import at_once

OFFLINE = "openid email offline_access"
BOTH = ["authorization_code", "refresh_token"]


def begun(world: ProviderWorld, *, issuer: str = BASE, scope: str = OFFLINE, **fields: Any):
    """(client, person, the first answer of the token endpoint)."""
    client, person = world.client(grant_types=BOTH, **fields), world.person()
    return client, person, world.tokens(person, client, issuer=issuer, scope=scope)


def refresh(world: ProviderWorld, client: Client, token: str, *, issuer: str = BASE, **more: str):
    form = {"grant_type": "refresh_token", "refresh_token": token, **more}
    headers = client.basic() if client.secret else {}
    if not client.secret:
        form.setdefault("client_id", client.id)
    return world.send("POST", f"{issuer}/oauth2/token", form=form, headers=headers)


def refused(answer) -> str:
    assert answer.status == 400, answer.body
    return document(answer)["error"]


def test_only_with_the_scope_and_the_grant(world):
    client, _, answer = begun(world)
    assert answer["refresh_token"]
    assert answer["scope"] == OFFLINE
    assert "refresh_token" not in world.tokens(world.person(), client, scope="openid email")
    without = world.client()
    answer = world.tokens(world.person(), without, scope=OFFLINE)
    assert "refresh_token" not in answer
    assert answer["scope"] == "openid email"
    assert refused(refresh(world, without, "x")) == "unauthorized_client"


@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
@pytest.mark.parametrize("tenant_issuer", [False, True])
def test_a_refresh_gives_new_tokens_about_the_same_person(world, method, tenant_issuer):
    issuer = issuer_of(world.acme) if tenant_issuer else BASE
    client, person, first = begun(world, issuer=issuer, token_endpoint_auth_method=method)
    _, before = read(world, first["id_token"], issuer)
    world.clock.advance(minutes=30)
    answer = document(refresh(world, client, first["refresh_token"], issuer=issuer))
    assert answer["refresh_token"] != first["refresh_token"]
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 600, OFFLINE)
    _, after = read(world, answer["id_token"], issuer)
    assert "nonce" not in after  # OIDC Core 12.2
    assert after["iat"] == before["iat"] + 1800
    assert {name: after[name] for name in ("iss", "sub", "aud", "auth_time", "sid")} == {
        name: before[name] for name in ("iss", "sub", "aud", "auth_time", "sid")
    }
    _, access = read(world, answer["access_token"], issuer)
    assert access["sub"] == person.user.id
    assert world.userinfo(answer["access_token"], issuer=issuer).status == 200
    again = document(refresh(world, client, answer["refresh_token"], issuer=issuer))
    assert again["refresh_token"] not in (answer["refresh_token"], first["refresh_token"])


def test_an_identical_retry_gets_the_same_answer_for_ten_seconds(world):
    client, _, first = begun(world, id_token_signed_response_alg="EdDSA")
    given = document(refresh(world, client, first["refresh_token"]))
    world.clock.advance(seconds=9)
    repeated = document(refresh(world, client, first["refresh_token"]))
    assert repeated == {**given, "expires_in": given["expires_in"] - 9}
    assert world.events(world.acme, "token.reuse_detected") == []
    world.clock.advance(seconds=1)
    assert refused(refresh(world, client, first["refresh_token"])) == "invalid_grant"
    assert refused(refresh(world, client, given["refresh_token"])) == "invalid_grant"
    (event,) = world.events(world.acme, "token.reuse_detected")
    assert event["context"] == {"client_id": client.id, "kind": "refresh_token"}
    assert world.userinfo(given["access_token"]).status == 401


@pytest.mark.parametrize("changed", [{"scope": "openid"}, {"scope": OFFLINE}])
def test_a_retry_that_asks_something_else_is_a_reuse(world, changed):
    client, _, first = begun(world)
    newest = document(refresh(world, client, first["refresh_token"]))
    assert refused(refresh(world, client, first["refresh_token"], **changed)) == "invalid_grant"
    assert refused(refresh(world, client, newest["refresh_token"])) == "invalid_grant"


def test_any_older_token_ends_the_family(world):
    client, _, first = begun(world)
    second = document(refresh(world, client, first["refresh_token"]))
    third = document(refresh(world, client, second["refresh_token"]))
    assert refused(refresh(world, client, first["refresh_token"])) == "invalid_grant"
    for token in (third, second, first):
        assert refused(refresh(world, client, token["refresh_token"])) == "invalid_grant"
    for token in (third, second, first):
        assert world.userinfo(token["access_token"]).status == 401


def test_a_forgery_or_another_clients_try_changes_nothing(world):
    client, _, first = begun(world)
    token, thief = first["refresh_token"], world.client(grant_types=BOTH)
    head, _, mac = token.rpartition(".")
    wrong = [
        f"{head}.{mac[::-1]}",
        f"{head[:-1]}1.{mac}",
        f"{world.globex.id.removeprefix('tnt_')}.{token.partition('.')[2]}",
        token + "A",
        "x",
        first["access_token"],
    ]
    for each in wrong:
        assert refused(refresh(world, client, each)) == "invalid_grant"
    assert refused(refresh(world, thief, token)) == "invalid_grant"
    assert refused(refresh(world, client, token, issuer=issuer_of(world.acme))) == "invalid_grant"
    assert refresh(world, client, token).status == 200


def test_less_than_was_granted_but_never_more(world):
    client, _, first = begun(world)
    assert refused(refresh(world, client, first["refresh_token"], scope="openid profile")) == "invalid_scope"
    assert refused(refresh(world, client, first["refresh_token"], resource="https://api.example.com")) == "invalid_target"
    narrow = document(refresh(world, client, first["refresh_token"], scope="openid"))
    assert narrow["scope"] == "openid"
    assert "email" not in document(world.userinfo(narrow["access_token"]))
    assert document(refresh(world, client, narrow["refresh_token"]))["scope"] == OFFLINE


def test_roles_and_groups_are_read_afresh(world):
    client, person = world.client(grant_types=BOTH), world.person()
    first = world.tokens(person, client, scope="openid groups offline_access")
    with world.database.tenant(world.scope(world.acme)) as unit:
        row = Group(tenant_id=world.acme.id, id=new_id("grp"), display_name="Late", source="t", created_at=world.clock.now())
        unit[Groups].add(row)
        unit[Groups].join(person.user.id, row.id)
        unit[RoleMappings].add(
            RoleMapping(
                tenant_id=world.acme.id, id=new_id("rlm"), group_name="Late", role="late", app="", created_at=world.clock.now()
            )
        )
    _, claims = read(world, document(refresh(world, client, first["refresh_token"]))["access_token"])
    assert (claims["roles"], claims["groups"]) == (["late"], ["Late"])


def test_what_ends_a_family(world):
    def ended(act) -> None:
        client, person, first = begun(world)
        act(client, person)
        answer = refresh(world, client, first["refresh_token"])
        assert (answer.status, document(answer)["error"]) in ((400, "invalid_grant"), (401, "invalid_client"))
        assert world.userinfo(first["access_token"]).status == 401

    ended(lambda client, person: world.end(person))
    ended(lambda client, person: world.switch_off(person))
    ended(lambda client, person: world.remove(client))


def test_an_app_that_lost_the_grant_or_the_tenant(world):
    client, _, first = begun(world)
    with world.database.platform(OPERATOR) as unit:
        app = AppService().known(unit, client.id)
        app.tenants = [world.globex.id]
    assert refused(refresh(world, client, first["refresh_token"])) == "invalid_grant"
    with world.database.platform(OPERATOR) as unit:
        AppService().known(unit, client.id).grant_types = ["authorization_code"]
    assert refused(refresh(world, client, first["refresh_token"])) == "unauthorized_client"


def test_a_session_that_has_run_out_does_not_end_it_but_signing_out_does(world):
    client, person, first = begun(world)
    world.clock.advance(hours=9)
    answer = document(refresh(world, client, first["refresh_token"]))
    assert world.userinfo(answer["access_token"]).status == 200
    world.end(person)  # the session is over by itself; ending all that is the person's ends the family all the same
    assert refused(refresh(world, client, answer["refresh_token"])) == "invalid_grant"


def test_idle_and_absolute_life(world):
    client, _, first = begun(world)
    idle = first["refresh_token"]
    world.clock.advance(days=14)
    assert refused(refresh(world, client, idle)) == "invalid_grant"
    client, _, answer = begun(world)
    for _ in range(5):
        world.clock.advance(days=5)
        answer = document(refresh(world, client, answer["refresh_token"]))
    world.clock.advance(days=5)
    assert refused(refresh(world, client, answer["refresh_token"])) == "invalid_grant"


def test_a_codes_second_use_ends_the_family_too(world):
    client, person = world.client(grant_types=BOTH), world.person()
    code = world.code(person, client, scope=OFFLINE)
    first = document(world.token(client, code))
    second = document(refresh(world, client, first["refresh_token"]))
    assert refused(world.token(client, code)) == "invalid_grant"
    assert refused(refresh(world, client, second["refresh_token"])) == "invalid_grant"
    assert world.userinfo(first["access_token"]).status == 401
    assert world.userinfo(second["access_token"]).status == 401


def test_nothing_in_the_database_is_a_token(world):
    _, person, first = begun(world)
    with world.database.tenant(world.scope(world.acme), read_only=True) as unit:
        rows = unit[RefreshFamilies].live_of_user(person.user.id)
    assert len(rows) == 1
    assert first["refresh_token"].rpartition(".")[2] not in repr(rows)


def test_fifty_uses_of_one_token(stores: Stores, clock):
    """On both engines: within the window all are one retry, and one family survives with one newest token."""
    world = ProviderWorld(stores.main, clock)
    client, _, first = begun(world)
    answers = at_once(50, lambda _: refresh(world, client, first["refresh_token"]))
    assert Counter(answer.status for answer in answers) == {200: 50}
    newest = {document(answer)["refresh_token"] for answer in answers}
    assert len(newest) == 1
    assert len({read(world, document(answer)["access_token"])[1]["jti"] for answer in answers}) == 1
    assert refresh(world, client, newest.pop()).status == 200
    clock.advance(seconds=11)
    late = at_once(10, lambda _: refresh(world, client, first["refresh_token"]))
    assert {refused(answer) for answer in late} == {"invalid_grant"}
    assert len(world.events(world.acme, "token.reuse_detected")) == 1


def test_fifty_exchanges_of_one_code(stores: Stores, clock):
    world = ProviderWorld(stores.main, clock)
    client, person = world.client(grant_types=BOTH), world.person()
    code = world.code(person, client, scope=OFFLINE)
    world.keys.signer(world.acme.tenant_id, "ES256")
    answers = at_once(50, lambda _: world.token(client, code))
    assert Counter(answer.status for answer in answers) == {200: 1, 400: 49}
    (winner,) = (document(answer) for answer in answers if answer.status == 200)
    assert world.userinfo(winner["access_token"]).status == 401
    assert refused(refresh(world, client, winner["refresh_token"])) == "invalid_grant"


def test_fifty_different_requests_with_one_token(stores: Stores, clock):
    """Not retries of one another: whoever comes with another wish ends the family."""
    world = ProviderWorld(stores.main, clock)
    client, person = world.client(grant_types=BOTH), world.person()
    first = document(world.token(client, world.code(person, client, scope="openid email profile offline_access")))
    scopes = ("openid", "openid email", "openid profile", "openid email profile")
    answers = at_once(50, lambda number: refresh(world, client, first["refresh_token"], scope=scopes[number % 4]))
    statuses = Counter(answer.status for answer in answers)
    assert statuses[200] >= 1
    assert statuses[400] >= 50 - 13
    assert set(statuses) == {200, 400}
    with world.database.tenant(world.scope(world.acme), read_only=True) as unit:
        assert unit[RefreshFamilies].live_of_user(person.user.id) == []
