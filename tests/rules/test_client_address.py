"""The caller's address behind proxies: who is believed, and how far."""

from __future__ import annotations

import ipaddress

import pytest

from idbroker.web.edge import client_address

TRUSTED = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
XFF, FORWARDED = "x-forwarded-for", "forwarded"


def address(client: str | None, *headers: tuple[str, str], trusted: bool = True) -> str | None:
    scope = {
        "client": None if client is None else (client, 1234),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    return client_address(scope, TRUSTED if trusted else [])


@pytest.mark.parametrize(
    ("client", "headers", "seen"),
    [
        (None, [], None),
        (None, [(XFF, "203.0.113.9")], None),
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", [(XFF, "198.51.100.1")], "203.0.113.9"),
        ("10.0.0.1", [(XFF, "198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, "1.2.3.4, 198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, "198.51.100.1, 10.0.0.2")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, "198.51.100.1 ,10.0.0.3,  10.0.0.2")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, "1.2.3.4"), (XFF, "198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, "198.51.100.1"), (XFF, "10.0.0.2")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, "2001:db8::1")], "2001:db8::1"),
        ("10.0.0.1", [(XFF, "2001:DB8:0::1")], "2001:db8::1"),
        ("10.0.0.1", [(XFF, "198.51.100.1:4711")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, "[2001:db8::1]:4711")], "2001:db8::1"),
        ("10.0.0.1", [(XFF, "[2001:db8::1]")], "2001:db8::1"),
        ("10.0.0.1", [(XFF, "10.0.0.2, 10.0.0.3")], "10.0.0.1"),
        ("10.0.0.1", [(XFF, "")], "10.0.0.1"),
        ("10.0.0.1", [(XFF, "unknown")], "10.0.0.1"),
        ("10.0.0.1", [(XFF, "198.51.100.1, <script>")], "10.0.0.1"),
        ("10.0.0.1", [(XFF, "198.51.100.1, \xff")], "10.0.0.1"),
        ("fd00::1", [(XFF, "198.51.100.1")], "198.51.100.1"),
        ("::ffff:10.0.0.1", [(XFF, "198.51.100.1")], "198.51.100.1"),
        ("::ffff:203.0.113.9", [], "203.0.113.9"),
        ("10.0.0.1", [(FORWARDED, "for=198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [(FORWARDED, 'For="[2001:db8::1]:4711";proto=https')], "2001:db8::1"),
        ("10.0.0.1", [(FORWARDED, "for=1.2.3.4, for=198.51.100.1;by=10.0.0.9, for=10.0.0.2")], "198.51.100.1"),
        ("10.0.0.1", [(FORWARDED, "for=_hidden, for=10.0.0.2")], "10.0.0.1"),
        ("10.0.0.1", [(FORWARDED, "proto=https")], "10.0.0.1"),
        ("10.0.0.1", [(FORWARDED, "for=1.2.3.4"), (XFF, "198.51.100.1")], "198.51.100.1"),
        ("203.0.113.9", [(FORWARDED, "for=198.51.100.1")], "203.0.113.9"),
        ("testclient", [], "testclient"),
    ],
)
def test_addresses(client: str | None, headers: list[tuple[str, str]], seen: str | None) -> None:
    assert address(client, *headers) == seen


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert address("10.0.0.1", (XFF, "198.51.100.1"), (FORWARDED, "for=198.51.100.1"), trusted=False) == "10.0.0.1"
