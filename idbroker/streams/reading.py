"""Reading a trail on from a cursor, in pieces that receivers take."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from idbroker.audit.trail import Trail
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.storage.statements.sealing import last_sealed
from idbroker.storage.statements.streaming import sealed_after
from idbroker.streams.contract import Record

BATCH_RECORDS = 500
BATCH_BYTES = 750_000
"""Characters of JSON: receivers take a megabyte, some no more."""
FOREVER = 2**31 - 1
"""What a sequence may be at most (an INTEGER on every engine)."""


def next_batch(trail: Trail, tenant: TenantId, cursor: int, attempting: int | None) -> Sequence[Record]:
    """What comes behind ``cursor``: up to ``attempting`` where a batch was begun before, else as much as fits in one."""
    upto = FOREVER if attempting is None else attempting
    scope = TenantScope(tenant, SYSTEM)
    with trail.store.tenant(scope, read_only=True) as store:
        rows = sealed_after(store, cursor, upto=upto, limit=BATCH_RECORDS)
    shown = trail.opened_texts(scope, [row[3] for row in rows])
    taken: list[Record] = []
    size = 0
    for row, document in zip(rows, shown, strict=True):
        size += len(document)
        if taken and size > BATCH_BYTES and attempting is None:
            break
        taken.append(Record(row[0], row[1], row[2], document))
    return taken


def end_of_trail(trail: Trail, tenant: TenantId) -> int:
    """The last sequence that was sealed; 0 for none."""
    with trail.store.tenant(TenantScope(tenant, SYSTEM), read_only=True) as store:
        last = last_sealed(store)
    return 0 if last is None else last[0]


def waiting_since(trail: Trail, tenant: TenantId, cursor: int) -> datetime | None:
    """When the first record happened that has not arrived."""
    with trail.store.tenant(TenantScope(tenant, SYSTEM), read_only=True) as store:
        first = sealed_after(store, cursor, upto=FOREVER, limit=1)
    return first[0][2] if first else None
