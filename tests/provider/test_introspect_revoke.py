"""Introspection and revocation: who may ask about what, and what is dead afterwards."""

from __future__ import annotations

import pytest

from tests.provider.test_refresh import BOTH, OFFLINE, begun, refresh, refused
from tests.support.provider_world import BASE, document, issuer_of


def introspect(world, client, token, *, issuer=BASE, headers=None, **form):
    given = client.basic() if headers is None else headers
    return world.send("POST", f"{issuer}/oauth2/introspect", form={"token": token, **form}, headers=given)


def told(world, client, token, **more):
    answer = introspect(world, client, token, **more)
    assert answer.status == 200, answer.body
    assert dict(answer.headers)["cache-control"] == "no-store"
    return document(answer)


def revoke(world, client, token, *, issuer=BASE, **form):
    given = {"token": token, **form}
    if not client.secret:
        given["client_id"] = client.id
    return world.send("POST", f"{issuer}/oauth2/revoke", form=given, headers=client.basic() if client.secret else {})


def test_what_is_told_of_an_access_token(world):
    client, person, first = begun(world)
    found = told(world, client, first["access_token"], token_type_hint="refresh_token")
    now = int(world.clock.now().timestamp())
    expected = {
        "active": True, "token_type": "Bearer", "iss": BASE, "sub": person.user.id, "aud": client.id, "client_id": client.id,
        "exp": now + 600, "iat": now, "scope": OFFLINE, "sid": person.session.id, "tenant": "acme", "tenant_id": world.acme.id,
    }  # fmt: skip
    assert expected.items() <= found.items()


def test_what_is_told_of_a_refresh_token(world):
    client, person, first = begun(world)
    found = told(world, client, first["refresh_token"])
    assert found["active"] is True
    assert (found["sub"], found["client_id"], found["scope"]) == (person.user.id, client.id, OFFLINE)
    assert found["exp"] == int(world.clock.now().timestamp()) + 14 * 86400
    refresh(world, client, first["refresh_token"])
    assert told(world, client, first["refresh_token"]) == {"active": False}


def test_whatever_is_not_good_is_inactive_and_nothing_more(world):
    client, person, first = begun(world)
    other = world.client(grant_types=BOTH)
    inactive = {"active": False}
    for token in (first["access_token"], first["refresh_token"]):
        assert told(world, other, token) == inactive
        assert told(world, client, token, issuer=issuer_of(world.acme)) == inactive
        assert told(world, client, token[:-2] + "xx") == inactive
    for token in ("x", first["id_token"], ""):
        assert (told(world, client, token or "y")) == inactive
    world.end(person)
    for token in (first["access_token"], first["refresh_token"]):
        assert told(world, client, token) == inactive


def test_an_app_may_ask_about_tokens_for_its_resources(world):
    resource = "https://api.example.com/notes"
    front, api, stranger = world.client(resources=[resource]), world.client(resources=[resource]), world.client()
    token = world.tokens(world.person(), front, resource=resource)["access_token"]
    assert told(world, api, token)["aud"] == resource
    assert told(world, stranger, token) == {"active": False}


def test_who_may_not_introspect(world):
    public = world.client(token_endpoint_auth_method="none")
    answer = introspect(world, public, "x", headers={}, client_id=public.id)
    assert (answer.status, document(answer)["error"]) == (401, "invalid_client")
    assert introspect(world, public, "x", headers={}).status == 401
    client = world.client()
    missing = world.send("POST", "/oauth2/introspect", form={"x": "y"}, headers=client.basic())
    assert refused(missing) == "invalid_request"


@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
def test_a_revoked_refresh_token_takes_its_family_along(world, method):
    client, _, first = begun(world, token_endpoint_auth_method=method)
    second = document(refresh(world, client, first["refresh_token"]))
    answer = revoke(world, client, first["refresh_token"], token_type_hint="access_token")
    assert (answer.status, answer.body) == (200, b"")
    assert refused(refresh(world, client, second["refresh_token"])) == "invalid_grant"
    for one in (first, second):
        assert world.userinfo(one["access_token"]).status == 401
    assert revoke(world, client, first["refresh_token"]).status == 200


def test_a_revoked_access_token_is_dead_alone(world):
    client, _, first = begun(world)
    assert revoke(world, client, first["access_token"]).status == 200
    assert revoke(world, client, first["access_token"]).status == 200
    assert world.userinfo(first["access_token"]).status == 401
    assert told(world, client, first["access_token"]) == {"active": False}
    assert refresh(world, client, first["refresh_token"]).status == 200


def test_another_clients_token_is_left_alone(world):
    client, _, first = begun(world)
    thief = world.client(grant_types=BOTH)
    for token in (first["access_token"], first["refresh_token"]):
        assert refused(revoke(world, thief, token)) == "invalid_grant"
    assert world.userinfo(first["access_token"]).status == 200
    assert refresh(world, client, first["refresh_token"]).status == 200


def test_what_is_no_token_is_no_error(world):
    client = world.client()
    for token in ("x", "a.b.c", world.acme.id):
        assert revoke(world, client, token).status == 200
    assert refused(world.send("POST", "/oauth2/revoke", form={"a": "b"}, headers=client.basic())) == "invalid_request"
