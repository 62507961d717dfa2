"""Every way to be wrong that the demo identity provider offers, chosen by a person at its login page."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from idbroker.demo.people import ORCHARD
from idbroker.demo.world import World
from saml.demo_faults import FAULTS, DemoFault
from tests.support.http_browser import HttpBrowser, Page

BOB = ORCHARD.people[1]
CODES = {"unsolicited": "unsolicited", "replay": "reply_elsewhere"}
"""Where the way through the browser is another than the answer's own fault: what answers nothing is seen before it is read,
and the second delivery finds the sign-in done."""

REFUSED = [fault for fault in FAULTS if fault.code]
NOTED = [fault for fault in FAULTS if not fault.code]


@pytest.fixture
def browser() -> Iterator[HttpBrowser]:
    browser = HttpBrowser()
    yield browser
    browser.close()


def sign_in_wrongly(browser: HttpBrowser, demo: World, fault: DemoFault) -> Page:
    browser.open(f"{demo.broker}/sso")
    browser.submit(email=BOB.email)
    page = browser.submit(username=BOB.email, password=BOB.password, fault=fault.name)
    if fault.sent_twice:
        address, fields = page.forms[-1].action, page.forms[-1].fields
        assert browser.post(address, fields).url == f"{demo.broker}/account"
        browser.post(f"{demo.broker}/account/sign-out", _sign_out_form(browser))
        page = browser.post(address, fields)
    return page


def _sign_out_form(browser: HttpBrowser) -> dict[str, str]:
    assert browser.page is not None
    return browser.page.forms[-1].fields


@pytest.mark.parametrize("fault", REFUSED, ids=lambda fault: fault.name)
def test_it_is_refused_with_a_reference_that_leads_to_the_reason(demo: World, browser: HttpBrowser, fault: DemoFault) -> None:
    page = sign_in_wrongly(browser, demo, fault)
    assert page.status >= 400
    assert page.url.startswith(demo.broker)
    reference = page.text.partition("Reference: ")[2][:9]
    headers = {"authorization": f"Bearer {demo.operator_key}"}
    found = {}
    for _ in range(40):
        answer = httpx2.get(
            f"{demo.broker}/api/v1/tenants/orchard/audit-events", params={"q": reference}, headers=headers, trust_env=False
        )
        found = {event["context"]["code"] for event in answer.json()["data"]}
        if found:
            break
    assert found == {CODES.get(fault.name, fault.code)}
    assert "Nobody is signed in" in browser.open(f"{demo.broker}/account").text


@pytest.mark.parametrize("fault", NOTED, ids=lambda fault: fault.name)
def test_what_is_only_noted_signs_in(demo: World, browser: HttpBrowser, fault: DemoFault) -> None:
    assert sign_in_wrongly(browser, demo, fault).url == f"{demo.broker}/account"


def test_the_page_offers_each_and_the_app_leads_there(demo: World, browser: HttpBrowser) -> None:
    home = browser.open(demo.app)
    assert "Sign in, but wrongly" in home.text
    page = browser.open(f"{demo.app}/sign-in?email={ORCHARD.people[0].email}")
    assert page.url.startswith(demo.saml_idp)
    for fault in FAULTS:
        assert f'value="{fault.name}"' in page.text
        assert fault.title in page.text


def test_a_wrong_password_keeps_the_choice(demo: World, browser: HttpBrowser) -> None:
    browser.open(f"{demo.broker}/sso")
    browser.submit(email=BOB.email)
    page = browser.submit(username=BOB.email, password="wrong", fault="expired")
    assert '<option value="expired" selected>' in page.text


def test_what_began_at_the_identity_provider_begins_properly_at_the_button(demo: World, browser: HttpBrowser) -> None:
    page = sign_in_wrongly(browser, demo, next(fault for fault in FAULTS if fault.name == "unsolicited"))
    start = page.text.partition('role="button" href="')[2].partition('"')[0]
    assert start.startswith("/sso?connection=con_")
    assert browser.open(f"{demo.broker}{start}").url.startswith(demo.saml_idp)
    assert browser.submit(username=BOB.email, password=BOB.password).url == f"{demo.broker}/account"
