"""Debian's chromium, driven by playwright; tabs that notice what the console complains of; axe, which looks for barriers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parent / "vendored" / "axe.min.js"
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE, DESK = (390, 844), (1280, 800)
SCREENS = [(PHONE, "light"), (PHONE, "dark"), (DESK, "light"), (DESK, "dark")]
SEARCHED = [(PHONE, "light"), (DESK, "dark")]
"""The ways of looking in which axe searches: it is the slow part. In the second one only for what a look can change."""
LOOKS = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size")
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed"),
]
SERIOUS = ("serious", "critical")
_MAKE_UP = """[...new Set([...document.querySelectorAll("body, body *")].map(
    one => [one.tagName, one.className, one.getAttribute("type"), one.getAttribute("role")].join(".")))].sort().join(" ")"""
"""Which kinds of elements a page has: pages of one template that show more of the same are made up alike."""


@dataclass
class Chromium:
    """``searched``: the make-up of every page in which axe has searched already."""

    browser: Any
    searched: set[str] = field(default_factory=set)


@contextmanager
def chromium_running() -> Iterator[Chromium]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield Chromium(browser)
        browser.close()


class Tab:
    """A page in a profile of its own that remembers what the console complained about."""

    def __init__(self, chromium: Chromium, size: tuple[int, int] = DESK, scheme: str = "light", **profile: Any) -> None:
        self._chromium = chromium
        self._size, self._scheme = size, scheme
        # Without motion, so that axe never measures a colour on its way to another one.
        still = {"viewport": _viewport(size), "color_scheme": scheme, "reduced_motion": "reduce"}
        self.context = chromium.browser.new_context(**still, **profile)
        self.context.set_default_timeout(40_000)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.context.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: Any) -> None:
        # A refusal's page has a status of 400 and more, which the console reports as well.
        if message.type in ("error", "warning") and "the server responded with a status of" not in message.text:
            self.complaints.append(message.text)

    def look(self, name: str, page: Any = None) -> None:
        """The page is never wider than a screen, and axe finds no serious barrier where it is made up as none was before.

        With TEST_SHOTS=folder it is kept as a picture in every way of looking too.
        """
        seen, wrong = page or self.page, []
        for size in (PHONE, DESK):
            seen.set_viewport_size(_viewport(size))
            wide = seen.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            wrong += [f"{wide} px wider than a screen of {size[0]}"] if wide else []
        make_up = seen.evaluate(_MAKE_UP)
        if make_up not in self._chromium.searched:
            self._chromium.searched.add(make_up)
            for number, (size, scheme) in enumerate(SEARCHED):
                self._turn(seen, size, scheme)
                wrong += self.barriers(seen, LOOKS if number else None)
        if os.environ.get("TEST_SHOTS"):
            for size, scheme in SCREENS:
                self._turn(seen, size, scheme)
                self.keep(f"{name}-{size[0]}-{scheme}", seen)
        self._turn(seen, self._size, self._scheme)
        assert not wrong, f"{name}: " + "; ".join(wrong)

    def _turn(self, page: Any, size: tuple[int, int], scheme: str) -> None:
        page.set_viewport_size(_viewport(size))
        page.emulate_media(color_scheme=scheme)

    def keep(self, name: str, page: Any = None) -> None:
        folder = os.environ.get("TEST_SHOTS")
        if folder:
            (page or self.page).screenshot(path=f"{folder}/{name}.png", full_page=True, animations="disabled", timeout=120_000)

    def barriers(self, page: Any = None, rules: Sequence[str] | None = None) -> list[str]:
        """What axe finds serious or critical, by all of its rules or by some. The devtools' own way in: the page's policy stays
        as it is."""
        seen = page or self.page
        session = self.context.new_cdp_session(seen)
        if not session.send("Runtime.evaluate", {"expression": "'axe' in window"})["result"]["value"]:
            session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        asked = f"axe.run(document, {json.dumps(options)}).then(r => JSON.stringify(r.violations))"
        answer = session.send("Runtime.evaluate", {"expression": asked, "awaitPromise": True, "returnByValue": True})
        session.detach()
        assert "exceptionDetails" not in answer, answer
        return [_told(one) for one in json.loads(answer["result"]["value"]) if one["impact"] in SERIOUS]

    def close(self) -> None:
        self.context.close()


def _viewport(size: tuple[int, int]) -> dict[str, int]:
    return {"width": size[0], "height": size[1]}


def _told(violation: dict[str, Any]) -> str:
    where = "; ".join(
        " ".join(map(str, node["target"])) + " " + (node.get("failureSummary") or "")[:200] for node in violation["nodes"][:3]
    )
    return f"{violation['impact']} {violation['id']}: {violation['help']} at {where}"
