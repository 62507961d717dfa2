"""A trail as a stream: JSON lines, a table for spreadsheets, and the pack that ``audit/verify.py`` checks offline.

records.jsonl   the sealed records that are kept, oldest first, one canonical JSON object a line
heads.jsonl     the signed heads and cuts, oldest first, and the pack's own end
keys.json       the public keys of the signatures, each endorsed by the one before it
README.txt      what this is and how it is checked

The pack holds records as they were sealed, and of people no more than their ids: it may outlive them. The others show what is
somebody's, as long as it can be opened; ``hash`` is then that of the sealed form.

Nothing is built in memory, and no transaction is held while a slow reader reads: each page of records is read by itself,
which is safe because records never change.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from idbroker.audit.chain import canonical
from idbroker.audit.heads import AuditHeads
from idbroker.audit.notary import Notary
from idbroker.audit.records import AuditRecords
from idbroker.audit.search import TrailQuery, TrailSearch
from idbroker.audit.trail import Trail
from idbroker.kernel.scope import TenantScope

COLUMNS = (
    "sequence", "id", "ts", "action", "actor_type", "actor_id", "actor_name", "actor_ip", "actor_user_agent",
    "resource_type", "resource_id", "resource_name", "changes", "context", "auth_method", "session_id", "request_id", "hash",
)  # fmt: skip
_FORMULA_STARTS = tuple("=+-@|%\t\r\n＝＋－＠")
_LATER_FORMULA = re.compile(r"([;\n]\s*)(?=[=+\-@＝＋－＠])")
"""What begins another cell where a spreadsheet parts them at semicolons, as many languages' do, whatever RFC 4180 says."""
PAGE = 1000
PIECE = 65_536

README = """\
This is the audit trail of one tenant, sealed by an idbroker.

records.jsonl holds the records, oldest first. Each names the hash of the one before it (prev_hash) and its own:
    hash = SHA-256( prev_hash || canonical JSON of the record without "hash" )
Canonical JSON: keys sorted, no white space, UTF-8. The first record's prev_hash is 64 zeros.
What is somebody's (names, addresses, browsers) stands in a record's "sealed", under a key of that person's, and null in its
place. The broker shows it in its other exports until the person is erased; the hash covers the sealed form and holds anyway.

heads.jsonl holds signed heads, oldest first. Each says how many records there were (size), the last one's hash, and the
root of the Merkle tree over them (RFC 6962 2.1; leaf n is the hash of record n):
    signature = Ed25519( "idbroker audit head 1\\n" || canonical JSON of the head without "signature" )
    prev_head = SHA-256( the line before )
A head of the kind "cut" stands for records that were removed when their time was over: it has the tree's peaks as well, so
that the records behind it can be checked against every later head. The last line, of the kind "end", is the pack's own: how
many records, heads and keys there are.

keys.json holds the public keys, oldest first, each endorsed by the one before it:
    kid = the first 32 digits of SHA-256( public key )
    endorsement = Ed25519( "idbroker audit key 1\\n" || canonical JSON of the key without "endorsement" )

Check it, with no database and no network:  idbroker audit verify THIS-FILE
Compare the key that it tells with the broker's: GET /api/v1/audit-keys
"""


class Moved(Exception):
    """Records were removed by retention while they were being read: start again."""


def write_pack(trail: Trail, notary: Notary, scope: TenantScope, out: BinaryIO) -> int:
    """Write the tenant's sealed trail as a pack. Returns how many records are in it."""
    count = _Count()
    out.writelines(pack(trail, notary, scope, count))
    return count.records


class _Count:
    records = 0


