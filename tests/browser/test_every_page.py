"""Every page of administration in a demo that has been lived in, on a phone and on a desk, in both schemes: nothing is wider
than its screen, the console has no complaint, and axe finds no serious barrier."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from idbroker.demo.world import World, demo_world
from tests.browser.chrome import MARKS, Tab
from tests.support.clock import TestClock
from tests.support.lived_in import Lived, lived_in
from tests.support.ui_world import UiWorld

pytestmark = [*MARKS, pytest.mark.timeout(600)]
WAYS = [(390, 844, "light"), (1280, 800, "dark")]
DOWNLOADS = ("/export",)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with demo_world(0) as world:
        yield world


@pytest.fixture(scope="module")
def lived(world: World) -> Iterator[Lived]:
    lived = lived_in(world)
    yield lived
    lived.api.close()


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of every page that a browser can open by its address."""
    table = UiWorld(tmp_path_factory.mktemp("table"), TestClock())
    found = [screen.row.path for screen in table.ui.screens if screen.row.method == "GET" and screen.row.session == "admin"]
    table.close()
    return [path for path in found if not path.endswith(DOWNLOADS)]


@pytest.fixture(scope="module")
def visits(chromium: Any, world: World, lived: Lived) -> Iterator[dict[str, Tab]]:
    """An operator who said why he is in ``orchard``, once for each way of looking."""
    tabs: dict[str, Tab] = {}
    for number, way in enumerate(WAYS):
        tab = Tab(chromium, *way)
        link = (
            world.admin_login if number == 0 else lived.api("POST", "/operators", {"email": f"op{number}@demo.example"})["url"]
        )
        tab.page.goto(link)
        tab.page.click("main button[type=submit]")
        tab.page.wait_for_url("**/admin/overview")
        tab.page.goto(f"{world.broker}/admin/t/{lived.tenant}")
        tab.page.fill("#reason", "ticket 42")
        tab.page.click("text=Enter >> nth=-1")
        tab.page.wait_for_url(f"**/admin/t/{lived.tenant}")
        tabs[f"{way[0]}-{way[2]}"] = tab
    yield tabs
    for tab in tabs.values():
        tab.close()


def placed(path: str, lived: Lived) -> str:
    """The path with what was made in its place."""
    ids = {**lived.ids, "tenant": lived.tenant, "kid": "none"}
    if path.startswith("/admin/webhooks"):
        ids["webhook"] = ids["own_webhook"]
    return re.sub(r"{(\w+)}", lambda match: ids.get(match[1], "none"), path)


def name_of(path: str) -> str:
    return re.sub(r"[{}]", "", path.strip("/")).replace("/", ".")


@pytest.mark.parametrize("way", [f"{width}-{scheme}" for width, _, scheme in WAYS])
def test_every_page_of_administration(visits: dict[str, Tab], world: World, lived: Lived, paths: list[str], way: str) -> None:
    tab, wrong = visits[way], []
    mine = list(visits).index(way)
    for number, path in enumerate(paths):
        tab.page.goto(f"{world.broker}{placed(path, lived)}")
        try:
            tab.look(name_of(path))
        except AssertionError as error:
            wrong.append(str(error))
        if number % len(visits) == mine:  # each page is searched for barriers in one way of looking: it is the slow part
            wrong += [f"{path}: {told}" for told in tab.barriers()]
        wrong += [f"{path}: the console says {told}" for told in tab.complaints]
        tab.complaints.clear()
    assert not wrong, "\n".join(wrong)
