"""Every form of every page, sent by another site, and every page of a tenant with another tenant's ids in its address."""

from __future__ import annotations

import re
from typing import Any

import pytest

from idbroker.kernel.ids import new_id
from idbroker.web.route import OpenRoute, PageRoute
from tests.security.pages.test_markup import filled
from tests.support.hostile import Hostile
from tests.support.prefixes import PREFIXES
from tests.support.ui_world import BASE, Page, Person

EVIL = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
WITHOUT_A_SESSION = {
    "/oauth2/authorize": "a request of an app's, by form (OpenID Connect Core 3.1.2.1): it asks, as GET does",
    "/oauth2/logout": "the same: the page asks the person first",
    "/oauth2/token": "the app proves itself",
    "/oauth2/par": "the app proves itself",
    "/oauth2/revoke": "the app proves itself",
    "/oauth2/introspect": "the app proves itself",
    "/oauth2/userinfo": "by token",
    "/ssf/": "by token",
    "/signals/": "a signed token",
    "/saml/": "the identity provider's answer, bound to the browser by its attempt",
    "/oidc/": "the identity provider's, signed",
    "/{anywhere:path}": "an old address, which sends on to ours",
    "/test-sign-in/{link}": "begins a test in which nobody is signed in",
    "/sso/continue": "bound to the browser by its attempt: tried in a test of its own",
}
"""Paths that take a POST without a form of ours → why. What begins so is meant where it ends in a slash."""
ASKING = ("/admin/sign-in", "/admin/passkey/options", "/admin/passkey")
"""They sign nobody in by what another site could know, and hold the origin alone against the sender."""


def is_a_form(row: Any) -> bool:
    if row.method != "POST" or not isinstance(row, OpenRoute | PageRoute):
        return False
    path = row.path.removeprefix("/t/{slug}")
    return not any(path == known or (known.endswith("/") and path.startswith(known)) for known in WITHOUT_A_SESSION)


def visitor(hostile: Hostile, path: str) -> Person:
    if path.startswith("/setup/"):
        return hostile.guest
    return hostile.operator if path.startswith("/admin") else hostile.person


def changes(hostile: Hostile) -> list[str]:
    events = [event for trail in (None, hostile.slug) for event in hostile.world.events(trail)]
    return [event["id"] for event in events if event["action"] not in ("sign_in.refused", "limit.exceeded")]


def test_no_form_works_from_another_site(hostile: Hostile) -> None:
    """With all the cookies of whoever is signed in: by turns with our token from there, and without it from here."""
    before, tried = changes(hostile), 0
    tokens = {
        one: one.get(page).token
        for one, page in ((hostile.operator, "/admin/overview"), (hostile.guest, "/setup/steps/domain"))
    }
    for number, row in enumerate(filter(is_a_form, hostile.world.broker.rows)):
        path = filled(hostile, row.path).replace("{link}", "x")
        person = visitor(hostile, path)
        with_token = ({"csrf": tokens.get(person, "x")}, EVIL)
        without = ({"csrf": ""}, {"origin": BASE}) if row.path not in ASKING else with_token
        fields, headers = (with_token, without)[number % 2]
        answer = person.client.post(path, data=fields, headers=headers)
        assert answer.status_code in (400, 401, 403, 410), (path, answer.status_code)
        tried += 1
    assert tried > 80
    assert changes(hostile) == before


def test_an_attempt_belongs_to_one_browser(hostile: Hostile) -> None:
    """Login CSRF: a stranger's half of a sign-in is worth nothing in somebody else's browser, nor is his answer."""
    stranger, victim = hostile.world.browser(), hostile.world.browser()
    attempt = re.search(r'name="attempt" value="([^"]+)"', stranger.get("/sso").text)
    assert attempt is not None
    victim.get("/sso")
    fields = {"attempt": attempt[1], "email": "x@acme.example"}
    assert victim.client.post("/sso/continue", data=fields, headers=EVIL).status_code in (400, 403)
    begun = stranger.client.get(f"/sso?connection={hostile.ids['connection']}")
    answer = hostile.answered(victim, begun.headers["location"])
    assert answer.status_code in (400, 403)
    assert "Nobody is signed in" in victim.get("/account").text


@pytest.mark.parametrize("cookie", ["__Host-idb_admin", "__Host-idb_setup", "__Host-idb_session", "__Host-idb_browser"])
def test_what_was_planted_before_is_worth_nothing_after(hostile: Hostile, cookie: str) -> None:
    """Session fixation: every beginning gives secrets of its own."""
    victim, planted = hostile.world.browser(), "x" * 60
    victim.client.cookies.set(cookie, planted, domain="id.example.com")
    if "admin" in cookie:
        victim.post(hostile.world.login_link("'=ops|x@example.com"))
    elif "setup" in cookie:
        victim.post(hostile.setup_url.removeprefix(BASE))
    else:
        assert hostile.sign_in(victim).headers["location"] == "/account"
    assert victim.client.cookies[cookie] != planted


def test_another_tenants_ids_are_unknown_here(hostile: Hostile) -> None:
    """In the address of one's own pages; what is told is what is told of what does not exist."""
    owner = hostile.world.admin("globex")
    token, before, tried = owner.get("/admin/t/globex").token, changes(hostile), 0
    for screen in hostile.world.ui.screens:
        names = [name for name in re.findall(r"{(\w+)}", screen.row.path) if name != "tenant"]
        if not screen.row.path.startswith("/admin/t/{tenant}") or not set(names) & set(hostile.ids):
            continue
        seen = []
        for known in (hostile.ids, {}):
            ids = {"tenant": "globex", **{name: known.get(name) or unknown(name) for name in names}}
            path = re.sub(r"{(\w+)}", lambda found, ids=ids: ids[found[1]], screen.row.path)
            answer = owner.get(path) if screen.row.method == "GET" else owner.post(path, token=token)
            seen.append(said(answer, ids.values()))
        assert seen[0] == seen[1], screen.row.path
        assert screen.row.method == "GET" or 400 <= seen[0][0] < 500, screen.row.path
        tried += 1
    assert tried > 60
    assert changes(hostile) == before


def unknown(name: str) -> str:
    return "ABCD-EFGH" if name == "reference" else new_id(PREFIXES[name]) if name in PREFIXES else "x"


def said(answer: Page, ids: Any) -> tuple[int, str, str]:
    text, location = re.sub(r"req_\w+", "", answer.text), answer.location
    for one in sorted(ids, key=len, reverse=True):
        text, location = text.replace(one, "ID"), location.replace(one, "ID")
    return answer.status, location, re.sub(r'name="csrf" value="[^"]*"', "", text)
