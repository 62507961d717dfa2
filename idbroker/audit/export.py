"""A trail as files: JSON lines, a table for spreadsheets, and the pack that ``audit/verify.py`` checks offline.

records.jsonl   the sealed records, oldest first, one canonical JSON object a line
heads.jsonl     the end of the chain: tenant, how many records, the last one's hash
keys.json       public keys of signatures on heads; none are made yet
README.txt      what this is and how it is checked
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from idbroker.audit.chain import Head, canonical
from idbroker.audit.trail import AuditRecords, Trail
from idbroker.kernel.scope import TenantScope

COLUMNS = (
    "sequence", "id", "ts", "action", "actor_type", "actor_id", "actor_name", "actor_ip", "actor_user_agent",
    "resource_type", "resource_id", "resource_name", "changes", "context", "auth_method", "session_id", "request_id", "hash",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")

README = """\
This is the audit trail of one tenant, sealed by an idbroker.

records.jsonl holds the records, oldest first. Each names the hash of the one before it (prev_hash) and its own:
    hash = SHA-256( prev_hash || canonical JSON of the record without "hash" )
Canonical JSON: keys sorted, no white space, UTF-8. The first record's prev_hash is 64 zeros.
heads.jsonl says how many records the trail had when this was written, and the last one's hash.
keys.json holds the public keys of signatures on heads; it is empty while there are none.

Check it, with no database and no network:  idbroker audit verify THIS-FILE
"""


def write_pack(trail: Trail, scope: TenantScope, out: BinaryIO) -> int:
    """Write the tenant's sealed trail as a pack. Returns how many records are in it.

    The head is read first and the records stop there, so that what is sealed meanwhile does not make the two disagree.
    """
    head = trail.head(scope)
    count = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
        with pack.open(_entry("records.jsonl"), "w", force_zip64=True) as file:
            for record in _up_to(trail, scope, head):
                file.write(canonical(record) + b"\n")
                count += 1
        last = {"tenant_id": scope.tenant, "sequence": head.sequence, "hash": head.hash}
        pack.writestr(_entry("heads.jsonl"), canonical(last) + b"\n")
        pack.writestr(_entry("keys.json"), b"[]\n")
        pack.writestr(_entry("README.txt"), README)
    return count


def jsonl(records: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(canonical(record) + b"\n" for record in records)


def csv_table(records: Iterable[Mapping[str, Any]]) -> bytes:
    """RFC 4180. A cell that a spreadsheet would take for a formula is led by an apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for record in records:
        writer.writerow(safe_cell(value) for value in _cells(record))
    return text.getvalue().encode()


def safe_cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _cells(record: Mapping[str, Any]) -> Iterator[Any]:
    for column in COLUMNS:
        group, _, member = column.partition("_")
        if group in ("actor", "resource"):
            yield record[group][member]
        elif column in ("changes", "context"):
            yield json.dumps(record[column], sort_keys=True, ensure_ascii=False)
        else:
            yield record[column]


def _up_to(trail: Trail, scope: TenantScope, head: Head) -> Iterator[dict[str, Any]]:
    with trail.store.tenant(scope, read_only=True) as unit:
        for record in unit[AuditRecords].walk():
            if record["sequence"] > head.sequence:
                return
            yield record


def _entry(name: str) -> zipfile.ZipInfo:
    """The same trail makes the same pack, whenever it is written."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
