"""What the demo is for: its people sign in to the demo app through both identity providers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from idbroker.demo.people import HARBOR, ORCHARD, ORGANISATIONS, Organisation, Person
from idbroker.demo.world import World
from tests.support.http_browser import HttpBrowser, Page

PEOPLE = [(organisation, person) for organisation in ORGANISATIONS for person in organisation.people]
ALICE = ORCHARD.people[0]


@pytest.fixture
def browser() -> Iterator[HttpBrowser]:
    browser = HttpBrowser()
    yield browser
    browser.close()


def sign_in(browser: HttpBrowser, demo: World, person: Person) -> Page:
    return browser.sign_in(demo.app, person.email, person.password)


@pytest.mark.parametrize(("organisation", "person"), PEOPLE, ids=lambda value: value.name)
def test_each_person_reads_tenant_roles_and_groups(demo, browser, organisation: Organisation, person: Person):
    page = sign_in(browser, demo, person)
    assert page.url == f"{demo.app}/"
    assert page.by_id["tenant"] == organisation.slug
    assert page.by_id["tenant-id"].startswith("tnt_")
    assert page.by_id["user-id"].startswith("usr_")
    assert page.by_id["email"] == person.email
    assert page.by_id["groups"].split(", ") == sorted(person.groups)
    assert page.by_id["roles"] == ("admin, member" if "Administrators" in person.groups else "member")
    assert f"Hello, {person.name}" in page.text


def test_the_same_name_in_another_organisation_is_another_person(demo, browser):
    orchard = sign_in(browser, demo, ORCHARD.people[0])
    browser.submit()
    harbor = sign_in(browser, demo, HARBOR.people[0])
    assert orchard.by_id["user-id"] != harbor.by_id["user-id"]
    assert orchard.by_id["tenant-id"] != harbor.by_id["tenant-id"]


def test_an_answer_by_cross_site_post_is_posted_again(demo, browser):
    sign_in(browser, demo, ALICE)
    arrivals = [step for step in browser.visited if step.endswith("/acs")]
    assert len(arrivals) == 2


def test_who_has_a_session_is_not_asked_again(demo, browser):
    sign_in(browser, demo, ALICE)
    browser.visited.clear()
    browser.open(f"{demo.app}/sign-in?email={ALICE.email}")
    assert "Hello, Alice Appleby" in browser.page.text
    assert not any(demo.saml_idp in step for step in browser.visited)


def test_a_wrong_password_asks_again(demo, browser):
    browser.open(demo.app)
    browser.submit(email=ALICE.email)
    page = browser.submit(username=ALICE.email, password="wrong")
    assert (page.status, "Wrong e-mail or password" in page.text) == (400, True)
    assert "Hello" in browser.submit(username=ALICE.email, password=ALICE.password).text


@pytest.mark.parametrize("organisation", ORGANISATIONS, ids=lambda organisation: organisation.kind)
def test_cancelling_ends_at_a_page_with_a_reference_and_a_way_back(demo, browser, organisation):
    browser.open(demo.app)
    browser.submit(email=organisation.people[0].email)
    page = browser.submit(cancel="1")
    assert page.status >= 400
    assert page.url.startswith(demo.broker)
    assert "Reference: " in page.text
    assert "Back to the application" in page.text


def test_an_address_of_nobody_is_told_so(demo, browser):
    browser.open(demo.app)
    page = browser.submit(email="alice@nowhere.example")
    assert (page.status, "No organisation signs in here" in page.text) == (400, True)
    assert page.forms[-1].fields["email"] == "alice@nowhere.example"


def test_signing_out_of_the_app_signs_out_of_the_broker(demo, browser):
    sign_in(browser, demo, ALICE)
    page = browser.submit()
    assert page.url.startswith(f"{demo.app}/signed-out")
    assert "Nobody is signed in" in browser.open(f"{demo.broker}/account").text


def test_the_front_door_ends_at_the_account_page(demo, browser):
    page = browser.sign_in(f"{demo.broker}/sso", ALICE.email, ALICE.password)
    assert page.url == f"{demo.broker}/account"
    assert "Orchard Foods" in page.text
    sign_in_again = browser.open(f"{demo.app}/sign-in?email={ALICE.email}")
    assert "Hello" in sign_in_again.text
    assert "Juniper Notes" in browser.open(f"{demo.broker}/account").text


def test_the_app_takes_no_answer_that_it_did_not_ask_for(demo, browser):
    page = browser.open(f"{demo.app}/callback?code=x&state=y")
    assert (page.status, "belongs to no sign-in begun here" in page.text) == (400, True)


@pytest.mark.parametrize("path", ["/sso?SAMLRequest=x", "/sso"])
def test_the_saml_idp_refuses_what_is_no_request(demo, browser, path):
    assert browser.open(f"{demo.saml_idp}{path}").status == 400


def test_the_oidc_provider_refuses_unknown_clients(demo, browser):
    assert browser.open(f"{demo.oidc_idp}/authorize?client_id=x&redirect_uri=http://localhost/x").status == 400


def test_the_identity_providers_are_marked_as_demos(demo, browser):
    browser.open(demo.app)
    for email in (ALICE.email, HARBOR.people[0].email):
        browser.open(demo.app)
        assert "<strong>DEMO</strong>" in browser.submit(email=email).text
