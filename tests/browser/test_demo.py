"""The demo in a real browser: scripts, cookies across sites, Content Security Policies, and pages that fit their screens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from idbroker.demo.people import HARBOR, ORCHARD, ORGANISATIONS
from idbroker.demo.world import World
from tests.browser.chrome import MARKS, PHONE, Chromium, Tab

pytestmark = MARKS


@pytest.fixture
def tab(chromium: Chromium) -> Iterator[Tab]:
    tab = Tab(chromium, PHONE)
    yield tab
    tab.close()
    assert tab.complaints == []


@pytest.mark.parametrize("organisation", ORGANISATIONS, ids=lambda organisation: organisation.kind)
def test_signing_in_reading_the_claims_and_signing_out(demo: World, tab: Tab, organisation):
    page, person, kind = tab.page, organisation.people[0], organisation.kind
    page.goto(demo.app)
    tab.look("app-home")
    page.fill("#email", person.email)
    page.click("text=Continue")
    tab.look(f"idp-{kind}")
    page.fill("#username", person.email)
    page.fill("#password", person.password)
    page.click("text=Sign in >> nth=-1")
    page.wait_for_selector("#tenant-id")
    tab.look(f"app-signed-in-{kind}")
    assert page.text_content("#tenant") == organisation.slug
    assert page.text_content("#tenant-id").startswith("tnt_")
    assert page.text_content("#roles") == "admin, member"
    assert page.text_content("#groups") == "Administrators, Staff"
    page.goto(f"{demo.broker}/account")
    tab.look(f"account-{kind}")
    assert "Juniper Notes" in page.text_content("main")
    page.goto(demo.app)
    page.click("text=Sign out")
    page.wait_for_selector("text=You are signed out of Juniper Notes")
    tab.look("app-signed-out")
    page.goto(f"{demo.broker}/account")
    assert "Nobody is signed in" in page.text_content("main")


def test_signing_in_wrongly_and_what_begins_at_the_identity_provider(demo: World, tab: Tab):
    page, person = tab.page, ORCHARD.people[1]
    page.goto(demo.app)
    page.click("text=go to the SAML identity provider")
    for fault, name in (("expired", "refused-expired"), ("unsolicited", "refused-unsolicited")):
        page.click("text=Sign in, but wrongly")
        tab.look("idp-faults")
        page.fill("#username", person.email)
        page.fill("#password", person.password)
        page.select_option("#fault", fault)
        page.click("text=Sign in >> nth=-1")
        page.wait_for_selector("text=Reference:")
        tab.look(name)
        if fault == "expired":
            page.goto(f"{demo.broker}/sso?email={person.email}")
    page.click("main a[role=button]")
    page.fill("#username", person.email)
    page.fill("#password", person.password)
    page.click("text=Sign in >> nth=-1")
    page.wait_for_selector("text=this browser")
    page.click("text=Sign out")
    page.wait_for_selector("text=Nobody is signed in")


def test_a_logout_message_that_proves_nothing(demo: World, tab: Tab):
    page = tab.page
    page.goto(f"{demo.broker}/sso?email={ORCHARD.people[0].email}")
    page.click("text=Cancel")
    page.wait_for_selector("text=Reference:")
    page.goto(f"{page.url.rpartition('/')[0]}/slo?SAMLRequest=abc")
    page.wait_for_selector("text=Sign-out not completed")
    tab.look("sign-out-refused")


def test_the_front_door_and_its_refusals(demo: World, tab: Tab):
    page = tab.page
    page.goto(f"{demo.broker}/sso")
    tab.look("sso")
    page.fill("#email", "alice@nowhere.example")
    page.keyboard.press("Enter")
    page.wait_for_selector("#problem")
    tab.look("sso-problem")
    person = HARBOR.people[1]
    page.fill("#email", person.email)
    page.keyboard.press("Enter")
    assert page.input_value("#username") == person.email
    page.click("text=Cancel")
    page.wait_for_selector("text=Reference:")
    tab.look("refused")
    page.goto(f"{demo.broker}/nothing")
    tab.look("nothing")


def test_a_refusal_leads_back_to_the_app(demo: World, tab: Tab):
    page = tab.page
    page.goto(demo.app)
    page.fill("#email", ORCHARD.people[0].email)
    page.click("text=Continue")
    page.click("text=Cancel")
    page.wait_for_selector("text=Reference:")
    tab.look("refused-with-way-back")
    page.click("text=Back to the application")
    page.wait_for_selector("text=You are not signed in")
    assert page.url.startswith(demo.app)
    tab.look("app-failed")
