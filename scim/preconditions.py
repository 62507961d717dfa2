"""If-Match and If-None-Match (RFC 9110 13.1, RFC 7644 3.14) as SCIM words their refusal."""

from __future__ import annotations

from idbroker.web import preconditions
from scim.errors import ScimError

is_known = preconditions.is_known


def check_match(header: str | None, tag: str | None) -> None:
    """Raises ScimError 412 unless the resource is in a version that the client names. ``tag`` None: there is none."""
    if not preconditions.matches(header, tag):
        raise ScimError(None, "The resource is in another version than the one that If-Match names.", status=412)
