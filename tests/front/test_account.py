"""The account page: whose sessions, which apps, and the way out."""

from __future__ import annotations

import pytest

from idbroker.kernel.scope import TenantScope
from idbroker.sessions.model import Sessions
from tests.support.front_world import FrontWorld
from tests.support.world import OPERATOR


@pytest.fixture
def acme(world: FrontWorld):
    return world.tenant("acme", "acme.example")


@pytest.fixture
def connection(world: FrontWorld, acme) -> str:
    return world.connection(acme)


def live(world: FrontWorld, scope: TenantScope) -> list[str]:
    with world.stores.main.tenant(TenantScope(scope.tenant, OPERATOR), read_only=True) as unit:
        return [row.id for row in unit[Sessions].page() if row.ended_at is None]


def test_a_stranger_is_told_that_nobody_is_signed_in(world):
    page = world.browser().get("/account")
    assert (page.status, "Nobody is signed in" in page.text) == (200, True)


def test_it_shows_the_person_the_organisation_and_the_apps(world, acme, connection):
    browser = world.browser()
    page = world.sign_in(browser, "alice@acme.example", connection)
    assert "Alice &lt;Arden&gt;" in page.text
    assert "alice@acme.example · Acme" in page.text
    assert "this browser" in page.text
    assert "No application was opened yet" in page.text
    with world.stores.main.tenant(acme) as unit:
        unit[Sessions].note_app(live(world, acme)[0], "app_gone")
    assert "app_gone" in browser.get("/account").text


def test_signing_out_ends_the_session_and_takes_the_cookie(world, acme, connection):
    browser = world.browser()
    page = world.sign_in(browser, "alice@acme.example", connection)
    answer = browser.post("/account/sign-out", {"token": page.field("token"), "session": page.field("session")})
    assert (answer.status, answer.location) == (303, "/account")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert live(world, acme) == []
    assert "Nobody is signed in" in browser.get("/account").text


def test_a_session_in_another_browser_can_be_ended_from_here(world, acme, connection):
    elsewhere, here = world.browser(), world.browser()
    there = world.sign_in(elsewhere, "alice@acme.example", connection).field("session")
    page = world.sign_in(here, "alice@acme.example", connection)
    assert page.text.count("Sign out there") == 1
    here.post("/account/sign-out", {"token": page.field("token"), "session": there})
    assert "Nobody is signed in" in elsewhere.get("/account").text
    assert "Alice" in here.get("/account").text


def test_nobody_ends_another_persons_session(world, acme, connection):
    alice, bob = world.browser(), world.browser()
    hers = world.sign_in(alice, "alice@acme.example", connection).field("session")
    page = world.sign_in(bob, "bob@acme.example", connection)
    bob.post("/account/sign-out", {"token": page.field("token"), "session": hers})
    assert hers in live(world, acme)


@pytest.mark.parametrize("token", ["", "x" * 43])
def test_a_form_that_is_not_ours_ends_nothing(world, acme, connection, token):
    browser = world.browser()
    page = world.sign_in(browser, "alice@acme.example", connection)
    assert browser.post("/account/sign-out", {"token": token, "session": page.field("session")}).status == 400
    assert len(live(world, acme)) == 1


def test_one_browser_can_be_two_people_in_two_organisations(world, acme, connection):
    other = world.tenant("other", "other.example")
    browser = world.browser()
    world.sign_in(browser, "alice@acme.example", connection)
    page = world.sign_in(browser, "alice@other.example", world.connection(other))
    assert "alice@acme.example" in page.text
    assert "alice@other.example" in page.text
    # The newest is shown first; its sign-out leaves the other one standing.
    browser.post("/account/sign-out", {"token": page.field("token"), "session": page.field("session")})
    assert (len(live(world, acme)), live(world, other)) == (1, [])
    assert "alice@acme.example" in browser.get("/account").text


def test_an_ended_session_is_not_shown(world, acme, connection, clock):
    browser = world.browser()
    world.sign_in(browser, "alice@acme.example", connection)
    clock.advance(hours=13)
    assert "Nobody is signed in" in browser.get("/account").text
