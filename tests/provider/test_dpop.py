"""DPoP: what a proof must say, that it counts once, and what a bound token is worth without one."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.provider.test_code_flow import read
from tests.provider.test_introspect_revoke import told
from tests.provider.test_pushed import follow, push
from tests.provider.test_refresh import BOTH, OFFLINE, refused
from tests.support.databases import Stores
from tests.support.proofs import AppKey
from tests.support.provider_world import BASE, ProviderWorld, document, location_query
from tests.support.races import at_once

TOKEN, USERINFO = f"{BASE}/oauth2/token", f"{BASE}/oauth2/userinfo"
KEY, OTHER = AppKey(), AppKey()


def now(world):
    return world.clock.now().timestamp()


def exchanged(world, client, code, proof):
    headers = client.basic() if client.secret else {}
    more = {} if client.secret else {"client_id": client.id}
    return world.token(client, code, headers={**headers, **proof}, **more)


def bound(world, *, scope="openid", **fields):
    client, person = world.client(**fields), world.person()
    answer = exchanged(world, client, world.code(person, client, scope=scope), KEY.proof("POST", TOKEN, now(world)))
    assert answer.status == 200, answer.body
    return client, document(answer)


def ask(world, token, proof, scheme="DPoP", method="GET"):
    return world.send(method, USERINFO, headers={"authorization": f"{scheme} {token}", **proof})


@pytest.mark.parametrize("key", [KEY, AppKey(native=rsa.generate_private_key(65537, 2048))], ids=["ES256", "RS256"])
def test_a_bound_token(world, key):
    client, person = world.client(), world.person()
    answer = document(exchanged(world, client, world.code(person, client), key.proof("POST", TOKEN, now(world))))
    assert answer["token_type"] == "DPoP"
    token = answer["access_token"]
    assert read(world, token)[1]["cnf"] == {"jkt": key.jkt}
    assert "cnf" not in read(world, answer["id_token"])[1]
    found = told(world, client, token)
    assert (found["token_type"], found["cnf"]) == ("DPoP", {"jkt": key.jkt})
    assert ask(world, token, key.proof("GET", USERINFO, now(world), token=token)).status == 200
    assert ask(world, token, key.proof("POST", USERINFO, now(world), token=token), method="POST").status == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"htm": "GET"},
        {"htm": "post"},
        {"htm": None},
        {"htu": USERINFO},
        {"htu": "http://id.example.com/oauth2/token"},
        {"htu": "https://id.example.com:8443/oauth2/token"},
        {"htu": "not a url["},
        {"htu": None},
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"iat": 1},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 257},
        {"header": {"typ": "JWT"}},
        {"header": {"typ": None}},
        {"header": {"alg": "none"}},
        {"header": {"alg": "HS256"}},
        {"header": {"alg": "ES384"}},
        {"header": {"jwk": None}},
        {"header": {"jwk": {**KEY.jwk, "d": "AAAA"}}},
        {"header": {"jwk": OTHER.jwk}},
        {"header": {"jwk": {"kty": "oct", "k": "AAAA"}}},
        {"header": {"crit": ["x"]}},
    ],
)
def test_what_a_proof_must_say(world, changed):
    client = world.client()
    code = world.code(world.person(), client)
    answer = exchanged(world, client, code, KEY.proof("POST", TOKEN, now(world), **changed))
    assert refused(answer) == "invalid_dpop_proof"
    assert exchanged(world, client, code, KEY.proof("POST", TOKEN, now(world))).status == 200


@pytest.mark.parametrize(
    ("seconds", "good"),
    [(-300, True), (-301, False), (60, True), (61, False)],
    ids=["old", "too old", "ahead", "too far ahead"],
)
def test_the_clocks_may_differ_a_little(world, seconds, good):
    client = world.client()
    proof = KEY.proof("POST", TOKEN, now(world) + seconds)
    answer = exchanged(world, client, world.code(world.person(), client), proof)
    assert (answer.status == 200) is good


def test_the_address_in_its_plain_form(world):
    client = world.client()
    for htu in (f"{TOKEN}?a=b", f"{TOKEN}#x", "https://ID.example.com:443/oauth2/token"):
        proof = KEY.proof("POST", TOKEN, now(world), htu=htu)
        assert exchanged(world, client, world.code(world.person(), client), proof).status == 200


def test_a_proof_counts_once(world):
    client, person = world.client(), world.person()
    proof = KEY.proof("POST", TOKEN, now(world))
    assert exchanged(world, client, world.code(person, client), proof).status == 200
    assert refused(exchanged(world, client, world.code(person, client), proof)) == "invalid_dpop_proof"


def test_a_proof_counts_once_in_many_hands(stores: Stores, clock):
    world = ProviderWorld(stores.main, clock)
    _, answer = bound(world)
    proof = KEY.proof("GET", USERINFO, now(world), token=answer["access_token"])
    answers = at_once(10, lambda _: ask(world, answer["access_token"], proof))
    assert sorted(one.status for one in answers) == [200] + [400] * 9


def test_a_bound_token_is_nothing_without_its_proof(world):
    _, answer = bound(world)
    token = answer["access_token"]
    good = KEY.proof("GET", USERINFO, now(world), token=token)
    wrong = {
        "as Bearer": ask(world, token, {}, "Bearer"),
        "as Bearer with proof": ask(world, token, good, "Bearer"),
        "no proof": ask(world, token, {}),
        "another key": ask(world, token, OTHER.proof("GET", USERINFO, now(world), token=token)),
    }
    assert {name: one.status for name, one in wrong.items()} == dict.fromkeys(wrong, 401)
    for changed in ({"token": None}, {"token": token + "x"}, {"htm": "POST"}, {"htu": TOKEN}):
        proof = KEY.proof(**{"method": "GET", "url": USERINFO, "now": now(world), "token": token, **changed})
        refusal = ask(world, token, proof)
        assert refusal.status == 400
        words = dict(refusal.headers)["www-authenticate"]
        assert words.startswith("DPoP ")
        assert 'error="invalid_dpop_proof"' in words
        assert 'algs="RS256 ' in words
    assert ask(world, token, good).status == 200


def test_a_bearer_token_does_not_come_with_a_proof(world):
    client = world.client()
    token = world.tokens(world.person(), client)["access_token"]
    assert ask(world, token, KEY.proof("GET", USERINFO, now(world), token=token)).status == 401


def test_a_code_can_be_bound_from_the_start(world):
    client, person = world.client(), world.person()
    code = world.code(person, client, dpop_jkt=KEY.jkt)
    assert refused(world.token(client, code)) == "invalid_grant"
    code = world.code(person, client, dpop_jkt=KEY.jkt)
    assert refused(exchanged(world, client, code, OTHER.proof("POST", TOKEN, now(world)))) == "invalid_grant"
    code = world.code(person, client, dpop_jkt=KEY.jkt)
    assert exchanged(world, client, code, KEY.proof("POST", TOKEN, now(world))).status == 200
    answer = world.authorize(world.browser(person), client, dpop_jkt="short")
    assert location_query(answer)["error"] == "invalid_request"


def test_a_proof_that_is_pushed_binds_the_code(world):
    client, person = world.client(), world.person()
    proof = KEY.proof("POST", f"{BASE}/oauth2/par", now(world))
    request_uri = document(push(world, client, headers={**client.basic(), **proof}))["request_uri"]
    code = location_query(follow(world.browser(person), client, request_uri))["code"]
    assert refused(world.token(client, code)) == "invalid_grant"
    proof = KEY.proof("POST", f"{BASE}/oauth2/par", now(world))
    answer = push(world, client, headers={**client.basic(), **proof}, dpop_jkt=OTHER.jkt)
    assert refused(answer) == "invalid_dpop_proof"


def test_a_public_clients_refresh_token_is_bound_a_confidential_ones_not(world):
    for method, other_status in (("none", 400), ("client_secret_basic", 200)):
        client, answer = bound(world, scope=OFFLINE, grant_types=BOTH, token_endpoint_auth_method=method)

        def refresh(proof, client=client, answer=answer):
            form = {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"], "client_id": client.id}
            headers = client.basic() if client.secret else {}
            return world.send("POST", TOKEN, form=form, headers={**headers, **proof})

        assert refresh(OTHER.proof("POST", TOKEN, now(world))).status == other_status
        if method == "none":
            assert refused(refresh({})) == "invalid_grant"
            assert document(refresh(KEY.proof("POST", TOKEN, now(world))))["token_type"] == "DPoP"


def test_an_app_can_be_held_to_it(world):
    client = world.client(dpop_bound_access_tokens=True)
    code = world.code(world.person(), client)
    assert refused(world.token(client, code)) == "invalid_dpop_proof"
    assert exchanged(world, client, code, KEY.proof("POST", TOKEN, now(world))).status == 200
