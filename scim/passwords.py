"""What the request log may keep of a request: no password, however it is written.

SCIM reads names without regard to case (RFC 7643 2.1), and JSON may write any letter as an escape. So what is looked for is
what a reader would find: texts decoded and folded.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_plus

import orjson

from scim.folding import fold

CUT = "…"
NOT_KEPT = "(not kept: it may hold a password)"
_BARE = re.compile(r"[\w.:,$-]*")
"""Names alone: no value beside them."""


def without_passwords(body: bytes) -> str:
    """The body with ``CUT`` for passwords and for filters that name one; ``NOT_KEPT`` where that cannot be told."""
    text = body.decode("utf-8", "replace")
    if "\\u" not in text and not _names_it(text):
        return text
    try:
        return orjson.dumps(_cut(orjson.loads(body))).decode()
    except (orjson.JSONDecodeError, TypeError, RecursionError):
        return NOT_KEPT


def query_without_passwords(query: str) -> str:
    """The same of a query as it stands in a URL."""
    return "&".join(_parameter(one) for one in query.split("&")) if _names_it(unquote_plus(query)) else query


def _parameter(text: str) -> str:
    name, _, value = text.partition("=")
    if _names_it(unquote_plus(name)):
        return CUT
    return text if _harmless(unquote_plus(value)) else f"{name}={CUT}"


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        of_password = any(fold(name) == "path" and _names_it(str(part)) for name, part in value.items())
        return {
            name if _harmless(name) else CUT: CUT if _names_it(name) or (of_password and fold(name) == "value") else _cut(part)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_cut(item) for item in value]
    return value if not isinstance(value, str) or _harmless(value) else CUT


def _names_it(text: str) -> bool:
    return "password" in fold(text)


def _harmless(text: str) -> bool:
    """Not a text that names a password and says something of it, as a filter does."""
    return not _names_it(text) or _BARE.fullmatch(text) is not None
