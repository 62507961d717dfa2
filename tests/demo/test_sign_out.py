"""Signing out of the demo goes through its SAML identity provider, and comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from idbroker.demo.people import HARBOR, ORCHARD
from idbroker.demo.world import World
from tests.support.http_browser import HttpBrowser

ALICE = ORCHARD.people[0]


@pytest.fixture
def browser() -> Iterator[HttpBrowser]:
    browser = HttpBrowser()
    yield browser
    browser.close()


def passed_by(browser: HttpBrowser, address: str) -> bool:
    return any(step.partition(" ")[2].startswith(address) for step in browser.visited)


def test_out_of_the_app(demo: World, browser: HttpBrowser) -> None:
    browser.sign_in(demo.app, ALICE.email, ALICE.password)
    browser.visited.clear()
    assert browser.submit().url.startswith(f"{demo.app}/signed-out")
    assert passed_by(browser, f"{demo.saml_idp}/slo")
    assert any(step.endswith("/slo") and demo.broker in step for step in browser.visited)


def test_out_of_the_account_page(demo: World, browser: HttpBrowser) -> None:
    browser.sign_in(f"{demo.broker}/sso", ALICE.email, ALICE.password)
    browser.visited.clear()
    page = browser.submit(0)  # this browser's session stands before those of others
    assert page.url == f"{demo.broker}/account"
    assert "Nobody is signed in" in page.text
    assert passed_by(browser, f"{demo.saml_idp}/slo")


def test_where_the_identity_provider_has_none_it_ends_at_once(demo: World, browser: HttpBrowser) -> None:
    person = HARBOR.people[0]
    browser.sign_in(demo.app, person.email, person.password)
    browser.visited.clear()
    assert browser.submit().url.startswith(f"{demo.app}/signed-out")
    assert not passed_by(browser, demo.oidc_idp)


@pytest.mark.parametrize("path", ["/slo", "/slo?SAMLRequest=x"])
def test_the_identity_provider_refuses_what_is_no_request(demo: World, browser: HttpBrowser, path: str) -> None:
    assert browser.open(f"{demo.saml_idp}{path}").status == 400
