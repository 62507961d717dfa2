"""The connections' own addresses: replies from other sites, and the documents that we publish."""

from __future__ import annotations

import pytest

from idbroker.kernel.ids import PLATFORM_TRAIL
from tests.support.front_world import FrontWorld

ALICE = "alice@acme.example"


@pytest.fixture
def acme(world: FrontWorld):
    return world.tenant("acme", "acme.example")


@pytest.fixture
def connection(world: FrontWorld, acme) -> str:
    return world.connection(acme)


def begun(world: FrontWorld):
    """A browser that is at the IdP, and its attempt's handle."""
    browser = world.browser()
    browser.get("/sso", email=ALICE)
    return browser, world.protocol.begun[-1].handle


def test_a_cross_site_post_is_sent_again_from_here(world, connection):
    browser, handle = begun(world)
    page = browser.post(f"/toy/{connection}/acs", {"state": handle, "who": ALICE}, other_site=True)
    assert page.status == 200
    assert f'action="http://broker.test/toy/{connection}/acs"' in page.text
    form = {name: page.field(name) for name in ("state", "who", "idb_posted_again")}
    answer = browser.post(f"/toy/{connection}/acs", form)
    assert answer.location.startswith("/sso/done?")
    assert "idb_session=" in answer.headers["set-cookie"]
    assert "HttpOnly; SameSite=Lax" in answer.headers["set-cookie"]


def test_a_reply_by_get_is_taken_too(world, connection):
    browser, handle = begun(world)
    assert browser.get(f"/toy/{connection}/callback", state=handle, who=ALICE).location.startswith("/sso/done?")


def test_a_second_posting_without_the_cookie_is_refused(world, acme, connection):
    browser, handle = begun(world)
    form = {"state": handle, "who": ALICE, "idb_posted_again": "1"}
    page = browser.post(f"/toy/{connection}/acs", form, other_site=True)
    assert page.status == 403
    wanted = {
        "reference": page.reference,
        "code": "browser_mismatch",
        "detail": "no cookie came with the answer",
        "connection_id": connection,
    }
    assert world.refusals(acme.tenant)[-1].items() >= wanted.items()


def test_a_reply_of_no_attempt_is_refused(world, acme, connection):
    page = world.browser().post(f"/toy/{connection}/acs", {"state": "x" * 43, "who": ALICE})
    assert (page.status, page.reference) == (400, world.refusals(acme.tenant)[-1]["reference"])


def test_a_reply_at_another_connection_is_refused(world, acme, connection):
    browser, handle = begun(world)
    other = world.connection(acme, "Other")
    page = browser.post(f"/toy/{other}/acs", {"state": handle, "who": ALICE})
    assert page.status == 400
    assert world.refusals(acme.tenant)[-1]["code"] == "reply_elsewhere"


def test_a_reply_that_proves_nothing_shows_a_sentence_and_keeps_the_detail(world, acme, connection):
    browser, handle = begun(world)
    page = browser.post(f"/toy/{connection}/acs", {"state": handle})
    assert page.status == 403
    assert "could not be verified" in page.text
    assert "secret detail" not in page.text
    assert world.refusals(acme.tenant)[-1]["detail"] == "secret detail"
    # A forgery costs the person nothing: the genuine answer is still good.
    assert browser.post(f"/toy/{connection}/acs", {"state": handle, "who": ALICE}).status == 303


@pytest.mark.parametrize("name", ["con_06b3kq0000000000000000000a", "con_x", "..", "%2e%2e%2fadmin"])
def test_a_reply_at_no_connection_is_404_with_a_reference(world, name):
    page = world.browser().post(f"/toy/{name}/acs", {"state": "x" * 43})
    assert page.status == 404
    if page.reference:
        assert world.refusals(PLATFORM_TRAIL)[-1]["reference"] == page.reference


def test_repeated_parameters_are_refused(world, connection):
    assert world.browser().post(f"/toy/{connection}/acs", raw="state=a&state=b").status == 400


def test_a_visitor_at_the_reply_address_is_told_where_to_start(world, connection):
    page = world.browser().get(f"/toy/{connection}/acs")
    assert page.status == 405
    assert page.headers["allow"] == "POST"
    assert 'href="/sso"' in page.text
    assert page.reference is None


def test_documents_are_published_and_may_be_kept(world, connection):
    answer = world.browser().get(f"/toy/{connection}/metadata")
    assert (answer.status, answer.text, answer.headers["content-type"]) == (200, "<toy/>", "application/xml")
    assert answer.headers["cache-control"] == "public, max-age=300"


def test_there_is_no_document_of_an_unknown_or_switched_off_connection(world, acme):
    off = world.connection(acme, status="disabled")
    for name in ("con_06b3kq0000000000000000000a", "con_x", off):
        assert world.browser().get(f"/toy/{name}/metadata").status == 404
