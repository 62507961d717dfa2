"""Domains, e-mail addresses and URLs: one spelling each, and nothing but BadAddress for what is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, strategies

from idbroker.kernel.addresses import (
    BadAddress,
    checked_url,
    email_domain,
    is_loopback_host,
    normal_domain,
    normal_email,
    parent_domains,
)
from tests.support.properties import any_text, repeatable


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("acme.com", "acme.com"),
        ("ACME.Com", "acme.com"),
        ("  acme.com \n", "acme.com"),
        ("acme.com.", "acme.com"),
        ("a.b.c.acme.co.uk", "a.b.c.acme.co.uk"),
        ("müller.de", "xn--mller-kva.de"),
        ("MÜLLER.de", "xn--mller-kva.de"),
        ("xn--mller-kva.de", "xn--mller-kva.de"),
        ("XN--MLLER-KVA.DE", "xn--mller-kva.de"),
        ("straße.de", "xn--strae-oqa.de"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("ａｃｍｅ．ｃｏｍ", "acme.com"),
        ("acme。com", "acme.com"),
        ("3m.com", "3m.com"),
        (f"{'a' * 63}.com", f"{'a' * 63}.com"),
    ],
)
def test_a_domain_has_one_spelling(text: str, domain: str) -> None:
    assert normal_domain(text) == domain


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", "..", "acme", "localhost", "acme..com", ".acme.com", "-acme.com", "acme-.com", "acme_corp.com",
        "a b.com", "acme.com/", "acme.com:443", "user@acme.com", "*.acme.com", "127.0.0.1", "1.2.3.4", "[::1]", "::1",
        "acme.123", f"{'a' * 64}.com", ".".join(["abcdefgh"] * 30) + ".com", "acme\x00.com", "acme\u202e.com", "\ud800.com",
        "xn--\xff.com", "xn--a.com", "☃.\u200dcom", "acme.com\\", "a\u0300" * 200 + ".com",
    ],
)  # fmt: skip
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        normal_domain(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("alice@acme.com", "alice@acme.com"),
        (" Alice.Doe+tag@ACME.com\t", "alice.doe+tag@acme.com"),
        ("alice@müller.de", "alice@xn--mller-kva.de"),
        ("o'neil@acme.com", "o'neil@acme.com"),
        ("a!#$%&'*+-/=?^_`{|}~z@acme.com", "a!#$%&'*+-/=?^_`{|}~z@acme.com"),
        (f"{'a' * 64}@acme.com", f"{'a' * 64}@acme.com"),
    ],
)
def test_an_address_has_one_spelling(text: str, address: str) -> None:
    assert normal_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "alice", "alice@", "@acme.com", "alice@acme", "a@b@acme.com", "alice acme.com", "a lice@acme.com",
        '"alice"@acme.com', "alice(comment)@acme.com", "<alice@acme.com>", "alice@[127.0.0.1]", "alice@127.0.0.1",
        ".alice@acme.com", "alice.@acme.com", "al..ice@acme.com", "älice@acme.com", "alice\x00@acme.com", "alice@acme.com\x00",
        "alice\r\nBcc:eve@acme.com", f"{'a' * 65}@acme.com", f"a@{'b.' * 130}com", "x" * 600, "alice@acme.com,eve@evil.com",
        "\ud800@acme.com", "ａlice@acme.com", "\u212a@acme.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        normal_email(text)


@pytest.mark.parametrize(
    ("url", "http_allowed", "good"),
    [
        ("https://acme.com/cb", False, True),
        ("https://acme.com:8443/cb?x=1&y=%20", False, True),
        ("https://[2001:db8::1]/cb", False, True),
        ("http://localhost:3000/cb", False, True),
        ("http://app.localhost/cb", False, True),
        ("http://127.0.0.1:3000/cb", False, True),
        ("http://[::1]:3000/cb", False, True),
        ("http://acme.com/cb", False, False),
        ("http://acme.com/cb", True, True),
        ("http://localhost.evil.com/cb", False, False),
        ("http://127.0.0.1.evil.com/cb", False, False),
        ("https:///cb", False, False),
        ("https://", False, False),
        ("//acme.com/cb", False, False),
        ("/cb", False, False),
        ("", False, False),
        ("javascript:alert(1)", True, False),
        ("data:text/html,x", True, False),
        ("ftp://acme.com/", True, False),
        ("https://user@acme.com/", False, False),
        ("https://user:pass@acme.com/", False, False),
        ("https://@acme.com/", False, False),
        ("https://acme.com@evil.com/", False, False),
        ("https://acme.com\\@evil.com/", False, False),
        ("https://acme.com/#x", False, False),
        ("https://acme.com/#", False, False),
        ("https://acme.com/a b", False, False),
        ("https://acme.com/\n", False, False),
        ("\thttps://acme.com/", False, False),
        ("https://acme.com/\x00", False, False),
        ("https://acme.com/<script>", False, False),
        ('https://acme.com/"', False, False),
        ("https://müller.de/", False, False),
        ("https://acme.com:99999/", False, False),
        ("https://acme.com:abc/", False, False),
        ("https://[::1/", False, False),
        ("https://[zz]/", False, False),
        ("https://acme.com/" + "a" * 2040, False, False),
    ],
)
def test_urls(url: str, http_allowed: bool, good: bool) -> None:
    if good:
        assert checked_url(url, http_allowed=http_allowed) == url
        return
    with pytest.raises(BadAddress):
        checked_url(url, http_allowed=http_allowed)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True), ("a.localhost", True), ("127.0.0.1", True), ("127.8.9.10", True), ("::1", True), ("[::1]", True),
        ("localhost.com", False), ("mylocalhost", False), ("10.0.0.1", False), ("0.0.0.0", False), ("", False),
        ("127.1", False),
    ],
)  # fmt: skip
def test_loopback_hosts(host: str, loopback: bool) -> None:
    assert is_loopback_host(host) is loopback


def test_parents_are_named_nearest_first() -> None:
    assert parent_domains("a.b.example.com") == ["b.example.com", "example.com"]
    assert parent_domains("example.com") == []


names = strategies.one_of(
    any_text,
    strategies.from_regex(r"[a-zA-Z0-9\u00c0-\u02af\u4e00-\u4e20.-]{1,40}", fullmatch=True),
    strategies.builds("xn--{}.com".format, strategies.from_regex(r"[a-z0-9-]{0,20}", fullmatch=True)),
    strategies.builds("{}.{}".format, any_text, any_text),
)
emails = strategies.one_of(any_text, strategies.builds("{}@{}".format, any_text, names))
urls = strategies.one_of(any_text, strategies.builds("https://{}/{}".format, any_text, any_text))


def only_bad_address(normal: Callable[[str], str], text: str) -> str | None:
    try:
        return normal(text)
    except BadAddress:
        return None


@repeatable
@given(names)
@example("xn--.com")
@example("xn--a-.com")
@example("\u3002a.b")
@example("a." + "\u00df" * 70)
def test_a_normal_domain_is_its_own_normal_form(text: str) -> None:
    domain = only_bad_address(normal_domain, text)
    if domain is not None:
        assert normal_domain(domain) == domain
        assert domain.isascii()
        assert domain == domain.lower()
        assert len(domain) <= 253
        assert "." in domain


@repeatable
@given(emails)
def test_a_normal_address_is_its_own_normal_form(text: str) -> None:
    address = only_bad_address(normal_email, text)
    if address is not None:
        assert normal_email(address) == address
        assert address.count("@") == 1
        assert normal_domain(email_domain(address)) == email_domain(address)


@repeatable
@given(urls, strategies.booleans())
def test_a_url_is_given_back_untouched_or_refused(text: str, http_allowed: bool) -> None:
    assert only_bad_address(lambda url: checked_url(url, http_allowed=http_allowed), text) in (None, text)
