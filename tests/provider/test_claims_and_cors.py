"""Claims asked for by name, and calls from pages."""

from __future__ import annotations

import json

import pytest

from tests.provider.test_code_flow import read
from tests.support.provider_world import BASE, document, location_query


def wanted(**parts):
    return json.dumps(parts)


def test_claims_by_name(world):
    client, person = world.client(), world.person(acr="urn:example:high")
    claims = wanted(
        id_token={"email": None, "acr": {"values": ["urn:other"]}, "unknown": None, "auth_time": {"essential": True}},
        userinfo={"given_name": {"essential": True}, "https://example.com/x": None},
    )
    answer = world.tokens(person, client, scope="openid", claims=claims)
    _, id_token = read(world, answer["id_token"])
    assert id_token["email"] == person.user.email
    assert id_token["acr"] == "urn:example:high"
    assert not {"given_name", "unknown", "name"} & set(id_token)
    userinfo = document(world.userinfo(answer["access_token"]))
    assert userinfo["given_name"] == "Ann"
    assert not {"email", "family_name", "https://example.com/x"} & set(userinfo)


@pytest.mark.parametrize(
    "claims",
    [
        "x",
        "[]",
        '{"userinfo": []}',
        '{"id_token": {"email": "yes"}}',
        '{"a":1,"a":2}',
        '{"id_token": {"sub": {"values": "x"}}}',
    ],
)
def test_what_is_no_claims_request(world, claims):
    answer = world.authorize(world.browser(world.person()), world.client(), claims=claims)
    assert location_query(answer)["error"] == "invalid_request"


def test_a_subject_or_an_essential_acr_must_be_met(world):
    client, person, other = world.client(), world.person(acr="high"), world.person()

    def asked(**members):
        answer = world.authorize(world.browser(person), client, prompt="none", claims=wanted(id_token=members))
        return location_query(answer).get("error", "code")

    assert asked(sub={"value": person.user.id}) == "code"
    assert asked(sub={"value": other.user.id}) == "login_required"
    assert asked(acr={"essential": True, "values": ["low", "high"]}) == "code"
    assert asked(acr={"essential": True, "values": ["highest"]}) == "login_required"
    assert asked(acr={"essential": False, "values": ["highest"]}) == "code"
    assert asked(acr={"essential": True}) == "code"


OPEN = ("/oauth2/token", "/oauth2/par", "/oauth2/revoke", "/oauth2/userinfo")
DOCUMENTS = ("/oauth2/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


@pytest.mark.parametrize("path", OPEN + DOCUMENTS)
@pytest.mark.parametrize("issuer", [BASE, f"{BASE}/t/acme"])
def test_pages_may_call(world, issuer, path):
    preflight = world.send("OPTIONS", issuer + path)
    headers = dict(preflight.headers)
    assert (preflight.status, preflight.body) == (204, b"")
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers
    assert {"authorization", "dpop", "content-type"} <= set(headers["access-control-allow-headers"].lower().split(", "))
    answer = world.send("POST" if path in OPEN else "GET", issuer + path, form={"x": "y"} if path in OPEN else None)
    assert answer.status in (200, 401)
    assert dict(answer.headers)["access-control-allow-origin"] == "*"


def test_a_page_reads_what_it_gets(world):
    client = world.client(token_endpoint_auth_method="none")
    answer = world.token(client, world.code(world.person(), client))
    assert dict(answer.headers)["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/oauth2/authorize", "/oauth2/introspect", "/oauth2/logout"])
def test_pages_have_no_business_elsewhere(world, path):
    with pytest.raises(LookupError):
        world.send("OPTIONS", path)
