"""The trail: sealed records in a store of their own. The worker is its only writer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError

from idbroker.audit.chain import Head, canonical, head_of, written
from idbroker.audit.events import is_told
from idbroker.audit.feed import Feed, FeedOrder, Told, told_event
from idbroker.audit.outbox import Outbox, OutboxRow, waiting_events
from idbroker.audit.person_seal import Draft, Indexed, Owner, PersonKeys, drafted, opened, owners_of, sealed
from idbroker.audit.records import AuditRecords
from idbroker.audit.search import Found, TrailQuery, TrailSearch
from idbroker.kernel.clock import last_days
from idbroker.kernel.errors import Refusal
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.storage.database import Database
from idbroker.storage.rows import TenantRow
from idbroker.storage.statement import insert_many
from idbroker.storage.statements.sealing import last_sealed, note_end, noted_end
from idbroker.storage.unit import PlatformUnit, TenantRepository, TenantUnit

SEAL_BATCH = 1000
"""Records in one go, of however many tenants."""

ITEMS_AT_ONCE = 200
"""Of the index of words, in one transaction."""

TENANTS_AT_ONCE = 1000
TENANTS_TOGETHER = 50
ROUNDS = 20
"""A flood is sealed in turns, so that it holds up neither other tenants nor the worker's other jobs."""

log = structlog.get_logger("idbroker.audit")


class TrailHead(TenantRow, table=True):
    """The end of a tenant's chain, kept in the main database: a trail that was cut short does not match it."""

    __tablename__ = "trail_heads"

    sequence: int
    hash: str


class TrailHeads(TenantRepository):
    def get(self) -> Head:
        row = self.keyed(TrailHead)
        return Head(row.sequence, row.hash) if row else Head()

    def advance(self, head: Head) -> None:
        """Never backwards: a slower sealer may come after a faster one."""
        if not note_end(self.unit, head.sequence, head.hash) and noted_end(self.unit) is None:
            insert_many(self.unit, TrailHead, [{"sequence": head.sequence, "hash": head.hash}])


