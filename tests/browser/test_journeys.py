"""The two people who decide: an engineer on his first day, and a customer's IT admin with fifteen minutes and no patience.

Against a real ``idbroker serve``, from the first link to a live sign-in, with wrong turns put right by what the pages say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from idbroker.demo.notes.oidc_client import OidcClient, Settings
from idbroker.demo.notes.site import Account, NotesSite
from idbroker.demo.people import HARBOR, ORCHARD, Organisation
from idbroker.demo.servers import Server, bind
from tests.browser.chrome import DESK, MARKS, PHONE, Chromium, Tab
from tests.browser.deployment import Deployment
from tests.support.lived_in import METADATA, SCIM_GROUP, SCIM_USER

pytestmark = [*MARKS, pytest.mark.timeout(400)]


@contextmanager
def tab(chromium: Chromium, size: tuple[int, int] = DESK) -> Iterator[Tab]:
    """Somebody with a browser of his own, without a complaint."""
    opened = Tab(chromium, size, "light" if size == DESK else "dark")
    try:
        yield opened
        assert opened.complaints == []
    except BaseException:
        for number, page in enumerate(opened.context.pages):
            opened.keep(f"failed-{number}", page)
        raise
    finally:
        opened.close()


def value(page: Any, name: str) -> str:
    """What a copy button would copy."""
    return str(page.text_content(f"#{name}")).strip()


def press(page: Any, text: str) -> None:
    page.click(f"main button:has-text('{text}'), main a[role=button]:has-text('{text}')")


def at_the_idp(page: Any, organisation: Organisation, number: int = 0, fault: str = "") -> None:
    person = organisation.people[number]
    page.wait_for_selector("#username")
    page.fill("#username", person.email)
    page.fill("#password", person.password)
    if fault:
        page.click("summary")
        page.select_option("#fault", fault)
    page.click("text=Sign in >> nth=-1")


@pytest.fixture(scope="module")
def engineer(chromium: Chromium, deployed: Deployment) -> Iterator[Tab]:
    """Signed in by the link that the command line prints; on the overview."""
    with tab(chromium) as opened:
        opened.page.goto(deployed.login_link())
        opened.page.click("main button[type=submit]")
        opened.page.wait_for_url("**/admin/overview")
        yield opened


def sent_link(engineer: Tab, deployed: Deployment, slug: str, name: str, *scopes: str) -> str:
    """The setup link of a customer that the engineer has just made."""
    make_tenant(engineer.page, deployed, slug, name)
    return setup_link(engineer.page, deployed, slug, *scopes)


def make_tenant(page: Any, deployed: Deployment, slug: str, name: str) -> None:
    page.goto(f"{deployed.broker}/admin/tenants/new")
    page.fill("#name", name)
    page.fill("#slug", slug)
    press(page, "Make the tenant")
    page.wait_for_url(f"**/admin/tenants/{slug}")
    press(page, "Open its administration")
    page.fill("#reason", "setting up a customer")
    press(page, "Enter")
    page.wait_for_url(f"**/admin/t/{slug}")


def give_up_the_domain(page: Any, deployed: Deployment, slug: str) -> None:
    """What is taken away is said before it is; afterwards another organisation can prove the domain."""
    page.goto(f"{deployed.broker}/admin/t/{slug}/domains")
    page.click("text=Give it up")
    assert "no longer found by their address" in page.text_content("main")
    press(page, "Give it up")
    page.wait_for_selector("text=The domain is given up")


def setup_link(page: Any, deployed: Deployment, slug: str, *scopes: str) -> str:
    page.goto(f"{deployed.broker}/admin/t/{slug}/setup-links")
    for scope in ("domains", "sso", "scim", "audit"):
        page.set_checked(f"input[name='scope:{scope}']", scope in scopes)
    press(page, "Make the link")
    return value(page, "setup-link")


def open_link(page: Any, link: str) -> None:
    page.goto(link)
    press(page, "Begin")


def claim(page: Any, deployed: Deployment, domain: str) -> None:
    """Looked up too soon, then published and found."""
    page.fill("#domain", domain)
    press(page, "Add it")
    name, text = value(page, "txt-name-1"), value(page, "txt-value-1")
    press(page, "Look it up now")
    assert "There is no TXT record" in page.text_content("[role=alert]")
    deployed.txt[name] = [text]
    press(page, "Look it up now")
    page.wait_for_selector("text=The domain is verified")
    press(page, "Go on")


def choose(page: Any, name: str, protocol: str) -> None:
    page.click(f".tile button:has-text('{name}'):has(span:text-is('{protocol}'))")
    page.wait_for_url("**/console/1")


def through_the_console(page: Any) -> dict[str, str]:
    """Every screen, with the values that its fields ask for."""
    seen: dict[str, str] = {}
    while "/console/" in page.url:
        for element in page.query_selector_all("[id^='our-']"):
            seen[element.get_attribute("id")] = element.text_content().strip()
        before = page.url
        press(page, "Done")
        page.wait_for_url(lambda url, before=before: url != before)
    return seen


def test_sign_in(page: Any, sign_in: Any) -> None:
    """In the window of its own that the button opens."""
    with page.expect_popup() as popup:
        press(page, "Test the sign-in")
    window = popup.value
    window.click("text=Start the test")
    sign_in(window)
    window.wait_for_selector("h1:has-text('The test')")
    window.close()


test_sign_in.__test__ = False  # type: ignore[attr-defined] # a step of the stories, not one of them


def signs_in(chromium: Chromium, address: str, organisation: Organisation, number: int) -> str:
    """A person in a browser of his own; what he reads at the end."""
    with tab(chromium, PHONE) as opened:
        opened.page.goto(address)
        at_the_idp(opened.page, organisation, number)
        opened.page.wait_for_selector("main:not(:has(#handover)) :is(section h1, p.reference)")
        return str(opened.page.text_content("main"))


def test_an_engineers_first_day(chromium: Chromium, engineer: Tab, deployed: Deployment) -> None:
    """Operator link → tenant → app → snippet → sign-in."""
    listener = bind([0])
    app = f"http://127.0.0.1:{listener.getsockname()[1]}"
    page = engineer.page
    assert "Begin with an app" in page.text_content("main")
    press(page, "Register an app")
    page.fill("#name", "Juniper Notes")
    page.fill("#redirect_uris", "not a uri")
    press(page, "Register")
    assert page.get_attribute("#redirect_uris", "aria-invalid") == "true"
    assert page.input_value("#name") == "Juniper Notes", "nothing typed is lost"
    page.fill("#redirect_uris", f"{app}/callback")
    press(page, "Register")
    issuer, client_id, secret = (value(page, name) for name in ("issuer", "client-id", "client-secret"))
    snippet = value(page, "snippet-authlib")
    assert client_id in snippet
    assert f"{issuer}/.well-known/openid-configuration" in snippet
    compile(re.sub(r"\bawait ", "", snippet), "snippet", "exec")
    engineer.look("app-ready")
    make_tenant(page, deployed, "firstday", "First Day Inc.")
    assert "Connect the identity provider first" in page.text_content("main")
    press(page, "Make a connection")
    page.fill("#name-saml", "Orchard")
    page.set_input_files("[data-drop=metadata_xml] input", str(METADATA / "sp_only.xml"))
    press(page, "Read it and make the connection")
    problem = page.text_content("[role=alert]")
    assert "service provider" in problem.lower(), problem
    page.fill("#metadata_xml", deployed.saml_logout.metadata())
    press(page, "Read it and make the connection")
    page.wait_for_selector("text=The connection is made")
    deployed.trusts_saml(value(page, "entity-id"), value(page, "acs-url"))
    home = page.url
    with page.expect_popup() as popup:
        page.click("main form[action$='/test'] button")
    popup.value.click("text=Start the test")
    at_the_idp(popup.value, ORCHARD)
    popup.value.wait_for_selector("text=did not pass")
    assert "is not a verified domain" in popup.value.text_content("main")
    popup.value.close()
    page.goto(f"{deployed.broker}/admin/t/firstday/domains")
    page.fill("#domain", ORCHARD.domain)
    press(page, "Claim it")
    page.click("summary:has-text('Accept it without')")
    page.fill("[id^=reason-]", "a demo's domain")
    press(page, "Accept it")
    page.wait_for_selector("text=verified")
    page.goto(home)
    with page.expect_popup() as popup:
        page.click("main form[action$='/test'] button")
    popup.value.click("text=Start the test")
    at_the_idp(popup.value, ORCHARD)
    popup.value.wait_for_selector("text=The test passed")
    popup.value.close()
    press(page, "Switch on")
    press(page, "Switch on")
    page.wait_for_selector("text=The connection is active")
    settings = Settings(issuer, client_id, secret, f"{app}/callback", f"{app}/signed-out")
    suggested = Account(ORCHARD.people[0].email, ORCHARD.people[0].password, ORCHARD.name, "saml")
    server = Server(listener, NotesSite(OidcClient(settings), [suggested], f"{deployed.broker}/account").application())
    server.start()
    try:
        with tab(chromium, PHONE) as opened:
            page = opened.page
            page.goto(app)
            page.fill("#email", ORCHARD.people[0].email)
            page.click("text=Continue")
            at_the_idp(page, ORCHARD)
            page.wait_for_selector("#tenant-id")
            assert page.text_content("#tenant") == "firstday"
    finally:
        server.ask_to_stop()
        server.join()
    give_up_the_domain(engineer.page, deployed, "firstday")
    engineer.look("domain-given-up")


def test_an_it_admin_connects_saml(chromium: Chromium, engineer: Tab, deployed: Deployment) -> None:
    """Wrong turns: our own kind of metadata instead of the provider's, and an answer for another audience."""
    link = sent_link(engineer, deployed, "samlco", "SAML & Co.", "domains", "sso")
    with tab(chromium, PHONE) as opened:
        page = opened.page
        open_link(page, link)
        opened.look("portal-domain")
        claim(page, deployed, ORCHARD.domain)
        choose(page, "Any other", "SAML")
        opened.look("portal-console")
        ours = through_the_console(page)
        deployed.trusts_saml(ours["our-entity-id"], ours["our-acs-url"])
        page.set_input_files("[data-drop=metadata_xml] input", str(METADATA / "sp_only.xml"))
        press(page, "Read it")
        assert "service provider" in page.text_content("[role=alert]").lower()
        opened.look("portal-metadata-wrong")
        page.fill("#metadata_xml", deployed.saml_logout.metadata())
        press(page, "Read it")
        page.wait_for_selector("h2:has-text('What was understood')")
        press(page, "That is right, go on")
        test_sign_in(page, lambda window: at_the_idp(window, ORCHARD, fault="wrong_audience"))
        page.wait_for_selector("text=Not yet.")
        told = page.text_content("#state")
        assert "audience" in told.lower()
        assert ours["our-entity-id"] in told, "what is expected is said"
        opened.look("portal-test-wrong")
        test_sign_in(page, lambda window: at_the_idp(window, ORCHARD))
        page.wait_for_selector("text=It works.")
        press(page, "Go on")
        page.fill("#role-0", "admin")
        press(page, "Save and go on")
        page.wait_for_url("**/finish")
        press(page, "Switch it on for everybody")
        page.wait_for_selector("h1:has-text('It is on')")
    front_door = f"{deployed.broker}/sso?email={ORCHARD.people[1].email}"
    assert ORCHARD.people[1].name in signs_in(chromium, front_door, ORCHARD, 1)


