"""Signing out at an app's wish: at once with a hint of this browser's own session, else only after a question."""

from __future__ import annotations

import re

import pytest

from tests.support.provider_world import BASE, SIGNED_OUT, issuer_of, location, location_query

LOGOUT = f"{BASE}/oauth2/logout"


def signed_in(world, browser, client, tenant):
    answer = world.authorize(browser, client, prompt="none", tenant=tenant.slug)
    return "code" in location_query(answer)


def test_with_the_hint_of_this_browsers_session(world):
    client, ann, bob = world.client(), world.person(), world.person(world.globex)
    browser, tokens = world.browser(ann, bob), world.tokens(ann, client)
    given = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": SIGNED_OUT, "state": "a b"}
    world.clock.advance(hours=1)
    assert location(browser.get(LOGOUT, given)) == f"{SIGNED_OUT}?state=a+b"
    assert not signed_in(world, browser, client, world.acme)
    assert signed_in(world, browser, client, world.globex)
    assert world.userinfo(tokens["access_token"]).status == 401
    ended = [event for event in world.events(world.acme, "session.ended") if event["session_id"] == ann.session.id]
    assert [event["context"]["reason"] for event in ended] == ["logout"]
    assert location(browser.get(LOGOUT, given)) == f"{SIGNED_OUT}?state=a+b"


def test_by_post_and_without_an_address(world):
    client, ann = world.client(), world.person()
    browser, hint = world.browser(ann), world.tokens(ann, client)["id_token"]
    answer = browser.get(location(browser.post(LOGOUT, {"id_token_hint": hint})))
    assert answer.status == 200
    assert b"You are signed out" in answer.body
    assert not signed_in(world, browser, client, world.acme)


def fields_of(page):
    assert page.status == 200
    assert b"Sign out?" in page.body
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.body.decode()))


@pytest.mark.parametrize("hint", ["none", "another session", "broken", "another issuer"])
def test_else_the_person_is_asked(world, hint):
    client, ann = world.client(), world.person()
    browser = world.browser(ann)
    hints = {
        "none": {},
        "another session": {"id_token_hint": world.tokens(world.session(world.acme, ann.user), client)["id_token"]},
        "broken": {"id_token_hint": "x.y.z"},
        "another issuer": {"id_token_hint": world.tokens(ann, client, issuer=issuer_of(world.acme))["id_token"]},
    }
    given = {"client_id": client.id, "post_logout_redirect_uri": SIGNED_OUT, "state": "s", **hints[hint]}
    fields = fields_of(browser.get(LOGOUT, given))
    assert signed_in(world, browser, client, world.acme)
    for wrong in ({**fields, "proof": "x"}, {name: value for name, value in fields.items() if name != "proof"}):
        assert browser.post(f"{LOGOUT}/confirm", wrong).status == 403
    assert signed_in(world, browser, client, world.acme)
    assert location(browser.post(f"{LOGOUT}/confirm", fields)) == f"{SIGNED_OUT}?state=s"
    assert not signed_in(world, browser, client, world.acme)


def test_a_proof_is_its_browsers(world):
    ann, bob = world.person(), world.person()
    proof = fields_of(world.browser(bob).get(LOGOUT))["proof"]
    browser = world.browser(ann)
    assert browser.post(f"{LOGOUT}/confirm", {"proof": proof}).status == 403
    browser.get(LOGOUT)
    assert browser.post(f"{LOGOUT}/confirm", {"proof": proof}).status == 403


def test_an_unproven_address_or_app_is_a_page(world):
    client, other, ann = world.client(), world.client(post_logout_redirect_uris=[]), world.person()
    browser, hint = world.browser(ann), world.tokens(ann, client)["id_token"]
    cases = [
        {"id_token_hint": hint, "post_logout_redirect_uri": "https://evil.example.com/"},
        {"id_token_hint": hint, "post_logout_redirect_uri": SIGNED_OUT + "?x=1"},
        {"id_token_hint": hint, "client_id": other.id},
        {"client_id": other.id, "post_logout_redirect_uri": SIGNED_OUT},
        {"client_id": "app_x"},
        {"post_logout_redirect_uri": SIGNED_OUT},
    ]
    for given in cases:
        answer = browser.get(LOGOUT, given)
        assert answer.status == 400
        assert "location" not in dict(answer.headers)
    assert signed_in(world, browser, client, world.acme)


def test_a_tenants_issuer_ends_that_tenants_session_only(world):
    client, ann, bob = world.client(), world.person(), world.person(world.globex)
    browser, issuer = world.browser(ann, bob), issuer_of(world.acme)
    fields = fields_of(browser.get(f"{issuer}/oauth2/logout"))
    assert browser.post(f"{issuer}/oauth2/logout/confirm", fields).status == 200
    assert not signed_in(world, browser, client, world.acme)
    assert signed_in(world, browser, client, world.globex)


def test_nobody_is_signed_in(world):
    answer = world.browser().get(LOGOUT)
    assert answer.status == 200
    assert b"You are signed out" in answer.body
