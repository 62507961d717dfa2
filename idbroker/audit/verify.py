"""The offline check of an audit pack: no database, no network, nothing of ours but this page. Read it; run it alone:

    python verify.py PACK.zip [--key KID]

What it holds the pack to:

    keys.json       each key's id is the hash of its public part; each is endorsed by the one before it, the first by itself
    heads.jsonl     numbered from 1, each with the hash of the one before it, each signed by one of the keys;
                    the last line is the pack's end: how many records, heads and keys there are
    records.jsonl   numbered without a gap from 1, or from where the newest cut ends; each bears the hash of the one before it,
                    and its own over all that it says; the Merkle tree over them (RFC 6962 2.1) has the root of every head

Whoever made the pack could have signed all of it with a key of his own: name the key that you know (``--key``), or compare
the one that is told with the broker's.
"""

from __future__ import annotations

import errno
import hashlib
import json
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_LINE = 8_000_000
"""Bytes. A record's texts are bounded when it is written; a longer line is not one of ours."""

MAX_KEYS_FILE = 10_000_000
MAX_DIRECTORY = 65_536
MEMBERS = frozenset({"records.jsonl", "heads.jsonl", "keys.json", "README.txt"})
GENESIS = "0" * 64
HEAD_CONTEXT, KEY_CONTEXT = b"idbroker audit head 1\n", b"idbroker audit key 1\n"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many records are good, or the first thing that is wrong: with a record, a head, a key, or the pack itself."""

    records: int
    fault: str | None = None
    kid: str | None = None
    """The newest key: every other one has led to it."""

    until: str | None = None
    """When the pack was made."""

    @property
    def good(self) -> bool:
        return self.fault is None

    def __str__(self) -> str:
        return f"ok {self.records} records" if self.fault is None else self.fault


class Wrong(Exception):
    """Something is not as it was sealed. The message names it and its position."""


class NoPack(Exception):
    """The file is not a pack, or not a whole one."""


def verify_pack(path: Path, *, key: str | None = None) -> Verdict:
    """Check everything. ``key``: the kid of a key that must be among the pack's. Raises OSError."""
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as pack:
            _check_members(pack)
            keys = _keys(pack, key)
            heads = _heads(pack, keys)
            with pack.open("records.jsonl") as file:
                count = _records(file, heads)
            end = heads.end
            if end is None:  # told last: why a broker does not sign the end of its trail is often seen in the records
                raise Wrong(f"head {heads.count + 1}: is missing, the pack has no signed end")
            if len(keys) != end["keys"]:
                raise Wrong(f"key {len(keys) + 1} (?): the pack's end says that there are {end['keys']}")
            return Verdict(count, None, end["kid"], end["ts"])
    except Wrong as wrong:
        return Verdict(0, str(wrong))
    except NoPack as error:
        return Verdict(0, f"this is not an audit pack: {error}")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        return Verdict(0, f"this is not an audit pack that can be read: {error}")
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return Verdict(0, "this is not an audit pack that can be read: it points to places that no file has")


# The container


