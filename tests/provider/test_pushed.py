"""Pushed authorization requests: judged at once, fetched once, and the only ``request_uri`` that there is."""

from __future__ import annotations

import pytest

from tests.support.databases import Stores
from tests.support.provider_world import BASE, ProviderWorld, document, issuer_of, location_query, request_for
from tests.support.races import at_once


def push(world, client, *, issuer=BASE, headers=None, **changed):
    form = request_for(client, **changed)
    if client.secret is not None and headers is None:
        headers = client.basic()
    return world.send("POST", f"{issuer}/oauth2/par", form=form, headers=headers or {})


def pushed(world, client, **more):
    answer = push(world, client, **more)
    assert answer.status == 201, answer.body
    assert dict(answer.headers)["cache-control"] == "no-store"
    found = document(answer)
    assert found["expires_in"] == 90
    assert found["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    return found["request_uri"]


def follow(browser, client, request_uri, *, issuer=BASE, **more):
    return browser.get(f"{issuer}/oauth2/authorize", {"client_id": client.id, "request_uri": request_uri, **more})


@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
@pytest.mark.parametrize("tenant_issuer", [False, True])
def test_a_pushed_request_is_answered_like_any_other(world, method, tenant_issuer):
    issuer = issuer_of(world.acme) if tenant_issuer else BASE
    client, person = world.client(token_endpoint_auth_method=method), world.person()
    request_uri = pushed(world, client, issuer=issuer, state="pushed")
    found = location_query(follow(world.browser(person), client, request_uri, issuer=issuer, state="other", scope="nothing"))
    assert (found["state"], found["iss"]) == ("pushed", issuer)
    assert world.token(client, found["code"], issuer=issuer).status == 200


def test_it_is_fetched_once(world):
    client, person = world.client(), world.person()
    request_uri = pushed(world, client)
    assert "code" in location_query(follow(world.browser(person), client, request_uri))
    assert follow(world.browser(person), client, request_uri).status == 400


def test_it_is_fetched_once_in_many_hands(stores: Stores, clock):
    world = ProviderWorld(stores.main, clock)
    client, person = world.client(), world.person()
    request_uri = pushed(world, client)
    answers = at_once(8, lambda _: follow(world.browser(person), client, request_uri))
    assert sorted(answer.status for answer in answers) == [303] + [400] * 7


def test_whose_and_how_long(world):
    client, other, person = world.client(), world.client(), world.person()
    request_uri = pushed(world, client)
    assert follow(world.browser(person), other, request_uri).status == 400
    assert follow(world.browser(person), client, request_uri, issuer=issuer_of(world.acme)).status == 400
    assert world.browser(person).get("/oauth2/authorize", {"request_uri": request_uri}).status == 400
    world.clock.advance(seconds=89)
    assert follow(world.browser(person), client, request_uri).status == 303
    late = pushed(world, client)
    world.clock.advance(seconds=90)
    assert follow(world.browser(person), client, late).status == 400


def test_by_post(world):
    client, person = world.client(), world.person()
    browser, request_uri = world.browser(person), pushed(world, client)
    answer = browser.post("/oauth2/authorize", {"client_id": client.id, "request_uri": request_uri})
    assert answer.status == 303
    assert "code" in location_query(browser.get(dict(answer.headers)["location"]))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"redirect_uri": "https://evil.example.com"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "nothing"}, "invalid_scope"),
        ({"request": "x"}, "request_not_supported"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"resource": "https://api.example.com"}, "invalid_target"),
        ({"state": "x" * 5000}, "invalid_request"),
        ({"ui_locales": "x" * 16_000}, "invalid_request"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_at_once_and_never_redirected(world, changed, error):
    answer = push(world, world.client(), **changed)
    assert (answer.status, document(answer)["error"]) == (400, error)


def test_who_may_push(world):
    client = world.client()
    assert push(world, client, headers={"authorization": "Basic eDp5"}, client_id=None).status == 401
    assert push(world, client, headers={"x": "y"}).status == 401  # a confidential app without its secret


def test_an_app_can_be_held_to_it(world):
    client, person = world.client(require_pushed_authorization_requests=True), world.person()
    assert location_query(world.authorize(world.browser(person), client))["error"] == "invalid_request"
    assert "code" in location_query(follow(world.browser(person), client, pushed(world, client)))


@pytest.mark.parametrize("request_uri", ["https://app.example.com/request.jwt", "urn:example:x"])
def test_no_other_request_uri(world, request_uri):
    found = location_query(world.authorize(world.browser(world.person()), world.client(), request_uri=request_uri))
    assert found["error"] == "request_uri_not_supported"
