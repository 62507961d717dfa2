"""What holds for every page: strict headers, nothing inline, labels, assets from a fixed set."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import idbroker
from idbroker.kernel.errors import Refusal
from idbroker.login.refusals import RefusalRecorder
from idbroker.web.assets import STATIC
from tests.support.front_world import FrontWorld

PACKAGE = Path(idbroker.__file__).parent
TEMPLATES = sorted(PACKAGE.rglob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_templates_hold_nothing_inline(template):
    text = template.read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|\|\s*safe|autoescape", text)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_visible_field_has_its_label(template):
    text = template.read_text("utf-8")
    fields = re.findall(r"<input(?![^>]*type=\"hidden\")[^>]*\bid=\"([\w-]+)\"", text)
    assert len(fields) == len(re.findall(r"<input(?![^>]*type=\"hidden\")", text))
    for field in fields:
        assert f'<label for="{field}">' in text


@pytest.mark.parametrize("path", ["/sso", "/account", "/nothing", "/sso/done"])
def test_pages_bear_strict_headers(world: FrontWorld, path):
    headers = world.browser().get(path).headers
    policy = headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-request-id"].startswith("req_")


def test_a_page_that_leads_nowhere_else_may_post_to_us_only(world: FrontWorld):
    assert world.browser().get("/account").headers["content-security-policy"].endswith("form-action 'self'")


def test_assets_are_kept_for_good_under_the_address_that_pages_use(world: FrontWorld):
    page = world.browser().get("/sso").text
    addresses = re.findall(r'"(/assets/[^"]+)"', page)
    assert len(addresses) == 3
    for address in addresses:
        answer = world.browser().get(address)
        assert answer.status == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert world.browser().get("/assets/idbroker.css").headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize("name", ["VENDORED.md", "..%2fpages.py", "../pages.py", "x.css", "%00", ""])
def test_no_other_file_is_served(world: FrontWorld, name):
    assert world.browser().get(f"/assets/{name}").status == 404


def test_the_vendored_style_sheet_is_the_published_one():
    noted = re.search(r"`([0-9a-f]{64})`", (STATIC / "VENDORED.md").read_text("utf-8"))
    assert noted
    assert hashlib.sha256((STATIC / "pico.classless.min.css").read_bytes()).hexdigest() == noted.group(1)


def test_where_there_is_nothing_nothing_is_recorded(world: FrontWorld):
    page = world.browser().get("/nothing")
    assert (page.status, page.reference) == (404, None)


def test_a_refusal_that_cannot_be_recorded_is_a_page_all_the_same(world: FrontWorld, monkeypatch):
    def broken(*_: object) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(RefusalRecorder, "record", broken)
    page = world.browser().get("/sso", tenant="nobody")
    assert page.status == 400
    assert page.reference == page.headers["x-request-id"]


def test_a_fault_of_ours_shows_the_request_id_alone(world: FrontWorld, monkeypatch):
    def broken(*_: object, **__: object) -> str:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("idbroker.login.flow.new_secret", broken)
    page = world.browser().get("/sso")
    assert (page.status, page.reference) == (500, page.headers["x-request-id"])
    assert "hunter2" not in page.text


def test_too_many_attempts_say_when_to_try_again(world: FrontWorld, monkeypatch):
    def limited(*_: object, **__: object) -> str:
        raise Refusal("rate_limited", "Too many sign-ins from here.", status=429)

    monkeypatch.setattr("idbroker.login.flow.new_secret", limited)
    page = world.browser().get("/sso")
    assert (page.status, page.headers["retry-after"]) == (429, "60")
