"""A request's body: JSON that has one reading only, bounded (RFC 7644 3.12 ``invalidSyntax``)."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from scim.errors import ScimError

Json = dict[str, Any]

MAX_BODY = 1024 * 1024
"""Bytes: the ``maxPayloadSize`` of Bulk, and of every other request."""
MAX_DEPTH = 12
"""Levels of objects and arrays. The deepest honest one, an operation of a Bulk with a PATCH inside, needs nine."""

_KEY_LIKE = re.compile(rb'"[ \t\r\n]*:')


def read_object(body: bytes, *, limit: int = MAX_BODY) -> Json:
    """The JSON object that a body is. Raises ScimError: 413 for too much, 400 ``invalidSyntax`` otherwise.

    Refused: names that occur twice, NaN and infinities, nesting beyond ``MAX_DEPTH``, lone surrogates, NUL, integers beyond
    64 bit, anything but an object at the top.
    """
    if len(body) > limit:
        raise ScimError(None, f"The body is larger than {limit} bytes.", status=413)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ScimError("invalidSyntax", "The body is not JSON in UTF-8.") from error
    if not isinstance(value, dict):
        raise ScimError("invalidSyntax", "The body must be a JSON object.")
    names = _walk(value, MAX_DEPTH)
    # The raw count never falls short of the real one; it exceeds the parsed one when names repeat or texts look like names.
    if len(_KEY_LIKE.findall(body)) != names:
        _refuse_repeated_names(body)
    return value


def _walk(value: Any, depth: int) -> int:
    """How many names there are; refuses what no store can hold."""
    if isinstance(value, str):
        if "\0" in value:
            raise ScimError("invalidSyntax", "A text in the body holds a NUL character.")
        return 0
    if isinstance(value, dict):
        _deeper(depth)
        return len(value) + sum(_walk(name, depth) + _walk(member, depth - 1) for name, member in value.items())
    if isinstance(value, list):
        _deeper(depth)
        return sum(_walk(item, depth - 1) for item in value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ScimError("invalidSyntax", "A number in the body does not fit into 64 bits.")
    return 0


def _deeper(depth: int) -> None:
    if depth <= 0:
        raise ScimError("invalidSyntax", f"The body is nested deeper than {MAX_DEPTH} levels.")


def _refuse_repeated_names(body: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ScimError("invalidSyntax", "A name occurs twice in an object of the body.")

    json.loads(body, object_pairs_hook=unique)
