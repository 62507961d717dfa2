"""Cursors (RFC 9865): where a list goes on, in a form that only we can write, good for one directory, one query, one hour."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from idbroker.directories.lists import Place
from scim.errors import ScimError

LIFETIME = timedelta(hours=1)


class Cursors:
    """``keys``: secrets that every process has, newest first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [hmac.new(key, b"idbroker scim cursor 2", hashlib.sha256).digest() for key in keys]

    def write(self, place: Place, bound_to: str, now: datetime) -> str:
        body = orjson.dumps([int((now + LIFETIME).timestamp()), *place])
        return _encoded(self._mac(self._keys[0], body, bound_to) + body)

    def read(self, text: str, bound_to: str, now: datetime) -> Place:
        """Raises ScimError ``invalidCursor`` for what we never wrote for this query, ``expiredCursor`` for what is too old."""
        raw = _decoded(text)
        mac, body = raw[:16], raw[16:]
        if not body or not any(hmac.compare_digest(self._mac(key, body, bound_to), mac) for key in self._keys):
            raise ScimError("invalidCursor", "The cursor is none of this list's: take it as it came, with the same query.")
        until, *place = orjson.loads(body)
        if until <= now.timestamp():
            raise ScimError("expiredCursor", "The cursor has expired: begin again without one.")
        return Place(*place)

    @staticmethod
    def _mac(key: bytes, body: bytes, bound_to: str) -> bytes:
        return hmac.new(key, bound_to.encode() + b"\0" + body, hashlib.sha256).digest()[:16]


def query_digest(*parts: Any) -> str:
    """What tells one query from another, short."""
    return hashlib.sha256(orjson.dumps([str(part) for part in parts])).hexdigest()[:32]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    return raw if _encoded(raw) == text else b""