def test_an_it_admin_connects_openid_connect(chromium: Chromium, engineer: Tab, deployed: Deployment) -> None:
    """Wrong turns: an issuer where there is nothing, and tokens for another audience."""
    link = sent_link(engineer, deployed, "oidcco", "OpenID Co.", "domains", "sso")
    with tab(chromium) as opened:
        page = opened.page
        open_link(page, link)
        claim(page, deployed, HARBOR.domain)
        choose(page, "Any other", "OpenID Connect")
        ours = through_the_console(page)
        deployed.trusts_oidc(ours["our-redirect-uri"], "the-right-secret")
        page.fill("#issuer", f"{deployed.op.issuer}/nothing-here")
        page.fill("#client_id", "the-broker")
        page.fill("#client_secret", "the-right-secret")
        press(page, "Read it")
        page.wait_for_selector("[role=alert]")
        opened.look("portal-issuer-wrong")
        assert page.input_value("#client_id") == "the-broker"
        page.fill("#issuer", deployed.op.issuer)
        page.fill("#client_secret", "the-right-secret")
        press(page, "Read it")
        page.wait_for_selector("h2:has-text('What was understood')")
        press(page, "That is right, go on")
        deployed.op.other_audience = "somebody-else"
        test_sign_in(page, lambda window: at_the_idp(window, HARBOR))
        page.wait_for_selector("text=Not yet.")
        assert "somebody-else" in page.text_content("#state")
        deployed.op.other_audience = ""
        test_sign_in(page, lambda window: at_the_idp(window, HARBOR))
        page.wait_for_selector("text=It works.")
        opened.look("portal-test-passed")
        press(page, "Go on")
        opened.look("portal-attributes")
        press(page, "Save and go on")
        page.wait_for_url("**/finish")
        page.fill("#test_users", HARBOR.people[0].email)
        press(page, "Let these in")
        address = value(page, "test-address")
        opened.look("portal-finish")
        assert HARBOR.people[0].name in signs_in(chromium, address, HARBOR, 0)
        assert "Reference:" in signs_in(chromium, address, HARBOR, 1)
        press(page, "Switch it on for everybody")
        page.wait_for_selector("h1:has-text('It is on')")
        opened.look("portal-done")
    front_door = f"{deployed.broker}/sso?email={HARBOR.people[1].email}"
    assert HARBOR.people[1].name in signs_in(chromium, front_door, HARBOR, 1)