class Trail:
    """Seals what waits in the outbox, and reads what was sealed.

    ``people`` keeps the keys under which what is somebody's is sealed in the records; without it, it stands there in clear.
    """

    def __init__(self, database: Database, store: Database, people: PersonKeys | None = None) -> None:
        self._database = database
        self._people = people
        self.store = store
        self.on_sealed: list[Callable[[TenantId, int], None]] = []
        """Each is told of every tenant of which so many records were sealed here (the notary, the survey)."""
        self.while_sealing: Callable[[PlatformUnit, Sequence[TenantId]], None] = lambda main, tenants: None
        """Done in the transaction that takes a batch of these tenants out of the outbox (waking streams)."""

    def seal_all(self) -> int:
        """Seal what waits, in turns. Returns how many records were sealed.

        Turns end when one has left nothing behind. What came meanwhile waits for the next time: a turn costs about as much for
        a hundred events as for five, and under load there would always be five. A tenant that cannot be sealed is left for the
        next time too and stops no other.
        """
        sealed = 0
        for _ in range(ROUNDS):
            together = self._who_waits()
            more = any(len(tenants) == TENANTS_AT_ONCE for tenants in together)
            for group in _groups(together):
                done = self._seal_group(group)
                sealed += done
                more |= done >= _each_of(group)
            if not more:
                break
        return sealed

    def _who_waits(self) -> list[list[TenantId]]:
        """The tenants of which events wait, those of one cell together."""
        table = OutboxRow.__table__  # type: ignore[attr-defined] # set by SQLModel
        return [sorted(tenants) for tenants in self._database.tenants_in(table, TENANTS_AT_ONCE).values()]

    def seal(self, tenant: TenantId, limit: int = SEAL_BATCH) -> int:
        """Move up to ``limit`` events of one tenant into its chain, in order. Returns how many left the outbox.

        Raises IntegrityError when another sealer was faster.
        """
        return self._seal([tenant], limit)

    def _seal_group(self, tenants: Sequence[TenantId]) -> int:
        """Several tenants in the same three transactions: where one of them fails, each in its own."""
        try:
            return self._seal(tenants, _each_of(tenants))
        except Exception as error:
            if len(tenants) == 1:
                # Another sealer may be at this chain in the same moment; a cell may be away, a tenant on the move.
                if not isinstance(error, IntegrityError | Refusal):
                    log.exception("not sealed", tenant=tenants[0])
                return 0
        return sum(self._seal_group([tenant]) for tenant in tenants)

    def _seal(self, tenants: Sequence[TenantId], limit: int) -> int:
        """The store is written first, then the outbox is emptied: a kill in between repeats the batch, and what the store
        already has is passed over. Two sealers at once collide on the sequence and one of them starts over.
        """
        noted: dict[TenantId, tuple[int, str] | None] = {}
        drafts: dict[TenantId, list[Draft]] = {}
        owners: dict[TenantId, dict[str, Owner]] = {}
        scopes: dict[TenantId, TenantScope] = {}
        with self._database.platform(SYSTEM, read_only=True) as main:
            waiting = _waiting(main, tenants, limit)
            for tenant, rows in waiting.items():
                drafts[tenant] = [self._drafted(row.document) for row in rows]
                scopes[tenant] = TenantScope(tenant, SYSTEM)
                with main.enter(scopes[tenant]) as unit:
                    noted[tenant] = noted_end(unit)
                    owners[tenant] = self._known_owners(unit, drafts[tenant])
        if not waiting:
            return 0
        self._make_keys(drafts, owners)
        heads: dict[TenantId, Head] = {}
        with self.store.platform(SYSTEM) as store:
            for tenant, rows in waiting.items():
                with store.enter(scopes[tenant]) as unit:
                    done = [sealed(draft, owners[tenant]) for draft in drafts[tenant]]
                    heads[tenant] = _append(unit, rows, done, noted[tenant])
        if self._database.cells is not None:
            self._tell_first(waiting)
        with self._database.platform(SYSTEM) as main:
            told: dict[TenantId, list[Told]] = {}
            for tenant, rows in waiting.items():
                with main.enter(scopes[tenant]) as unit:
                    removed = unit[Outbox].remove([row.id for row in rows])
                    unit[TrailHeads].advance(heads[tenant])
                told[tenant] = _to_tell(row for row in rows if row.id in removed)
            self.while_sealing(main, list(waiting))
            if self._database.cells is None:
                _tell(main, told)
        for tenant, rows in waiting.items():
            for tell in self.on_sealed:
                tell(tenant, len(rows))
        return sum(map(len, waiting.values()))

    def _tell_first(self, waiting: Mapping[TenantId, Sequence[Any]]) -> None:
        """Where the outbox and the feed's order are in two databases: an event leaves the outbox when it is in the feed, and
        is in the order when it can be read. A kill in between repeats it, and what has its place keeps that."""
        with self._database.platform(SYSTEM) as main:
            main.transaction.cells_first = True
            main[FeedOrder].take(0)  # the order's turn: no other sealer places the same events meanwhile
            placed = main[FeedOrder].known([event.id for rows in waiting.values() for event in _to_tell(rows)])
            new = {tenant: [event for event in _to_tell(rows) if event.id not in placed] for tenant, rows in waiting.items()}
            for tenant, events in new.items():
                if events:
                    with main.enter(TenantScope(tenant, SYSTEM)) as unit:
                        unit[Feed].take_back([event.id for event in events])
            _tell(main, new)

    def page(self, scope: TenantScope, query: TrailQuery) -> Found:
        """The next matches, newest first, in bounded time: see ``audit/search.py``."""
        with self.store.tenant(scope, read_only=True) as unit:
            found = unit[TrailSearch].page(query)
        return Found(self.opened(scope, found.records), found.before)

    def search(self, scope: TenantScope, query: TrailQuery) -> list[dict[str, Any]]:
        """The newest ``limit`` matches, however long it takes to find them."""
        with self.store.tenant(scope, read_only=True) as unit:
            found = list(islice(unit[TrailSearch].all(query), query.limit))
        return self.opened(scope, found)

    def opened(self, scope: TenantScope, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Sealed records as people read them: what is somebody's is shown as long as his key lives."""
        wanted = owners_of(records)
        keys: Mapping[str, bytes] = {}
        if wanted and self._people is not None:
            with self._database.tenant(scope, read_only=True) as unit:
                keys = self._people.opening(unit, wanted)
        return [opened(record, keys) for record in records]

    def opened_texts(self, scope: TenantScope, documents: list[str]) -> list[str]:
        """The same of canonical JSON. What has nothing sealed in it stays as it is, byte for byte."""
        closed = {at: json.loads(text) for at, text in enumerate(documents) if '"sealed":[' in text}
        shown = dict(zip(closed, self.opened(scope, list(closed.values())), strict=True))
        return [canonical(shown[at]).decode() if at in shown else text for at, text in enumerate(documents)]

    def forget_words(self, tenant: TenantId, owners: Sequence[str]) -> int:
        """Take the words of people whose keys are gone out of the index. How many parts of records they stood in."""
        count = 0
        for owner in owners:
            while True:
                with self.store.tenant(TenantScope(tenant, SYSTEM)) as unit:
                    items = unit[AuditRecords].forget_person(owner, ITEMS_AT_ONCE)
                count += items
                if items < ITEMS_AT_ONCE:
                    break
        return count

    def days(self, scope: TenantScope, actions: Sequence[str], count: int) -> dict[str, dict[str, int]]:
        """Day (UTC, oldest first) → action → how many, of the last ``count`` days."""
        days = last_days(self._database.clock.now(), count)
        with self.store.tenant(scope, read_only=True) as unit:
            counted = unit[AuditRecords].counts(actions, days)
        return {day.name: {action: of[at] for action, of in counted.items() if of[at]} for at, day in enumerate(days)}

    def record(self, scope: TenantScope, record_id: str) -> dict[str, Any] | None:
        with self.store.tenant(scope, read_only=True) as unit:
            found = unit[AuditRecords].get(record_id)
        return None if found is None else self.opened(scope, [found])[0]

    def head(self, scope: TenantScope) -> Head:
        with self._database.tenant(scope, read_only=True) as unit:
            return unit[TrailHeads].get()

    def _drafted(self, document: Mapping[str, Any]) -> Draft:
        return drafted(document) if self._people is not None else Draft(document, [])

    def _known_owners(self, unit: TenantUnit, drafts: Sequence[Draft]) -> dict[str, Owner]:
        wanted = {owner for draft in drafts for owner in draft.owners}
        return dict(self._people.known(unit, wanted)) if wanted and self._people is not None else {}

    def _make_keys(self, drafts: Mapping[TenantId, Sequence[Draft]], owners: Mapping[TenantId, dict[str, Owner]]) -> None:
        """For whoever is told of for the first time. Committed before the store is written: no record waits for its key."""
        missing = {tenant: {o for one in told for o in one.owners} - owners[tenant].keys() for tenant, told in drafts.items()}
        if self._people is None or not any(missing.values()):
            return
        with self._database.platform(SYSTEM) as main:
            for tenant, wanted in missing.items():
                if wanted:
                    with main.enter(TenantScope(tenant, SYSTEM)) as unit:
                        owners[tenant].update(self._people.made(unit, sorted(wanted)))


def _waiting(main: PlatformUnit, tenants: Sequence[TenantId], limit: int) -> dict[TenantId, list[Any]]:
    """What waits, of each tenant no more than ``limit``: in one question, unless somebody's flood would leave out the rest."""
    most = SEAL_BATCH if len(tenants) > 1 else limit
    found = main.across_tenants(tenants, partial(waiting_events, limit=most))
    waiting: dict[TenantId, list[Any]] = {}
    if len(tenants) > 1 and len(found) == SEAL_BATCH:
        for tenant in tenants:
            with main.enter(TenantScope(tenant, SYSTEM)) as unit:
                if rows := unit[Outbox].oldest(limit):
                    waiting[tenant] = list(rows)
        return waiting
    for row in found:
        waiting.setdefault(TenantId(row.tenant_id), []).append(row)
    return waiting


def _append(
    unit: TenantUnit,
    rows: Sequence[Any],
    done: Sequence[tuple[Mapping[str, Any], list[Indexed]]],
    noted: tuple[int, str] | None,
) -> Head:
    """Link the events to the tenant's chain. Which end is to be noted then.

    Only where the store is not at the end that the main database knows, because a sealer was killed or another one is at it,
    may some of the events be in it already. The end is not noted before the last of those has left the outbox.
    """
    records, last = unit[AuditRecords], last_sealed(unit)
    head, before = Head(*last) if last else Head(), Head(*noted) if noted else Head()
    known = set() if head == before else records.known([row.id for row in rows])
    if len(known) == len(rows) and len(known) < head.sequence - before.sequence:
        return before
    linked: list[tuple[Mapping[str, Any], str, datetime]] = []
    personal: dict[int, list[Indexed]] = {}
    for row, (document, index) in zip(rows, done, strict=True):
        if row.id not in known:
            record, text = written(document, head)
            linked.append((record, text, row.at))
            head = head_of(record)
            if index:
                personal[head.sequence] = index
    records.append(linked, personal)
    return head


def _tell(main: PlatformUnit, told: Mapping[TenantId, Sequence[Told]]) -> None:
    """What has left the outbox for the trail enters the feed in the same transaction: once, and in its order. Positions are
    taken last, because to take them holds up every other sealer."""
    count = sum(map(len, told.values()))
    positions = iter(main[FeedOrder].take(count) if count else ())
    for tenant, events in told.items():
        if events:
            with main.enter(TenantScope(tenant, SYSTEM)) as unit:
                unit[Feed].append(events, list(islice(positions, len(events))))


def _to_tell(rows: Iterable[Any]) -> list[Told]:
    return [told_event(row) for row in rows if is_told(row.document["action"])]


def _each_of(tenants: Sequence[TenantId]) -> int:
    """How many events of each are taken in one turn."""
    return max(20, SEAL_BATCH // len(tenants))


def _groups(together: Sequence[Sequence[TenantId]]) -> Iterator[Sequence[TenantId]]:
    for tenants in together:
        for start in range(0, len(tenants), TENANTS_TOGETHER):
            yield tenants[start : start + TENANTS_TOGETHER]
