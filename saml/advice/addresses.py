"""How two addresses or names that must be equal differ: the mistakes that are made by typing and by copying."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

Difference = Literal["slash", "case", "scheme", "other_connection", "host", "other", "missing"]

_CONNECTION = re.compile(r"/saml/(con_[A-Za-z0-9]+)/", re.ASCII)


def difference(expected: str, received: Sequence[str]) -> tuple[Difference, str]:
    """The most telling difference between what was expected and any of what came, and which one it was."""
    named = [one for one in received if one]
    if not named:
        return "missing", ""
    found = [(_difference(expected, one), one) for one in named]
    order: tuple[Difference, ...] = ("slash", "case", "scheme", "other_connection", "host", "other")
    return min(found, key=lambda pair: order.index(pair[0]))


def _difference(expected: str, received: str) -> Difference:
    if received.rstrip("/") == expected.rstrip("/"):
        return "slash"
    if received.casefold() == expected.casefold():
        return "case"
    if _without_scheme(received) == _without_scheme(expected):
        return "scheme"
    theirs, ours = _CONNECTION.search(received), _CONNECTION.search(expected)
    if theirs is not None and (ours is None or theirs[1] != ours[1]):
        return "other_connection"
    if ours is not None and theirs is not None and _host(received) != _host(expected):
        return "host"
    return "other"


def _without_scheme(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    return rest.rstrip("/") if separator and scheme.lower() in ("http", "https") else address


def _host(address: str) -> str:
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def same_host(one: str, other: str) -> bool:
    """Whether both are URLs of one host: another application or directory of the same identity provider."""
    return _host(one) != "" and _host(one) == _host(other)
