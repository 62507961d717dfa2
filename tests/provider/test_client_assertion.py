"""``private_key_jwt``: whose signature counts, what an assertion must say, and that it counts once."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from idbroker.apps.service import AppForm, AppService
from tests.provider.test_token import error_of
from tests.support.databases import Stores
from tests.support.proofs import AppKey
from tests.support.provider_world import BASE, OPERATOR, ProviderWorld, document, issuer_of
from tests.support.races import at_once

TOKEN = f"{BASE}/oauth2/token"
MACHINE = {"token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"], "redirect_uris": []}
KEY = AppKey()


def call(world, form, *, address=TOKEN, headers=None):
    given = {"grant_type": "client_credentials", "tenant": "acme", **form}
    return world.send("POST", address, form=given, headers=headers or {})


def now(world):
    return world.clock.now().timestamp()


@pytest.fixture
def client(world):
    made = world.client(**MACHINE, jwks=KEY.jwks)
    assert made.secret is None
    return made


@pytest.mark.parametrize("audience", [BASE, TOKEN, [TOKEN], [BASE, TOKEN]])
def test_a_good_assertion(world, client, audience):
    assert call(world, KEY.assertion(client.id, audience, now(world))).status == 200
    assert call(world, {**KEY.assertion(client.id, audience, now(world)), "client_id": client.id}).status == 200


@pytest.mark.parametrize("native", [rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()])
def test_other_kinds_of_keys(world, native):
    key = AppKey(native=native)
    client = world.client(**MACHINE, jwks=key.jwks)
    assert call(world, key.assertion(client.id, BASE, now(world))).status == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "someone"},
        {"iss": None},
        {"sub": None},
        {"aud": "https://evil.example.com"},
        {"aud": [BASE, "https://evil.example.com"]},
        {"aud": []},
        {"aud": None},
        {"aud": BASE + "/"},
        {"aud": f"{BASE}/t/acme"},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 257},
        {"jti": 7},
    ],
    ids=str,
)
def test_what_an_assertion_must_say(world, client, changed):
    form = KEY.assertion(client.id, changed.get("aud", BASE), now(world), **changed)
    assert error_of(call(world, form)) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"exp": -59}, 200),
        ({"exp": -61}, 401),
        ({"exp": 600}, 200),
        ({"exp": 700}, 401),
        ({"nbf": 30}, 200),
        ({"nbf": 90}, 401),
        ({"iat": 90}, 401),
    ],
    ids=str,
)
def test_times(world, client, changed, status):
    moment = now(world)
    times = {name: int(moment) + seconds for name, seconds in changed.items()}
    assert call(world, KEY.assertion(client.id, BASE, moment, **times)).status == status


def test_whose_signature_counts(world, client):
    other = AppKey()
    refused = (401, "invalid_client")
    assert error_of(call(world, other.assertion(client.id, BASE, now(world)))) == refused
    form = KEY.assertion(client.id, BASE, now(world))
    head, body, _ = form["client_assertion"].split(".")
    for text in (f"{head}.{body}.", f"{head}.{body}.AAAA", "x", "a.b.c", "é"):
        assert error_of(call(world, {**form, "client_assertion": text})) == refused
    assert error_of(call(world, {**form, "client_assertion_type": "urn:x"})) == refused
    assert error_of(call(world, {"client_assertion_type": form["client_assertion_type"]})) == refused
    assert error_of(call(world, KEY.assertion(world.client().id, BASE, now(world)))) == refused
    assert error_of(call(world, KEY.assertion("app_x", BASE, now(world)))) == refused
    assert error_of(call(world, {"client_id": client.id})) == refused
    for more in ({"client_secret": "x"}, {"client_id": "app_other"}):
        assert error_of(call(world, {**form, **more})) == (400, "invalid_request")
    assert error_of(call(world, form, headers=world.client().basic())) == (400, "invalid_request")


def test_it_counts_once(world, client):
    form = KEY.assertion(client.id, BASE, now(world))
    assert call(world, form).status == 200
    assert error_of(call(world, form)) == (401, "invalid_client")


def test_it_counts_once_in_many_hands(stores: Stores, clock):
    world = ProviderWorld(stores.main, clock)
    client = world.client(**MACHINE, jwks=KEY.jwks)
    form = KEY.assertion(client.id, BASE, now(world))
    world.keys.signer("platform", "ES256")
    answers = at_once(12, lambda _: call(world, form))
    assert sorted(answer.status for answer in answers) == [200] + [401] * 11


@pytest.mark.parametrize("path", ["introspect", "revoke", "par"])
def test_at_the_other_endpoints(world, client, path):
    for audience in (BASE, TOKEN, f"{BASE}/oauth2/{path}"):
        form = {**KEY.assertion(client.id, audience, now(world)), "token": "x"}
        answer = call(world, form, address=f"{BASE}/oauth2/{path}")
        assert answer.status in (200, 400)
        assert b"invalid_client" not in answer.body
    issuer = issuer_of(world.acme)
    form = {**KEY.assertion(client.id, BASE, now(world)), "token": "x"}
    assert error_of(call(world, form, address=f"{issuer}/oauth2/{path}")) == (401, "invalid_client")


def test_published_keys_are_fetched_kept_and_found_again(world):
    url = "https://app.example.com/jwks"
    first, second = AppKey("first"), AppKey("second")
    world.fetcher.documents[url] = first.jwks
    world.fetcher.asked.clear()
    client = world.client(**MACHINE, jwks_uri=url)
    for _ in range(3):
        assert call(world, first.assertion(client.id, BASE, now(world))).status == 200
    assert world.fetcher.asked == [url]
    world.fetcher.documents[url] = second.jwks
    assert call(world, second.assertion(client.id, BASE, now(world))).status == 401  # asked a moment ago
    world.clock.advance(minutes=1)
    assert call(world, second.assertion(client.id, BASE, now(world))).status == 200
    assert world.fetcher.asked == [url, url]
    del world.fetcher.documents[url]
    world.clock.advance(minutes=16)
    assert call(world, second.assertion(client.id, BASE, now(world))).status == 200  # the app's server is down


def test_a_server_that_is_down_from_the_start(world):
    client = world.client(**MACHINE, jwks_uri="https://app.example.com/nothing")
    assert error_of(call(world, KEY.assertion(client.id, BASE, now(world)))) == (401, "invalid_client")


def test_new_keys_of_an_app_count_at_once(world, client):
    newer = AppKey("newer")
    form = AppForm.model_validate({"name": "App", **MACHINE, "jwks": newer.jwks})
    with world.database.platform(OPERATOR) as unit:
        AppService().update(unit, client.id, form, ["jwks"])
    assert call(world, KEY.assertion(client.id, BASE, now(world))).status == 401
    assert document(call(world, newer.assertion(client.id, BASE, now(world))))["access_token"]
