"""If-Match and If-None-Match (RFC 9110 13.1, RFC 7644 3.14) as SCIM words their refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from idbroker.web import preconditions
from scim.errors import ScimError

is_known = preconditions.is_known


@dataclass(frozen=True, slots=True)
class Preconditions:
    """Of which versions a client wants a resource to be, and of which not, for its write to be done."""

    if_match: str | None = None
    if_none_match: str | None = None

    @staticmethod
    def of(headers: Mapping[str, str]) -> Preconditions:
        return Preconditions(headers.get("if-match"), headers.get("if-none-match"))

    def check(self, tag: str) -> None:
        """Raises ScimError 412 for a resource in another version, or in one that is not wanted."""
        check_match(self.if_match, tag)
        if is_known(self.if_none_match, tag):
            raise ScimError(None, "The resource is in a version that If-None-Match names.", status=412)


UNCONDITIONAL = Preconditions()


def check_match(header: str | None, tag: str | None) -> None:
    """Raises ScimError 412 unless the resource is in a version that the client names. ``tag`` None: there is none."""
    if not preconditions.matches(header, tag):
        raise ScimError(None, "The resource is in another version than the one that If-Match names.", status=412)
