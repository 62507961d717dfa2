"""A passkey in chromium, with its virtual authenticator: added on the page of one's own, used on the sign-in page."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from idbroker.admins.operators import OperatorService
from idbroker.app import build, build_services
from idbroker.demo.servers import Server, bind
from idbroker.kernel.scope import Actor
from idbroker.settings import Settings
from tests.browser.chrome import MARKS, Chromium, Tab
from tests.support.databases import sqlite_urls

pytestmark = MARKS


@dataclass
class Site:
    url: str
    link: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    listener = bind(())
    url = f"http://localhost:{listener.getsockname()[1]}"
    given = {"public_url": url, "master_key": base64.b64encode(bytes(32)).decode()}
    services = build_services(Settings(database_url=sqlite_urls(tmp_path_factory.mktemp("site")).database, **given))
    with services.database.platform(Actor(type="operator", name="test")) as unit:
        secret = OperatorService().invite(unit, "ops@example.com")[1]
    server = Server(listener, build(services, run_worker=False).asgi)
    server.start()
    yield Site(url, f"{url}/admin/login/{secret}")
    server.ask_to_stop()
    server.join()
    services.close()


@pytest.fixture(scope="module")
def tab(chromium: Chromium) -> Iterator[Tab]:
    tab = Tab(chromium)
    yield tab
    tab.close()


def virtual_authenticator(tab: Tab, *, verifies: bool) -> tuple[Any, str]:
    devtools = tab.context.new_cdp_session(tab.page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": verifies, "automaticPresenceSimulation": True,
    }  # fmt: skip
    return devtools, devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def test_added_once_and_signed_in_with(site: Site, tab: Tab) -> None:
    page = tab.page
    page.goto(site.link)
    page.click("main button[type=submit]")
    page.wait_for_url("**/admin/overview")
    page.goto(f"{site.url}/admin/passkeys")
    tab.look("passkeys")  # before the authenticator, which goes with the first devtools session that is detached, as axe's is
    devtools, device = virtual_authenticator(tab, verifies=True)
    page.fill("#name", "Laptop")
    page.click("text=Add a passkey")
    page.wait_for_selector("text=Next time it signs you in")
    assert len(devtools.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]) == 1
    page.fill("#name", "Again")
    page.click("text=Add a passkey")
    page.wait_for_selector("text=This device has a passkey of yours here already")
    page.click("text=Sign out")
    page.wait_for_url("**/admin/sign-in")
    page.click("text=Use a passkey")
    page.wait_for_url("**/admin/overview")
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.click("text=Sign out")
    page.wait_for_url("**/admin/sign-in")
    page.click("text=Use a passkey")
    page.wait_for_selector("text=It was not done")
    tab.look("sign-in")
    assert tab.complaints == []