def pack(trail: Trail, notary: Notary, scope: TenantScope, count: _Count | None = None) -> Iterator[bytes]:
    """The pack, piece by piece. The end is read first and the records stop there, so that what is sealed meanwhile does not
    make the two disagree."""
    count = count or _Count()
    with trail.store.tenant(scope, read_only=True) as unit:
        cut = unit[AuditHeads].last_cut()
    end, statement = notary.end(scope.tenant)
    heads = statement["heads"] if statement else None
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as file:
        with file.open(_entry("records.jsonl"), "w", force_zip64=True) as member:
            for page in _pages(trail, scope, cut.size if cut else 0, end.sequence):
                count.records += len(page)
                member.write(b"".join(canonical(record) + b"\n" for record in page))
                yield from pipe.taken()
        with file.open(_entry("heads.jsonl"), "w", force_zip64=True) as member:
            for number, line in enumerate(_head_lines(trail, scope), 1):
                if heads is not None and number > heads:
                    break  # signed after the end was read
                member.write(line.encode() + b"\n")
                yield from pipe.taken()
            if statement is not None:
                member.write(canonical(statement) + b"\n")
        file.writestr(_entry("keys.json"), canonical_list(notary.published_keys()) + b"\n")
        file.writestr(_entry("README.txt"), README)
    yield from pipe.taken(all_of_it=True)


def jsonl(trail: Trail, scope: TenantScope, query: TrailQuery) -> Iterator[bytes]:
    """The matching records, oldest first."""
    for page in matching(trail, scope, query):
        yield b"".join(canonical(record) + b"\n" for record in page)


def csv_table(trail: Trail, scope: TenantScope, query: TrailQuery) -> Iterator[bytes]:
    """RFC 4180. A cell that a spreadsheet would take for a formula is led by an apostrophe."""
    yield _csv_lines([COLUMNS])
    for page in matching(trail, scope, query):
        yield _csv_lines([safe_cell(value) for value in _cells(record)] for record in page)


def matching(trail: Trail, scope: TenantScope, query: TrailQuery) -> Iterator[list[dict[str, Any]]]:
    """The matching records, oldest first, page by page; all of those that were sealed when it began."""
    with trail.store.tenant(scope, read_only=True) as unit:
        after, last = unit[TrailSearch].span(query)
    while after < last:
        with trail.store.tenant(scope, read_only=True) as unit:
            page = unit[TrailSearch].between(query, after, min(last, after + PAGE))
        if page:
            yield trail.opened(scope, page)
        after += PAGE


def safe_cell(value: Any) -> str:
    text = _LATER_FORMULA.sub(r"\1'", "" if value is None else str(value))
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def canonical_list(documents: list[dict[str, Any]]) -> bytes:
    return b"[" + b",".join(map(canonical, documents)) + b"]"


def _csv_lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(record: Mapping[str, Any]) -> Iterator[Any]:
    for column in COLUMNS:
        group, _, member = column.partition("_")
        if group in ("actor", "resource"):
            yield record[group][member]
        elif column in ("changes", "context"):
            yield json.dumps(record[column], sort_keys=True, ensure_ascii=False)
        else:
            yield record[column]


def _pages(trail: Trail, scope: TenantScope, after: int, last: int) -> Iterator[list[dict[str, Any]]]:
    while after < last:
        with trail.store.tenant(scope, read_only=True) as unit:
            page = unit[AuditRecords].following(after, min(PAGE, last - after))
            cut = unit[AuditHeads].last_cut() if not page or page[0][0] != after + 1 else None
        if cut is not None and cut.size > after:
            raise Moved(f"records up to {cut.size} were removed meanwhile")
        kept = [record for place, record in page if place <= last]
        if not kept:
            return
        yield kept
        after = page[-1][0]


def _head_lines(trail: Trail, scope: TenantScope) -> Iterator[str]:
    after = 0
    while True:
        with trail.store.tenant(scope, read_only=True) as unit:
            page = unit[AuditHeads].following(after, PAGE)
        if not page:
            return
        yield from (document for _, document in page)
        after = page[-1][0]


class _Pipe(io.RawIOBase):
    """What the zip writer writes into and the stream takes out of. It cannot seek, so the writer does not look back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def taken(self, *, all_of_it: bool = False) -> Iterator[bytes]:
        if self._held and (all_of_it or len(self._held) >= PIECE):
            piece = bytes(self._held)
            self._held.clear()
            yield piece


def _entry(name: str) -> zipfile.ZipInfo:
    """The same trail makes the same pack, whenever it is written."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
