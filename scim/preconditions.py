"""If-Match and If-None-Match (RFC 9110 13.1, RFC 7644 3.14) over strong versions."""

from __future__ import annotations

import re

from scim.errors import ScimError

_TAG = re.compile(r'\s*(W/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)')


def check_match(header: str | None, tag: str | None) -> None:
    """Raises ScimError 412 unless the resource is in a version that the client names. ``tag`` None: there is none."""
    if header is None or (header.strip() == "*" and tag is not None):
        return
    if not any(not weak and found == tag for weak, found in _tags(header)):  # 13.1.1: the strong comparison
        raise ScimError(None, "The resource is in another version than the one that If-Match names.", status=412)


def is_known(header: str | None, tag: str) -> bool:
    """Whether the client has that version already: 304."""
    if header is None:
        return False
    return header.strip() == "*" or any(found == tag for _, found in _tags(header))  # 13.1.2: the weak comparison


def _tags(header: str) -> list[tuple[bool, str]]:
    return [(bool(weak), tag) for weak, tag in _TAG.findall(header)]
