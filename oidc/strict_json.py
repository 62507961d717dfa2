"""The encodings below every token: JSON that has one reading only, and base64url in its one form.

BadToken    what is refused here and in ``oidc.jose``; ``reason`` is a short stable word
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

Json = dict[str, Any]

MAX_TOKEN = 64 * 1024
MAX_DEPTH = 16


class BadToken(ValueError):
    """``reason`` is stable: ``form``, ``json``, ``header``, ``algorithm``, ``type``, ``key``, ``signature``."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def strict_json(data: bytes | str, *, limit: int = MAX_TOKEN) -> Json:
    """A JSON object, as one parser only can read it. Raises BadToken("json").

    Refused: other encodings than UTF-8, names that occur twice at any level (RFC 8725 2.6), NaN and infinities, nesting
    beyond 16, lone surrogates and NUL (no store takes them), more than ``limit`` bytes.
    """
    if len(data) > limit:
        raise BadToken("json", f"more than {limit} bytes")
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_unique_names, parse_constant=_no_constant, parse_float=_finite)
        _bounded(value)
    except (ValueError, RecursionError) as error:
        raise BadToken("json", str(error)[:200]) from error
    if not isinstance(value, dict):
        raise BadToken("json", "not a JSON object")
    return value


def _unique_names(pairs: list[tuple[str, Any]]) -> Json:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name occurs twice in an object")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _bounded(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a text holds NUL")
        value.encode("utf-8")  # UnicodeEncodeError, a ValueError, for lone surrogates
    elif isinstance(value, dict):
        for name, member in value.items():
            _bounded(name, depth)
            _bounded(member, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _bounded(item, depth + 1)


def text_or(value: Any, default: str) -> str:
    return value if isinstance(value, str) else default


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64url_decode(text: str) -> bytes:
    """RFC 7515 2: the URL-safe alphabet, no padding, no line breaks, no stray bits. Raises BadToken("form")."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken("form", "not base64url") from error
    if b64url(data) != text:
        raise BadToken("form", "not base64url in its one form")
    return data
