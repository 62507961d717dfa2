"""The hash chain: pure. Each record's hash covers its whole content, its sequence and the hash before it.

    hash = SHA-256( prev_hash || canonical JSON of the record without "hash" )

Canonical JSON: keys sorted, no white space, UTF-8. ``prev_hash`` of the first record is 64 zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many records it has, and the last one's hash."""

    sequence: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing wrong with a chain."""

    sequence: int
    record_id: str
    what: str

    def __str__(self) -> str:
        return f"record {self.sequence} ({self.record_id}): {self.what}"


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(document: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode(document).encode()


def canonical_value(value: Any) -> bytes:
    """The same of any JSON value."""
    return _ENCODER.encode(value).encode()


def link(document: Mapping[str, Any], before: Head) -> dict[str, Any]:
    """The document as the next record of the chain: with ``sequence``, ``prev_hash`` and ``hash``."""
    return written(document, before)[0]


def written(document: Mapping[str, Any], before: Head) -> tuple[dict[str, Any], str]:
    """The same, and its canonical JSON. What stands before and behind the hash is encoded once for both."""
    record = {**document, "sequence": before.sequence + 1, "prev_hash": before.hash}
    lead = _ENCODER.encode({name: value for name, value in record.items() if name < "hash"})[1:-1]
    rest = _ENCODER.encode({name: value for name, value in record.items() if name > "hash"})[1:-1]
    hashed = hashlib.sha256(f"{before.hash}{_joined(lead, rest)}".encode()).hexdigest()
    return {**record, "hash": hashed}, _joined(lead, f'"hash":"{hashed}"', rest)


def _joined(*members: str) -> str:
    return f"{{{','.join(filter(None, members))}}}"


def head_of(record: Mapping[str, Any]) -> Head:
    return Head(record["sequence"], record["hash"])


def first_fault(records: Iterable[Mapping[str, Any]], head: Head | None = None, *, after: Head | None = None) -> Fault | None:
    """Walk the records in order, from the first or behind ``after``. Finds a changed, removed, inserted or moved one, and a
    missing end when ``head`` is known."""
    before = after or Head()
    for record in records:
        sequence, name = record.get("sequence"), str(record.get("id", "?"))
        if sequence != before.sequence + 1:
            return Fault(before.sequence + 1, name, f"sequence {sequence} stands where {before.sequence + 1} is due")
        if record.get("prev_hash") != before.hash:
            return Fault(before.sequence + 1, name, "does not follow the record before it")
        if not _holds(record):
            return Fault(before.sequence + 1, name, "its content is not what was sealed")
        before = head_of(record)
    if head is not None and before != head:
        return Fault(before.sequence + 1, "?", f"the trail ends at {before.sequence}, its head says {head.sequence}")
    return None


def _holds(record: Mapping[str, Any]) -> bool:
    try:
        return bool(record.get("hash") == _hash({key: value for key, value in record.items() if key != "hash"}))
    except (ValueError, RecursionError):  # NaN, lone surrogates, endless nesting: nothing that was ever sealed holds them
        return False


def _hash(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(str(record["prev_hash"]).encode() + canonical(record)).hexdigest()