def _check_directory(path: Path) -> None:
    """The zip's own table of contents, before anything unpacks it: four members need no more than a few hundred bytes."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_557))
        tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) < place + 22:
        raise NoPack("it is no zip file")
    entries, length = struct.unpack("<HL", tail[place + 10 : place + 16])
    wide = tail.rfind(b"PK\x06\x06", 0, place)
    if wide >= 0 and len(tail) >= wide + 56 and tail[place - 20 : place - 16] == b"PK\x06\x07":
        entries, length = struct.unpack("<QQ", tail[wide + 32 : wide + 48])
    if entries > 2 * len(MEMBERS) or length > MAX_DIRECTORY:
        raise NoPack("it holds other files than a pack does")


def _check_members(pack: zipfile.ZipFile) -> None:
    """The four members by their names, each once, and nothing else: no path can lead anywhere."""
    names = [member.filename for member in pack.infolist()]
    for name in names:
        if name not in MEMBERS:
            raise NoPack(f"{name[:60]!r} does not belong into one")
        if names.count(name) > 1:
            raise NoPack(f"{name} is in it more than once")
    for name in sorted(MEMBERS - {"README.txt"}):
        if name not in names:
            raise NoPack(f"{name} is missing")
    for member in pack.infolist():
        if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NoPack(f"{member.filename} is encrypted, or packed in a way that packs are not")


# The keys


def _keys(pack: zipfile.ZipFile, wanted: str | None) -> dict[str, Ed25519PublicKey]:
    """Key id → public key, in order. Raises Wrong."""
    with pack.open("keys.json") as file:
        raw = file.read(MAX_KEYS_FILE + 1)
    try:
        documents = _parsed(raw)
    except (ValueError, RecursionError) as error:
        raise NoPack("keys.json is not JSON") from error
    if len(raw) > MAX_KEYS_FILE or not isinstance(documents, list) or not all(isinstance(one, dict) for one in documents):
        raise NoPack("keys.json does not hold keys")
    if raw.removesuffix(b"\n") != canonical(documents):
        raise NoPack("keys.json is not in the canonical form in which it was written")
    keys: dict[str, Ed25519PublicKey] = {}
    for number, document in enumerate(documents, 1):
        name, previous = f"key {number} ({_shown(document.get('kid'))})", next(reversed(keys), None)
        try:
            raw_key = bytes.fromhex(document["public_key"])
            public = Ed25519PublicKey.from_public_bytes(raw_key)
            endorsement = bytes.fromhex(document["endorsement"])
        except (KeyError, TypeError, ValueError) as error:
            raise Wrong(f"{name}: is no key") from error
        if document.get("kid") != hashlib.sha256(raw_key).hexdigest()[:32] or document.get("kid") in keys:
            raise Wrong(f"{name}: its id is not that of its public part")
        if document.get("previous") != previous:
            raise Wrong(f"{name}: does not follow the key before it")
        endorser = keys[previous] if previous else public
        if not _signed(endorser, endorsement, KEY_CONTEXT + canonical(_without(document, "endorsement"))):
            raise Wrong(f"{name}: its endorsement does not hold")
        keys[document["kid"]] = public
    if wanted is not None and wanted not in keys:
        raise Wrong(f"key {_shown(wanted)}: is not among the keys of this pack")
    return keys


# The heads


@dataclass
class Heads:
    """``start``: the newest cut, or nothing. ``roots``: size → (head, root, last hash), what the records must come to."""

    tenant: str | None = None
    start: Mapping[str, Any] | None = None
    end: Mapping[str, Any] | None = None
    size: int = 0
    count: int = 0
    roots: dict[int, list[tuple[str, str, str]]] = field(default_factory=dict)

    def take(self, number: int, document: Mapping[str, Any], before: str) -> None:
        """The next head, its signature checked. Raises Wrong."""
        kind, size = document["kind"], document["size"]
        name = "the pack's end" if kind == "end" else f"head {number}"
        if kind == "end" and document["heads"] != number - 1:
            raise Wrong(f"head {number}: is missing, the pack's end says that there are {document['heads']}")
        if kind != "end" and document["number"] != number:
            raise Wrong(f"head {number}: head {document['number']} stands in its place")
        if document["prev_head"] != before:
            raise Wrong(f"{name}: does not follow the head before it")
        if self.tenant not in (None, document["tenant_id"]):
            raise Wrong(f"{name}: belongs to another tenant")
        if size > self.size if kind == "cut" else size < self.size:
            raise Wrong(f"{name}: is over {size} records, where a head before it is over {self.size}")
        self.tenant = document["tenant_id"]
        self.size = max(self.size, size)
        self.start = document if kind == "cut" else self.start
        self.end = document if kind == "end" else self.end
        self.roots.setdefault(size, []).append((name, document["root"], document["last_hash"]))


def _heads(pack: zipfile.ZipFile, keys: Mapping[str, Ed25519PublicKey]) -> Heads:
    """Raises Wrong."""
    heads, before, number = Heads(), GENESIS, 0
    with pack.open("heads.jsonl") as file:
        for line, document in _lines(file, "head"):
            number += 1
            if heads.end is not None:
                raise Wrong(f"head {number}: stands behind the pack's end")
            _check_head(f"head {number}" if document.get("kind") != "end" else "the pack's end", document, keys)
            heads.take(number, document, before)
            before = hashlib.sha256(line).hexdigest()
    heads.count = number
    return heads


_MEMBERS_OF_A_HEAD: Mapping[str, type] = {
    "kind": str, "tenant_id": str, "ts": str, "size": int, "root": str, "last_hash": str, "prev_head": str, "kid": str,
    "signature": str,
}  # fmt: skip
_MORE: Mapping[str, Mapping[str, type]] = {
    "head": {"number": int},
    "cut": {"number": int, "peaks": list, "why": dict},
    "end": {"heads": int, "keys": int},
}


def _check_head(name: str, document: Mapping[str, Any], keys: Mapping[str, Ed25519PublicKey]) -> None:
    expected = {**_MEMBERS_OF_A_HEAD, **_MORE.get(str(document.get("kind")), {})}
    if document.get("kind") not in _MORE or set(document) != set(expected):
        raise Wrong(f"{name}: is no head")
    if any(type(document[member]) is not kind for member, kind in expected.items()) or document["size"] < 0:
        raise Wrong(f"{name}: is no head")
    public = keys.get(document["kid"])
    if public is None:
        raise Wrong(f"{name}: is signed with key {_shown(document['kid'])}, which keys.json does not have")
    try:
        signature = bytes.fromhex(document["signature"])
    except ValueError as error:
        raise Wrong(f"{name}: its signature does not hold") from error
    if not _signed(public, signature, HEAD_CONTEXT + canonical(_without(document, "signature"))):
        raise Wrong(f"{name}: its signature does not hold")


# The records


def _records(file: IO[bytes], heads: Heads) -> int:
    """How many there are, all of them good. Raises Wrong."""
    size, last, peaks = _start(heads.start)
    first, due_in_all = size, heads.end["size"] if heads.end else None
    tenant = heads.tenant
    _check_roots(heads, size, peaks, last)
    for _, record in _lines(file, "record", size):
        due, name = size + 1, f"record {size + 1} ({_shown(record.get('id', '?'))})"
        tenant = tenant or record.get("tenant_id")  # without a head nothing says whose they are: then of one, whoever it is
        if record.get("tenant_id") != tenant:
            raise Wrong(f"{name}: belongs to another tenant")
        if record.get("sequence") != due or type(record.get("sequence")) is not int:
            raise Wrong(f"{name}: sequence {_shown(record.get('sequence'))} stands where {due} is due")
        if record.get("prev_hash") != last:
            raise Wrong(f"{name}: does not follow the record before it")
        if record.get("hash") != hashlib.sha256(last.encode() + canonical(_without(record, "hash"))).hexdigest():
            raise Wrong(f"{name}: its content is not what was sealed")
        if due_in_all is not None and size >= due_in_all:
            raise Wrong(f"{name}: stands behind the end of the trail, which has {due_in_all} records")
        last, size = record["hash"], due
        _grow(peaks, due - 1, last)
        _check_roots(heads, size, peaks, last)
    if size < max(heads.size, due_in_all or 0):
        raise Wrong(f"record {size + 1} (?): the trail ends at {size}, its head says {max(heads.size, due_in_all or 0)}")
    return size - first


def _start(cut: Mapping[str, Any] | None) -> tuple[int, str, list[bytes]]:
    """(how many records came before, the last one's hash, the tree's peaks): nothing, or what the newest cut stands for."""
    if cut is None:
        return 0, GENESIS, []
    try:
        peaks = [bytes.fromhex(peak) for peak in cut["peaks"]]
    except (TypeError, ValueError) as error:
        raise Wrong(f"head {cut['number']}: is no cut") from error
    if len(peaks) != cut["size"].bit_count():
        raise Wrong(f"head {cut['number']}: is no cut")
    return cut["size"], cut["last_hash"], peaks


def _check_roots(heads: Heads, size: int, peaks: list[bytes], last: str) -> None:
    for name, root, last_hash in heads.roots.get(size, ()):
        if _root(peaks) != root or (size and last_hash != last):
            raise Wrong(f"{name}: the first {size} records are not what it was signed over")


# The Merkle tree (RFC 6962 2.1), kept as the roots of its perfect subtrees


def _grow(peaks: list[bytes], place: int, record_hash: str) -> None:
    node = hashlib.sha256(b"\x00" + bytes.fromhex(record_hash)).digest()
    while place & 1:
        node = hashlib.sha256(b"\x01" + peaks.pop() + node).digest()
        place >>= 1
    peaks.append(node)


def _root(peaks: list[bytes]) -> str:
    if not peaks:
        return hashlib.sha256().hexdigest()
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = hashlib.sha256(b"\x01" + peak + root).digest()
    return root.hex()


# JSON: canonical is keys sorted, no white space, UTF-8


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _lines(file: IO[bytes], what: str, before: int = 0) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """(line, object), each exactly as it was written: what two readers could read differently is refused. Raises Wrong."""
    place = before
    while line := file.readline(MAX_LINE + 1):
        place += 1
        name = f"{what} {place} (?)" if what == "record" else f"{what} {place}"
        if len(line) > MAX_LINE:
            raise Wrong(f"{name}: is longer than any that was sealed")
        content = line.removesuffix(b"\n")
        try:
            document = _parsed(content)
            exact = isinstance(document, dict) and line.endswith(b"\n") and canonical(document) == content
        except (ValueError, RecursionError) as error:
            raise Wrong(f"{name}: is not a JSON object") from error
        if not isinstance(document, dict):
            raise Wrong(f"{name}: is not a JSON object")
        if not exact:
            name = name.replace("(?)", f"({_shown(document.get('id', '?'))})")
            raise Wrong(f"{name}: is not in the canonical form in which it was sealed")
        yield content, document


def _parsed(text: bytes) -> Any:
    return json.loads(text.decode(), parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _shown(value: Any) -> str:
    """What a pack says, for a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(value)[:60])


def _without(document: Mapping[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != member}


def _signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def main(arguments: list[str]) -> int:
    """``verify.py PACK.zip [--key KID]``"""
    if len(arguments) not in (1, 3) or arguments[1:2] not in ([], ["--key"]):
        sys.stderr.write("usage: verify.py PACK.zip [--key KID]\n")
        return 2
    verdict = verify_pack(Path(arguments[0]), key=arguments[2] if len(arguments) == 3 else None)
    sys.stdout.write(f"{verdict}\n")
    if verdict.good:
        sys.stderr.write(f"made {verdict.until}, signed with key {verdict.kid}\n")
    return 0 if verdict.good else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