def test_an_it_admin_connects_scim(chromium: Chromium, engineer: Tab, deployed: Deployment) -> None:
    """Wrong turns: a token that is not the one, and a person without a name; both are put right while the page looks on."""
    link = sent_link(engineer, deployed, "scimco", "SCIM Co.", "scim")
    with tab(chromium, PHONE) as opened:
        page = opened.page
        open_link(page, link)
        press(page, "Set it up")
        base, token = value(page, "base-url"), value(page, "scim-token")
        page.wait_for_selector("text=Waiting for the first request")
        opened.look("portal-scim-waiting")
        user = {"schemas": [SCIM_USER], "userName": "ada@scimco.example", "active": True}
        with httpx2.Client(trust_env=False, timeout=30) as http:
            assert http.post(f"{base}/Users", json=user, headers={"authorization": f"Bearer {token}x"}).status_code == 401
            page.wait_for_selector("text=Waiting for the first request")
            http.headers["authorization"] = f"Bearer {token}"
            refused = http.post(f"{base}/Users", json={"schemas": [SCIM_USER]})
            assert refused.status_code == 400
            assert "userName" in refused.text, "the answer says what is missing"
            page.wait_for_selector("text=The first request has come")
            made = http.post(f"{base}/Users", json=user)
            assert made.status_code == 201
            page.wait_for_selector("text=1 so far")
            group = {"schemas": [SCIM_GROUP], "displayName": "Staff", "members": [{"value": made.json()["id"]}]}
            assert http.post(f"{base}/Groups", json=group).status_code == 201
            page.wait_for_selector("#scim li:nth-child(3) .badge.good")
        opened.look("portal-scim-done")
        press(page, "Go on")
        page.wait_for_selector("h1:has-text('That is all for now')")
