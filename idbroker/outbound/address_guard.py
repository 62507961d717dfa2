"""Which addresses an outbound call may reach. Pure: names are resolved elsewhere, once, and the answer is what is dialled."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")  # RFC 4291 2.4: all that was ever given out; the rest is local or unused
_NEVER: tuple[Network, ...] = (
    ipaddress.IPv4Network("168.63.129.16/32"),  # looks public, is the host agent of Azure machines
    ipaddress.IPv4Network("192.0.0.0/24"),  # RFC 6890; Oracle's metadata service is in it
)


def may_reach(address: Address, allowed: Sequence[Network]) -> bool:
    """Global unicast, or inside a range that the operator listed in IDBROKER_OUTBOUND_ALLOW.

    IPv6 forms that wrap an IPv4 address (mapped, 6to4, Teredo, NAT64) are judged by the address inside.
    """
    inner = _embedded(address)
    if inner is not None:
        return may_reach(inner, allowed)
    if _among(address, allowed):
        return True
    if _among(address, _NEVER) or (isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
