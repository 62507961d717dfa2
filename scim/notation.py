"""Attribute notation (RFC 7644 3.10): ``[URN:]name[.sub]``, read by its form alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LENGTH = 512

_NAME = re.compile(
    r"(?:(?P<urn>[A-Za-z][A-Za-z0-9:._-]*):)?(?P<name>\$?[A-Za-z][A-Za-z0-9_-]*)(?:\.(?P<sub>\$?[A-Za-z][A-Za-z0-9_-]*))?"
)


@dataclass(frozen=True, slots=True)
class Notation:
    """``urn:ietf:…:User:name.givenName`` in its parts. A bare URN looks like a name after a shorter URN: try ``text`` first."""

    text: str
    urn: str | None
    name: str
    sub: str | None


def read_notation(text: str) -> Notation | None:
    """None: it is not well-formed."""
    found = _NAME.fullmatch(text) if len(text) <= MAX_LENGTH else None
    return None if found is None else Notation(text, found["urn"], found["name"], found["sub"])
