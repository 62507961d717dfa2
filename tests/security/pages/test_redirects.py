"""Wherever an address can be named, hostile ones: the browser stays here, or goes to the customer's identity provider."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.support.hostile import Hostile, targets
from tests.support.ui_world import BASE, Page

ADDRESSES = (
    "https://evil.example", "//evil.example", "/\\evil.example", "https:evil.example", "https://app.example/cb.evil.example",
    "https://app.example@evil.example/cb", "https://evil.example/https://app.example/cb", "https://app.example/cb/../../evil",
    "https://app.example/cb#evil", "https://app.example:444/cb", "http://app.example/cb", "https://APP.example/cb/",
    "javascript:alert(1)//https://app.example/cb", "\thttps://evil.example", "https://id.example.com.evil.example/admin",
    "https://id.example.com%2f@evil.example/", "/admin/../..//evil.example", "data:text/html,x", "https://app.example/cb?x=1",
)  # fmt: skip
KNOWN = {"id.example.com", "idp.acme.example", ""}
"""Ours and the customer's identity provider; the app's own address is none of those that are tried."""


def ways(hostile: Hostile, address: str) -> list[tuple[str, str, dict[str, str]]]:
    """(method, path, parameters): every place in which a request may say where to go on."""
    asked = {"client_id": hostile.ids["client_id"], "response_type": "code", "scope": "openid", "state": "s", "nonce": "n"}
    challenge = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    connection = hostile.ids["connection"]
    anywhere = dict.fromkeys(("next", "return_to", "redirect", "url", "RelayState", "target_link_uri", "continue"), address)
    return [
        ("GET", "/oauth2/authorize", {**asked, **challenge, "redirect_uri": address}),
        ("POST", "/oauth2/authorize", {**asked, **challenge, "redirect_uri": address}),
        ("GET", "/t/acme/oauth2/authorize", {**asked, **challenge, "redirect_uri": address, "prompt": "none"}),
        ("GET", "/oauth2/authorize", {"client_id": asked["client_id"], "redirect_uri": address, "error": "x"}),
        ("GET", "/oauth2/logout", {"client_id": asked["client_id"], "post_logout_redirect_uri": address, "state": "s"}),
        ("POST", "/oauth2/logout", {"client_id": asked["client_id"], "post_logout_redirect_uri": address}),
        ("GET", "/oauth2/logout", {"post_logout_redirect_uri": address}),
        ("POST", "/oauth2/logout/confirm", {"post_logout_redirect_uri": address}),
        ("GET", "/sso", {"connection": connection, **anywhere}),
        ("GET", "/sso", {"email": address, **anywhere}),
        ("GET", "/sso/done", {"attempt": address, **anywhere}),
        ("GET", "/oauth2/resume", {"attempt": address, **anywhere}),
        ("GET", f"/saml/{connection}/slo", {"SAMLRequest": "x", **anywhere}),
        ("POST", f"/saml/{connection}/acs", {"SAMLResponse": "x", **anywhere}),
        ("GET", "/admin/sign-in", anywhere),
        ("POST", "/admin/sign-in", {"email": "x@acme.example", **anywhere}),
        ("GET", "/admin/sign-in/done", {"attempt": address, **anywhere}),
        ("GET", "/admin/tenants/acme/enter", anywhere),
        ("GET", "/admin", anywhere),
        ("GET", "/account", anywhere),
        ("GET", f"/{quote(address)}", {}),
        ("POST", f"/{quote(address)}", anywhere),
    ]


@pytest.mark.parametrize("address", ADDRESSES)
def test_nobody_is_led_elsewhere(hostile: Hostile, address: str) -> None:
    for person in (hostile.world.browser(), hostile.operator):
        for method, path, given in ways(hostile, address):
            sent: dict[str, Any] = {"params": given} if method == "GET" else {"data": given, "headers": {"origin": BASE}}
            page = Page(person.client.request(method, path, **sent))
            assert page.status < 500, (method, path, page.text)
            assert page.status != 429, path
            assert host(page.headers.get("location", "")) in KNOWN, (method, path)
            for target in targets(page.text) if "html" in page.headers.get("content-type", "") else ():
                assert host(target) in KNOWN, (method, path, target)


def host(location: str) -> str:
    """Where a browser would go (WHATWG URL 4.4: it takes a backslash for a slash and drops tabs)."""
    plain = location.replace("\\", "/").replace("\t", "").strip()
    if plain and not plain.startswith(("/", "?", "#", "https://", "http://")) and ":" in plain.partition("/")[0]:
        return plain
    return urlsplit(plain).hostname or ""


def test_an_answer_with_an_address_in_its_relay_state_leads_nowhere(hostile: Hostile) -> None:
    """SAML bindings 3.5.3: RelayState is the only way back, and ours names an attempt."""
    for address in ADDRESSES[:4]:
        browser = hostile.world.browser()
        begun = browser.client.get(f"/sso?connection={hostile.ids['connection']}")
        answer = hostile.answered(browser, begun.headers["location"], relay_state=address)
        assert answer.status_code in (400, 403), answer.text
        assert "location" not in answer.headers
