"""Whether an address is one that the app has registered. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit


def is_registered(asked: str, registered: Sequence[str], *, public: bool) -> bool:
    """RFC 9700 4.1.3: equal, character by character. A public (native) client's loopback port may differ (RFC 8252 7.3)."""
    if asked in registered:
        return True
    return public and any(_same_but_port(asked, known) for known in registered)


def _same_but_port(asked: str, known: str) -> bool:
    one, other = _loopback(asked), _loopback(known)
    if one is None or other is None:
        return False
    # Compared as text around the port, so that no two spellings of one address are ever taken for each other.
    return one == other


def _loopback(url: str) -> tuple[str, str] | None:
    """(host, everything after the authority) of an http URL on a loopback IP literal, else None."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return None
    if not _is_loopback_literal(parts, host):
        return None
    return str(host), url[len("http://") + len(parts.netloc) :]


def _is_loopback_literal(parts: SplitResult, host: str | None) -> bool:
    if parts.scheme != "http" or not host or "@" in parts.netloc or "#" in parts.geturl():
        return False
    try:
        return ipaddress.ip_address(host).is_loopback  # RFC 8252 8.3: never the name localhost
    except ValueError:
        return False
