"""Signing out of the demo goes through its SAML identity provider, and comes back."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
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


def test_out_of_the_app_through_the_openid_provider(demo: World, browser: HttpBrowser) -> None:
    person = HARBOR.people[0]
    browser.sign_in(demo.app, person.email, person.password)
    browser.visited.clear()
    assert browser.submit().url.startswith(f"{demo.app}/signed-out")
    assert passed_by(browser, f"{demo.oidc_idp}/end-session")


def test_the_openid_provider_signs_somebody_out_everywhere(demo: World, browser: HttpBrowser) -> None:
    person, elsewhere = HARBOR.people[0], HttpBrowser()
    browser.sign_in(f"{demo.broker}/sso", person.email, person.password)
    assert person.email in browser.open(f"{demo.broker}/account").text
    page = elsewhere.open(f"{demo.oidc_idp}/end-session")
    assert page.status == 200
    told = httpx2.post(f"{demo.oidc_idp}/sign-out-everywhere", data={"username": person.email})
    assert "200" in told.text
    assert "Nobody is signed in" in browser.open(f"{demo.broker}/account").text
    elsewhere.close()


@pytest.mark.parametrize(
    "query", ["?state=x", "?id_token_hint=x", "?client_id=broker&post_logout_redirect_uri=https://evil.example"]
)
def test_the_openid_provider_refuses_what_it_cannot_believe(demo: World, browser: HttpBrowser, query: str) -> None:
    assert browser.open(f"{demo.oidc_idp}/end-session{query}").status == 400


@pytest.mark.parametrize("path", ["/slo", "/slo?SAMLRequest=x"])
def test_the_identity_provider_refuses_what_is_no_request(demo: World, browser: HttpBrowser, path: str) -> None:
    assert browser.open(f"{demo.saml_idp}{path}").status == 400
