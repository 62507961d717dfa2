"""Sign-out through identity providers as a browser sees it: redirects, forms, cookies, and what may be framed by whom."""

from __future__ import annotations

import pytest

from tests.support.front_world import FrontWorld

ALICE = "alice@acme.example"
RELAY = "their state"


@pytest.fixture
def acme(world: FrontWorld):
    return world.tenant("acme", "acme.example")


@pytest.fixture
def connection(world: FrontWorld, acme) -> str:
    return world.connection(acme)


def signed_in(world: FrontWorld, connection: str):
    """A browser, and the fields of its account page's form."""
    browser = world.browser()
    page = world.sign_in(browser, ALICE, connection)
    return browser, {name: page.field(name) for name in ("token", "session")}


def test_the_browser_is_redirected_there_and_ends_at_the_account_page(world, connection):
    world.protocol.offers_logout = "redirect"
    browser, form = signed_in(world, connection)
    step = browser.post("/account/sign-out", form)
    assert (step.status, step.location.partition("?")[0]) == (303, f"https://idp.example.com/{connection}/slo")
    assert "idb_session=;" in step.headers["set-cookie"]
    assert "Nobody is signed in" in browser.get("/account").text
    back = browser.get(f"/toy/{connection}/slo", answers="success", state=world.protocol.asked_out[-1][1])
    assert (back.status, back.location) == (303, "/account")


def test_or_sent_there_with_a_form(world, connection):
    world.protocol.offers_logout = "post"
    browser, form = signed_in(world, connection)
    page = browser.post("/account/sign-out", form)
    assert page.status == 200
    assert "Taking you to idp.example.com to sign out there too" in page.text
    assert f'action="https://idp.example.com/{connection}/slo"' in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_a_session_elsewhere_ends_without_a_trip_from_here(world, connection):
    world.protocol.offers_logout = "redirect"
    here, form = signed_in(world, connection)
    _, other = signed_in(world, connection)
    assert here.post("/account/sign-out", {**form, "session": other["session"]}).location == "/account"
    assert world.protocol.asked_out == []
    assert "this browser" in here.get("/account").text


def test_what_failed_is_told_before_the_way_goes_on(world, connection):
    world.protocol.offers_logout = "redirect"
    browser, form = signed_in(world, connection)
    browser.post("/account/sign-out", form)
    page = browser.get(f"/toy/{connection}/slo", answers="failed", state=world.protocol.asked_out[-1][1])
    assert page.status == 200
    assert "You are signed out here" in page.text
    assert "could not be signed out: it reported an error." in page.text
    assert '<form method="get" action="/account">' in page.text


def test_the_answer_by_cross_site_post_is_posted_again(world, connection):
    world.protocol.offers_logout = "redirect"
    browser, form = signed_in(world, connection)
    browser.post("/account/sign-out", form)
    fields = {"answers": "success", "state": world.protocol.asked_out[-1][1]}
    page = browser.post(f"/toy/{connection}/slo", fields, other_site=True)
    again = {name: page.field(name) for name in ("answers", "state", "idb_posted_again")}
    assert browser.post(f"/toy/{connection}/slo", again).location == "/account"


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_identity_provider_is_answered_by_redirect(world, connection, method):
    browser, _ = signed_in(world, connection)
    fields = {"asks": ALICE, "relay": "x"}
    stranger = world.browser()
    answer = (
        stranger.get(f"/toy/{connection}/slo", **fields) if method == "get" else stranger.post(f"/toy/{connection}/slo", fields)
    )
    assert answer.location == f"https://idp.example.com/{connection}/slo-answer?outcome=success&relay=x"
    assert "set-cookie" not in answer.headers
    assert "Nobody is signed in" in browser.get("/account").text


def test_the_answer_by_form_may_stand_in_a_frame_of_that_identity_provider_alone(world, connection):
    world.protocol.answers_by = "post"
    page = world.browser().get(f"/toy/{connection}/slo", asks=ALICE, relay=RELAY)
    assert page.field("RelayState") == RELAY
    assert "frame-ancestors https://idp.example.com;" in page.headers["content-security-policy"]
    assert "signed out here" in page.text


def test_where_the_identity_provider_has_no_address_the_person_reads_it(world, connection):
    world.protocol.answers_by = ""
    page = world.browser().get(f"/toy/{connection}/slo", asks=ALICE)
    assert (page.status, "You are signed out" in page.text, page.reference) == (200, True, None)


def test_a_message_that_proves_nothing_ends_nothing(world, connection):
    browser, _ = signed_in(world, connection)
    page = world.browser().get(f"/toy/{connection}/slo", asks=ALICE, forged="1")
    assert page.status == 403
    assert "Sign-out not completed" in page.text
    assert page.reference
    assert "by script" not in page.text
    assert "this browser" in browser.get("/account").text


@pytest.mark.parametrize("connection_id", ["con_0123456789abcdefghjkmnpqrs", "con_x", "tnt_0123456789abcdefghjkmnpqrs"])
def test_an_unknown_address_gets_a_reference(world, acme, connection_id):
    page = world.browser().get(f"/toy/{connection_id}/slo", asks=ALICE)
    assert (page.status, bool(page.reference)) == (404, True)
