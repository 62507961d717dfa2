"""Debian's chromium, driven by playwright; tabs that notice what the console complains of; axe, which looks for barriers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parent / "vendored" / "axe.min.js"
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SCREENS = [(390, 844, "light"), (390, 844, "dark"), (1280, 800, "light"), (1280, 800, "dark")]
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed"),
]
SERIOUS = ("serious", "critical")


@contextmanager
def chromium_running() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


class Tab:
    """A page in a profile of its own that remembers what the console complained about."""

    def __init__(self, chromium: Any, width: int, height: int, scheme: str, **profile: Any) -> None:
        self.context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=False, **profile
        )
        self.context.set_default_timeout(40_000)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self._name = f"{width}-{scheme}"
        self.context.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: Any) -> None:
        # A refusal's page has a status of 400 and more, which the console reports as well.
        if message.type in ("error", "warning") and "the server responded with a status of" not in message.text:
            self.complaints.append(message.text)

    def look(self, name: str, page: Any = None) -> None:
        """No page is wider than its screen. With TEST_SHOTS=folder it keeps a picture too."""
        seen = page or self.page
        wide = seen.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide == 0, f"{name} is {wide} px wider than the screen"
        self.keep(name, seen)

    def keep(self, name: str, page: Any = None) -> None:
        folder = os.environ.get("TEST_SHOTS")
        if folder:
            (page or self.page).screenshot(path=f"{folder}/{name}-{self._name}.png", full_page=True)

    def barriers(self, page: Any = None) -> list[str]:
        """What axe finds serious or critical. The devtools' own way in: the page's policy stays as it is."""
        seen = page or self.page
        session = self.context.new_cdp_session(seen)
        session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        asked = "axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))"
        answer = session.send("Runtime.evaluate", {"expression": asked, "awaitPromise": True, "returnByValue": True})
        session.detach()
        assert "exceptionDetails" not in answer, answer
        return [_told(one) for one in json.loads(answer["result"]["value"]) if one["impact"] in SERIOUS]

    def close(self) -> None:
        self.context.close()


def _told(violation: dict[str, Any]) -> str:
    where = "; ".join(
        " ".join(map(str, node["target"])) + " " + (node.get("failureSummary") or "")[:200] for node in violation["nodes"][:3]
    )
    return f"{violation['impact']} {violation['id']}: {violation['help']} at {where}"
