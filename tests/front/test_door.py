"""The front door: from an e-mail to the IdP, and what happens when that cannot be."""

from __future__ import annotations

import pytest

from idbroker.kernel.ids import PLATFORM_TRAIL
from tests.support.databases import Stores
from tests.support.front_world import IDP, FrontWorld, front_world


@pytest.fixture
def acme(world: FrontWorld) -> str:
    """A tenant's one connection."""
    return world.connection(world.tenant("acme", "acme.example"))


def test_the_page_asks_and_its_form_leads_to_the_idp(world, acme):
    browser = world.browser()
    page = browser.get("/sso")
    assert page.status == 200
    assert '<label for="email">Work e-mail</label>' in page.text
    answer = browser.post("/sso/continue", {"attempt": page.field("attempt"), "email": "Alice@ACME.example"})
    assert (answer.status, answer.location.split("?")[0]) == (303, f"{IDP}/login")
    assert world.protocol.begun[0].login_hint == "alice@acme.example"


def test_an_email_in_the_address_leads_there_at_once(world, acme):
    answer = world.browser().get("/sso", email="alice@acme.example")
    assert (answer.status, answer.location.split("?")[0]) == (302, f"{IDP}/login")
    assert "idb_browser=" in answer.headers["set-cookie"]


@pytest.mark.parametrize("hint", ["tenant", "connection"])
def test_tenant_and_connection_lead_there_too(world, acme, hint):
    answer = world.browser().get("/sso", **{hint: "acme" if hint == "tenant" else acme})
    assert answer.location.startswith(f"{IDP}/login")


def test_the_hand_over_by_form_is_escaped_and_has_no_inline_script(world, acme):
    world.protocol.posts = True
    page = world.browser().get("/sso", email="alice@acme.example")
    assert page.status == 200
    assert f'action="{IDP}/login"' in page.text
    assert "<script>alert" not in page.text
    assert page.field("Request") == '"><script>alert(1)</script>'
    assert "<noscript>" in page.text
    assert "idp.acme.example" in page.text
    assert "form-action 'self' https: http:" in page.headers["content-security-policy"]


def test_on_https_a_form_may_lead_to_https_only(sqlite_stores: Stores):
    world = front_world(sqlite_stores, base_url="https://broker.test")
    page = world.browser().get("/sso")
    assert page.headers["content-security-policy"].endswith("form-action 'self' https:")
    assert "__Host-idb_browser=" in page.headers["set-cookie"]
    assert "SameSite=None; Secure" in page.headers["set-cookie"]


@pytest.mark.parametrize(
    ("email", "sentence"), [("bob@nowhere.example", "No organisation signs in"), ("bob@", "not a complete")]
)
def test_an_address_that_leads_nowhere_stays_on_the_page_with_a_reference(world, acme, email, sentence):
    page = world.browser().get("/sso", email=email)
    assert page.status == 400
    assert sentence in page.text
    assert f'value="{email}"' in page.text
    assert 'role="alert"' in page.text
    assert world.refusals(PLATFORM_TRAIL)[-1]["reference"] == page.reference


def test_an_email_with_markup_is_shown_as_text(world, acme):
    page = world.browser().get("/sso", email='"><b>x@nowhere.example')
    assert "<b>x" not in page.text


def test_an_empty_answer_asks_again_without_a_reference(world, acme):
    browser = world.browser()
    page = browser.get("/sso")
    again = browser.post("/sso/continue", {"attempt": page.field("attempt"), "email": " "})
    assert (again.status, again.reference) == (400, None)
    assert "type your work e-mail" in again.text


def test_several_connections_let_the_person_choose(world):
    scope = world.tenant("acme", "acme.example")
    world.connection(scope, "Head office")
    wanted = world.connection(scope, "Warehouse <3>")
    browser = world.browser()
    page = browser.get("/sso", email="alice@acme.example")
    assert page.status == 200
    assert "Head office" in page.text
    assert "Warehouse &lt;3&gt;" in page.text
    answer = browser.post("/sso/continue", {"attempt": page.field("attempt"), "connection": wanted})
    assert (answer.status, answer.location.startswith(IDP)) == (303, True)


def test_an_unknown_tenant_is_refused_with_a_reference(world):
    page = world.browser().get("/sso", tenant="nobody")
    assert page.status == 400
    assert page.reference == world.refusals(PLATFORM_TRAIL)[0]["reference"]


def test_a_tenant_without_a_connection_is_told_so(world):
    scope = world.tenant("acme", "acme.example")
    page = world.browser().get("/sso", email="alice@acme.example")
    assert (page.status, "not set up" in page.text) == (403, True)
    assert world.refusals(scope.tenant)[0]["code"] == "no_connection"


def test_an_idp_that_is_down_is_a_502_page_with_a_reference(world):
    scope = world.tenant("acme", "acme.example")
    connection = world.connection(scope)
    world.protocol.down = True
    page = world.browser().get("/sso", connection=connection)
    assert (page.status, "does not answer" in page.text) == (502, True)
    assert world.refusals(scope.tenant)[0]["reference"] == page.reference


def test_another_browser_cannot_answer(world, acme):
    page = world.browser().get("/sso")
    answer = world.browser().post("/sso/continue", {"attempt": page.field("attempt"), "email": "alice@acme.example"})
    assert answer.status == 403
    assert answer.reference


@pytest.mark.parametrize("handle", ["", "x" * 43, "x" * 5000])
def test_an_unknown_attempt_is_refused(world, handle):
    answer = world.browser().post("/sso/continue", {"attempt": handle, "email": "alice@acme.example"})
    assert (answer.status, "start again" in answer.text) == (400, True)


def test_an_expired_attempt_is_refused(world, acme, clock):
    browser = world.browser()
    page = browser.get("/sso")
    clock.advance(minutes=16)
    assert browser.post("/sso/continue", {"attempt": page.field("attempt"), "email": "alice@acme.example"}).status == 400


@pytest.mark.parametrize(
    "query", ["email=a@acme.example&email=b@acme.example", "tenant=" + "x" * 501, "tenant=%00", "tenant=%ff"]
)
def test_malformed_parameters_are_a_page_and_no_fault(world, query):
    page = world.browser().get(f"/sso?{query}")
    assert page.status == 400
    assert "text/html" in page.headers["content-type"]
    assert page.reference


def test_a_form_of_another_type_is_refused(world):
    assert world.browser().request("POST", "/sso/continue", content=b"{}", headers={"content-type": "text/plain"}).status == 415


def test_the_end_of_the_way_is_reached_once(world, acme):
    browser = world.browser()
    browser.get("/sso", email="alice@acme.example")
    form = {"state": world.protocol.begun[0].handle, "who": "alice@acme.example"}
    back = browser.post(f"/toy/{acme}/acs", form)
    assert (back.status, back.location.split("?")[0]) == (303, "/sso/done")
    assert browser.get(back.location).location == "/account"
    assert browser.get(back.location).status == 400


def test_the_end_of_an_unfinished_way_is_its_beginning(world, acme):
    browser = world.browser()
    page = browser.get("/sso")
    assert browser.get("/sso/done", attempt=page.field("attempt")).location == "/sso"
