"""Every page of administration, of the setup portal and of signing in, in a demo that has been lived in: none is wider than a
phone or a desk, the console has no complaint, and axe finds no serious barrier in either scheme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from idbroker.demo.world import World, demo_world
from tests.browser.chrome import MARKS, PHONE, Chromium, Tab
from tests.support.clock import TestClock
from tests.support.lived_in import METADATA, Lived, lived_in
from tests.support.ui_world import UiWorld

pytestmark = [*MARKS, pytest.mark.timeout(600)]
APART = ("/export", "/state")
"""Downloads, and parts of pages."""
SESSIONS = ("admin", "setup")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("idbroker.app.LOOK_FOR_CONCERNS", timedelta(seconds=2))
        with demo_world(0) as world:
            yield world


@pytest.fixture(scope="module")
def lived(world: World) -> Iterator[Lived]:
    lived = lived_in(world)
    yield lived
    lived.api.close()


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Whose session → the paths of the pages that a browser can open by their address."""
    table = UiWorld(tmp_path_factory.mktemp("table"), TestClock())
    rows = [screen.row for screen in table.ui.screens if screen.row.method == "GET"]
    table.close()
    return {kind: [row.path for row in rows if row.session == kind and not row.path.endswith(APART)] for kind in SESSIONS}


@contextmanager
def tab(chromium: Chromium) -> Iterator[Tab]:
    opened = Tab(chromium, PHONE)
    yield opened
    opened.close()


def placed(path: str, lived: Lived) -> str:
    """The path with what was made in its place."""
    ids = {**lived.ids, "tenant": lived.tenant, "kid": "none", "number": "1"}
    if path.startswith("/admin/webhooks"):
        ids["webhook"] = ids["own_webhook"]
    return re.sub(r"{(\w+)}", lambda match: ids.get(match[1], "none"), path)


def name_of(path: str) -> str:
    return re.sub(r"[{}]", "", path.strip("/")).replace("/", ".")


def looked_through(opened: Tab, base: str, pages: dict[str, str]) -> None:
    """``pages``: name → address. All of them are seen before the first complaint is heard."""
    wrong: list[str] = []
    for name, path in pages.items():
        opened.page.goto(base + path)
        try:
            opened.look(name)
        except AssertionError as error:
            wrong.append(str(error))
        wrong += [f"{path}: the console says {told}" for told in opened.complaints]
        opened.complaints.clear()
    assert not wrong, "\n".join(wrong)


def test_every_page_of_administration(chromium: Chromium, world: World, lived: Lived, paths: dict[str, list[str]]) -> None:
    """As an operator who said why he is in ``orchard``."""
    with tab(chromium) as opened:
        opened.page.goto(world.admin_login)
        opened.look("admin.login")
        opened.page.click("main button[type=submit]")
        opened.page.wait_for_url("**/admin/overview")
        opened.page.goto(f"{world.broker}/admin/t/{lived.tenant}")
        opened.page.fill("#reason", "ticket 42")
        opened.page.click("text=Enter >> nth=-1")
        opened.page.wait_for_url(f"**/admin/t/{lived.tenant}")
        looked_through(opened, world.broker, {name_of(path): placed(path, lived) for path in paths["admin"]})


def test_every_page_of_the_portal(chromium: Chromium, world: World, lived: Lived, paths: dict[str, list[str]]) -> None:
    """Before anything was done, and with a provider, a domain and metadata."""
    with tab(chromium) as opened:
        opened.page.goto(lived.ids["setup_url"])
        opened.look("setup.link")
        opened.page.click("main button[type=submit]")
        looked_through(opened, world.broker, {f"{name_of(path)}.empty": placed(path, lived) for path in paths["setup"]})
        opened.page.goto(f"{world.broker}/setup/steps/domain")
        opened.page.fill("#domain", "portal.example")
        opened.page.click("text=Add it")
        opened.page.goto(f"{world.broker}/setup/steps/provider")
        opened.page.click(".tile button >> nth=0")
        opened.page.wait_for_url("**/console/1")
        opened.page.goto(f"{world.broker}/setup/steps/metadata")
        opened.page.fill("#metadata_xml", (METADATA / "two_certs.xml").read_text(encoding="utf-8"))
        opened.page.click("text=Read it >> nth=0")
        opened.page.wait_for_selector("h2:has-text('What was understood')")
        looked_through(opened, world.broker, {name_of(path): placed(path, lived) for path in paths["setup"]})


def test_every_page_of_people(chromium: Chromium, world: World, lived: Lived) -> None:
    """Those that lead to a provider or a session are in ``test_demo``."""
    for name, metadata in (("Head office", "okta"), ("Warehouse <3> of a rather long name that somebody thought of", "entra")):
        text = (METADATA / f"{metadata}.xml").read_text(encoding="utf-8")
        lived.api("POST", "/tenants/customer-01/connections", {"type": "saml", "name": name, "metadata_xml": text})
    lived.api("PATCH", "/tenants/customer-01/branding", {"name": "Borealis Health", "colour": "#c0307a"})
    invited = lived.api("POST", "/tenants/customer-01/admins", {"email": "new@borealis.example", "role": "owner"})["url"]
    pages = {
        "people.choose": "/sso?tenant=customer-01", "people.nobody": "/account", "people.gone": "/oauth2/resume?attempt=x",
        "people.unknown-tenant": "/sso?tenant=nobody", "people.unknown-app": "/oauth2/authorize?client_id=x",
        "people.sign-out": "/oauth2/logout", "people.unset": "/sso?tenant=customer-02", "people.german": "/sso?ui_locales=de",
        "people.test": "/test-sign-in/none", "admin.sign-in": "/admin/sign-in", "admin.gone": "/admin/login/none",
        "admin.invitation": invited.removeprefix(world.broker), "setup.gone": "/setup/none", "docs": "/api/docs",
    }  # fmt: skip
    with tab(chromium) as opened:
        looked_through(opened, world.broker, pages)
