"""``If-Match`` and ``If-None-Match`` (RFC 9110 13.1): what a caller says of the version that it knows.

A tag may have two parts, ``"settings.whole"``: writes go by the first alone, so that a counter that moves by itself stops
nobody.
"""

from __future__ import annotations

import re

from idbroker.kernel.errors import Refusal

_TAG = re.compile(r'\s*(W/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)')


class VersionGone(Refusal):
    status = 412

    def __init__(self) -> None:
        public = "It was changed since you read it. Nothing was done; read it again and decide anew."
        super().__init__("precondition_failed", public)


def check_match(header: str | None, tag: str | None) -> None:
    """Raise VersionGone unless the resource is in a version that the caller names. ``tag`` None: there is no such resource."""
    if not matches(header, tag):
        raise VersionGone


def matches(header: str | None, tag: str | None) -> bool:
    if header is None or (header.strip() == "*" and tag is not None):
        return True
    wanted = _written(tag) if tag is not None else None
    return any(not weak and _written(found) == wanted for weak, found in _tags(header))  # 13.1.1: the strong comparison


def is_known(header: str | None, tag: str) -> bool:
    """Whether the caller has that version already: 304."""
    if header is None:
        return False
    return header.strip() == "*" or any(found == tag for _, found in _tags(header))  # 13.1.2: the weak comparison


def _written(tag: str) -> str:
    """The part that writes go by."""
    return tag.strip('"').partition(".")[0]


def _tags(header: str) -> list[tuple[bool, str]]:
    return [(bool(weak), tag) for weak, tag in _TAG.findall(header)]
