"""Sealing what is somebody's in a record under a key that dies with him, and opening it as long as the key lives.

    sealed   [{"of": [person, …], "data": base64}]: AES-256-GCM over the canonical JSON of [[path, value], …]
    key      HMAC-SHA-256( the owners' keys in order, "idbroker record 1\\n" || the record's id || number of the item )

Each item has a key of its own, so that the nonce can be zero and a batch that is sealed again, after a kill, comes out the
same. The chain covers the sealed form: it verifies with or without the keys. Where a key is gone, null stays in its place.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from idbroker.audit.chain import canonical_value
from idbroker.audit.personal import Item, Path, owned, with_parts, without
from idbroker.storage.unit import TenantUnit

_CONTEXT = b"idbroker record 1\n"
_NONCE = bytes(12)
SEALED = "sealed"


@dataclass(frozen=True, slots=True)
class Owner:
    """By which id the trail names an owner, and the key; None once it was destroyed."""

    id: str
    key: bytes | None


class PersonKeys(Protocol):
    """Where the keys of persons are kept: in the main database, so that the store alone opens nothing."""

    def known(self, unit: TenantUnit, owners: Collection[str]) -> Mapping[str, Owner]:
        """Of those owners (ids and ``mailto:`` addresses) the ones that have a key, or had one."""
        ...

    def made(self, unit: TenantUnit, owners: Collection[str]) -> Mapping[str, Owner]:
        """A new key for each of those, who have none, in a unit that writes. Raises IntegrityError when another sealer makes
        one in the same moment."""
        ...

    def opening(self, unit: TenantUnit, ids: Collection[str]) -> Mapping[str, bytes]:
        """Id → key, of those that live."""
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """An event on its way into the chain: as it was recorded, and what of it is whose."""

    document: Mapping[str, Any]
    items: list[Item]

    @property
    def owners(self) -> set[str]:
        return {owner for item in self.items for owner in item.owners}


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the index of words gets of a sealed item: whose it is, and the text."""

    owners: tuple[str, ...]
    text: str


def drafted(document: Mapping[str, Any]) -> Draft:
    return Draft(document, owned(document))


def sealed(draft: Draft, owners: Mapping[str, Owner]) -> tuple[Mapping[str, Any], list[Indexed]]:
    """(the record as the chain covers it, what the index may hold). Of whom no key is left, nothing is kept."""
    if not draft.items:
        return draft.document, []
    entries: list[dict[str, Any]] = []
    index: list[Indexed] = []
    for item in draft.items:
        found = [owners[owner] for owner in item.owners]
        keys = [owner.key for owner in found]
        if None in keys:
            continue
        plain = canonical_value([[list(path), value] for path, value in item.parts])
        number = len(entries)
        cipher = AESGCM(_key(keys, str(draft.document["id"]), number))
        data = cipher.encrypt(_NONCE, plain, None)
        ids = [owner.id for owner in found]
        entries.append({"of": ids, "data": base64.b64encode(data).decode()})
        index.append(Indexed(tuple(dict.fromkeys(ids)), item.text))
    return {**without(draft.document, draft.items), SEALED: entries}, index


def owners_of(records: Sequence[Mapping[str, Any]]) -> set[str]:
    """The ids of everybody whose key is needed to open those records."""
    return {owner for record in records for entry in record.get(SEALED) or () for owner in entry["of"]}


def opened(record: dict[str, Any], keys: Mapping[str, bytes]) -> dict[str, Any]:
    """The record as people read it: without ``sealed``, and with ``erased`` where somebody's part is gone for ever."""
    entries = record.get(SEALED)
    if entries is None:
        return record
    shown, parts = {name: value for name, value in record.items() if name != SEALED}, []
    for number, entry in enumerate(entries):
        found = _opened(record, entry, number, keys)
        if found is None:
            shown["erased"] = True
        else:
            parts += found
    return with_parts(shown, parts)


def _opened(
    record: Mapping[str, Any], entry: Mapping[str, Any], number: int, keys: Mapping[str, bytes]
) -> list[tuple[Path, Any]] | None:
    found = [keys.get(owner) for owner in entry["of"]]
    if None in found:
        return None
    try:
        plain = AESGCM(_key(found, str(record["id"]), number)).decrypt(_NONCE, base64.b64decode(entry["data"]), None)
    except (InvalidTag, ValueError):
        return None  # a store that was tampered with shows nothing; the chain says where
    return [(tuple(path), value) for path, value in json.loads(plain)]


def _key(keys: Sequence[bytes | None], record_id: str, number: int) -> bytes:
    return hmac.digest(b"".join(key for key in keys if key), _CONTEXT + f"{record_id}\n{number}".encode(), "sha256")
