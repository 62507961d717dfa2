"""The offline check of a pack: no database, no network, nothing but this page, ``audit/chain.py`` and the standard library."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from idbroker.audit.chain import Fault, Head, canonical, first_fault

MAX_LINE = 8_000_000
"""Bytes. A record's texts are bounded when it is written; a longer line is not one of ours."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many records are good, or the first thing that is wrong: with a record, or with the pack itself."""

    records: int
    fault: Fault | str | None = None

    @property
    def good(self) -> bool:
        return self.fault is None

    def __str__(self) -> str:
        return f"ok {self.records} records" if self.fault is None else str(self.fault)


class _BadRecord(Exception):
    """A line that is no record, met while the chain is walked."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class _NoPack(Exception):
    """The file is not a pack, or not a whole one."""


def verify_pack(path: Path) -> Verdict:
    """Walk the chain from its first record to its head. Raises OSError when the file cannot be opened."""
    try:
        with zipfile.ZipFile(path) as pack:
            tenant, head = _head(pack)
            with _opened(pack, "records.jsonl") as file:
                return Verdict(head.sequence, first_fault(_records(file, tenant), head))
    except _BadRecord as bad:
        return Verdict(0, bad.fault)
    except _NoPack as error:
        return Verdict(0, f"this is not an audit pack: {error}")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        return Verdict(0, f"this is not an audit pack that can be read: {error}")


def _head(pack: zipfile.ZipFile) -> tuple[str, Head]:
    """(the tenant, the end of its chain)."""
    with _opened(pack, "heads.jsonl") as file:
        lines = [line for line in (file.readline(MAX_LINE), file.readline(MAX_LINE)) if line.strip()]
    if len(lines) != 1:
        raise _NoPack("heads.jsonl must hold one line")
    try:
        head = _json(lines[0])
        tenant, sequence, last = head["tenant_id"], head["sequence"], head["hash"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _NoPack("heads.jsonl does not hold a head") from error
    if not isinstance(tenant, str) or type(sequence) is not int or not isinstance(last, str):
        raise _NoPack("heads.jsonl does not hold a head")
    return tenant, Head(sequence, last)


def _records(file: IO[bytes], tenant: str) -> Iterator[dict[str, Any]]:
    """The records, each exactly as it was sealed: what two readers could read differently is refused."""
    place = 0
    while line := file.readline(MAX_LINE):
        place += 1
        try:
            record = _json(line)
            exact = canonical(record) == line.removesuffix(b"\n")
        except (ValueError, TypeError, RecursionError) as error:
            raise _BadRecord(Fault(place, "?", "is not a JSON object")) from error
        name = str(record.get("id", "?"))
        if not exact:
            raise _BadRecord(Fault(place, name, "is not in the canonical form in which it was sealed"))
        if record.get("tenant_id") != tenant:
            raise _BadRecord(Fault(place, name, "belongs to another tenant"))
        yield record


def _json(line: bytes) -> dict[str, Any]:
    value = json.loads(line.decode(), parse_constant=_refuse_constant)
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _opened(pack: zipfile.ZipFile, name: str) -> IO[bytes]:
    try:
        return pack.open(name)
    except KeyError as error:
        raise _NoPack(f"{name} is missing") from error
