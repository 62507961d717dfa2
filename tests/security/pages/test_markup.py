"""Every page, in a tenant whose every name is markup: it is all shown as text, and nothing runs, loads or may be framed."""

from __future__ import annotations

import re

import pytest

from idbroker.kernel.ids import new_id
from idbroker.web.route import PageRoute
from tests.support.hostile import ATTACK, ESCAPED, Hostile, intruders, targets
from tests.support.prefixes import PREFIXES
from tests.support.ui_world import Page, Person

OPEN_PAGES = (
    "/sso", "/account", "/admin/sign-in", "/api/docs", "/oauth2/authorize", "/oauth2/logout", "/nothing/here",
    "/sso/done", "/test-sign-in/done", "/test-sign-in/nothing", "/admin/login/nothing", "/admin/invitation/nothing",
    "/setup/nothing", "/oauth2/resume", "/t/acme/oauth2/authorize", "/t/nobody/oauth2/logout", "/saml/con_x/slo",
)  # fmt: skip
"""What needs no session; also the page of what is not there."""

PARAMETERS = (
    "email", "tenant", "connection", "attempt", "next", "q", "who", "group", "role", "client_id", "redirect_uri", "state",
    "scope", "ui_locales", "login_hint", "id_token_hint", "reference", "action", "post_logout_redirect_uri", "actor",
    "resource", "error", "error_description", "SAMLRequest", "SAMLResponse", "RelayState", "iss", "target_link_uri",
    "return_to", "url",
)  # fmt: skip
ELSEWHERE = "https://evil.example/" + ATTACK


def filled(hostile: Hostile, path: str) -> str:
    ids = {**hostile.ids, "tenant": hostile.slug, "kid": "none", "number": "1", "slug": hostile.slug}
    if path.startswith("/admin/webhooks"):
        ids["webhook"] = ids["own_webhook"]
    return re.sub(r"{(\w+)}", lambda found: ids.get(found[1]) or new_id(PREFIXES.get(found[1], "xxx")), path)


def rows(hostile: Hostile, session: str) -> list[str]:
    return [
        filled(hostile, row.path)
        for row in hostile.world.broker.rows
        if isinstance(row, PageRoute) and row.method == "GET" and row.session == session
    ]


def pages(hostile: Hostile) -> list[tuple[str, Person]]:
    """Every address of a page, with whoever may see it."""
    return [
        *((path, hostile.operator) for path in rows(hostile, "admin")),
        ("/admin/passkeys", hostile.operator),
        *((path, hostile.guest) for path in rows(hostile, "setup")),
        *((path, hostile.person) for path in OPEN_PAGES),
        (hostile.setup_url.removeprefix("https://id.example.com"), hostile.world.browser()),
    ]


@pytest.fixture(scope="module")
def looked_at(hostile: Hostile) -> dict[str, Page]:
    """Every page by its address."""
    answers = {path: person.get(path) for path, person in pages(hostile)}
    broken = [(path, page.text) for path, page in answers.items() if page.status >= 500]
    assert broken == []
    return {path: page for path, page in answers.items() if is_page(page)}


def is_page(answer: Page) -> bool:
    return answer.headers.get("content-type", "").startswith("text/html")


def test_what_is_planted_is_shown_as_text_everywhere(hostile: Hostile, looked_at: dict[str, Page]) -> None:
    assert {path: found for path, page in looked_at.items() if (found := intruders(page.text))} == {}
    shown = "".join(page.text for page in looked_at.values())
    assert [mark for mark in hostile.planted if mark not in shown] == [], "the walk sees all that was planted"


def test_what_the_address_says_is_shown_as_text_and_leads_nowhere(hostile: Hostile) -> None:
    echoed = 0
    for path, person in pages(hostile):
        page = Page(person.client.get(path, params=dict.fromkeys(PARAMETERS, ELSEWHERE)))
        assert page.status < 500, (path, page.text)
        assert page.status != 429, path
        assert "//evil.example" not in page.location, path
        if is_page(page):
            assert intruders(page.text) == [], path
            assert [target for target in targets(page.text) if "evil.example" in target.partition("?")[0]] == [], path
            echoed += "evil.example/" + ESCAPED in page.text
    assert echoed > 5


def test_every_page_is_fenced_in(looked_at: dict[str, Page]) -> None:
    for path, page in looked_at.items():
        policy = page.headers["content-security-policy"]
        for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert directive in policy, path
        assert "unsafe" not in policy, path
        assert page.headers["x-frame-options"] == "DENY", path
        assert page.headers["x-content-type-options"] == "nosniff", path
        assert page.headers["cache-control"] == "no-store" or path == "/api/docs", path


@pytest.mark.parametrize("html", [
    "<img src=x>", "<b onclick=x>", "<script>x</script>", "<script src=//evil></script>", "<a href=' JavaScript:x'>",
    "<base href=x>", "<iframe>", "<meta http-equiv=refresh>", "<p style=x>", "<form action='data:x'>",
])  # fmt: skip
def test_an_attack_is_recognised(html: str) -> None:
    assert len(intruders(f"<main>{html}</main>")) == 1


def test_what_is_ours_is_none() -> None:
    assert intruders('<script src="/assets/a.js" defer></script><a href="https://x">x</a><form action="/sso"></form>') == []
