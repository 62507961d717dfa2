"""What an endpoint of the IdP answered: the kind of content that it says it is."""

from __future__ import annotations

from collections.abc import Mapping

_DOCUMENT = frozenset({"", "text/plain", "application/octet-stream", "binary/octet-stream"})
"""How file servers hand out a JSON file; a page for people is not among them."""


def media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(headers: Mapping[str, str]) -> bool:
    """RFC 6749 5.1, OIDC Core 5.3.2: ``application/json``; one that does not say is taken at its content."""
    kind = media_type(headers)
    return kind in ("", "application/json") or kind.endswith("+json")


def is_document(headers: Mapping[str, str]) -> bool:
    """The same for what may lie as a file on a server."""
    return is_json(headers) or media_type(headers) in _DOCUMENT
