"""Which addresses an outbound call may reach."""

from __future__ import annotations

import ipaddress

import pytest

from idbroker.outbound.address_guard import may_reach

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "100.64.0.1", "100.100.100.200", "169.254.169.254", "169.254.170.2", "192.0.0.192", "192.0.2.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "168.63.129.16",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1",
    "100::1", "64:ff9b:1::1", "4000::1", "5f00::1", "::127.0.0.1",
]  # fmt: skip
WRAPPED = [
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:168.63.129.16",
    "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:a00:1::1",
    "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::a00:1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "52.95.110.1", "172.15.255.255", "172.32.0.1", "169.253.255.255", "169.255.0.1", "100.63.255.255",
    "100.128.0.1", "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450::1", "::ffff:8.8.8.8", "2002:808:808::1",
    "64:ff9b::8.8.8.8",
]  # fmt: skip


def teredo(client: str) -> str:
    """RFC 4380 4: the client's address stands inverted in the last 32 bits."""
    inverted = int(ipaddress.IPv4Address(client)) ^ 0xFFFFFFFF
    return str(ipaddress.IPv6Address((0x20010000 << 96) | (0x01010101 << 64) | inverted))


@pytest.mark.parametrize("text", [*PRIVATE, *WRAPPED, teredo("127.0.0.1"), teredo("10.0.0.1"), teredo("169.254.169.254")])
def test_what_is_not_the_open_internet_is_not_reached(text: str) -> None:
    assert not may_reach(ipaddress.ip_address(text), [])


@pytest.mark.parametrize("text", [*PUBLIC, teredo("8.8.8.8")])
def test_the_open_internet_is_reached(text: str) -> None:
    assert may_reach(ipaddress.ip_address(text), [])


@pytest.mark.parametrize(
    ("allowed", "text", "reached"),
    [
        ("10.1.0.0/16", "10.1.2.3", True),
        ("10.1.0.0/16", "10.2.0.1", False),
        ("10.1.0.0/16", "::ffff:10.1.2.3", True),
        ("10.1.0.0/16", "::ffff:10.2.0.1", False),
        ("10.1.0.0/16", "127.0.0.1", False),
        ("127.0.0.0/8", "127.0.0.1", True),
        ("127.0.0.0/8", "::1", False),
        ("::1/128", "::1", True),
        ("fd00::/8", "fd00::1", True),
        ("fd00::/8", "fe80::1", False),
        ("169.254.169.254/32", "169.254.169.254", True),
        ("0.0.0.0/0", "fd00::1", False),
        ("10.0.0.0/8", "8.8.8.8", True),
    ],
)
def test_what_the_operator_allows(allowed: str, text: str, reached: bool) -> None:
    assert may_reach(ipaddress.ip_address(text), [ipaddress.ip_network(allowed)]) is reached
