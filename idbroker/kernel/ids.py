"""Identifiers: a type prefix and a time-ordered body, e.g. ``tnt_06b3kq…``.

The body is a UUIDv7 (RFC 9562 5.7) in Crockford base32, lower case, 26 characters. Text order is time order.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import NewType

from uuid6 import uuid7

TenantId = NewType("TenantId", str)
DomainId = NewType("DomainId", str)
ConnectionId = NewType("ConnectionId", str)
UserId = NewType("UserId", str)
GroupId = NewType("GroupId", str)
AppId = NewType("AppId", str)
SessionId = NewType("SessionId", str)
KeyId = NewType("KeyId", str)
RequestId = NewType("RequestId", str)

PLATFORM_TRAIL = TenantId("platform")
"""Stands where a tenant id would in rows and chains that belong to the operator alone."""

_END_OF_TIME = 253_402_300_799_000
"""Milliseconds: the last second of the year 9999. 48 bits go on for longer than dates do."""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET.encode())
_BODY = r"[0-9a-hjkmnp-tv-z]{26}"
_SHAPE = re.compile(rf"[a-z]{{3}}_{_BODY}")


def new_id(prefix: str) -> str:
    """A fresh identifier with the given three-letter prefix (CONTRACT: ``tnt``, ``usr``, ``con`` …)."""
    # 128 bits are the last 26 of the 32 characters that 160 bits make.
    return f"{prefix}_{base64.b32encode(uuid7().int.to_bytes(20)).translate(_CROCKFORD)[6:].decode()}"


def made_at(identifier: str) -> datetime:
    """When an identifier was made, by its own word (RFC 9562 5.7: 48 bits of milliseconds lead)."""
    number = 0
    for character in identifier.partition("_")[2]:
        number = number << 5 | _ALPHABET.index(character)
    return datetime.fromtimestamp(min(number >> 80 & 0xFFFF_FFFF_FFFF, _END_OF_TIME) / 1000, UTC)


def is_id(text: str, prefix: str) -> bool:
    """Whether ``text`` has the exact shape of an identifier of that type. Says nothing about existence."""
    return text.startswith(prefix + "_") and _SHAPE.fullmatch(text) is not None
