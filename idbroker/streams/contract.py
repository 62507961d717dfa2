"""What a kind of receiver has to do, and the values that go in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import orjson

from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import TenantId
from idbroker.outbound.fetcher import Sender
from idbroker.outbound.tls_lines import TlsSender


@dataclass(frozen=True)
class Record:
    """A sealed record. ``document`` is its canonical JSON, as its hash covers it."""

    sequence: int
    id: str
    at: datetime
    document: str

    @cached_property
    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.document)
        return found


@dataclass(frozen=True)
class Destination:
    """A stream as its sink needs it: ``settings`` and ``secrets`` by the names of the form."""

    tenant: TenantId
    stream_id: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a batch. ``problem`` is None when all of it has arrived; it is a sentence for the tenant's admins."""

    problem: str | None = None
    status: int | None = None
    answer: str = ""
    retry_after: timedelta | None = None


class Sink(Protocol):
    def deliver(self, to: Destination, records: Sequence[Record]) -> Reply:
        """All of the records, in their order, or none that counts: a batch that failed is sent again whole. Raises nothing."""
        ...


@dataclass(frozen=True)
class Doors:
    """The ways out that sinks are given; they have no others. ``folder`` is the operator's, None where there is none."""

    sender: Sender
    tls: TlsSender
    clock: Clock
    folder: Path | None
