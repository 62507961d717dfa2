"""The notary: signs what the trail has become, and never what it should not have become.

Before a head is signed, the records since the last one are walked: each must follow the one before it, and the last must be
the one that the main database knows as the end. Where that fails, nothing is signed any more and the log says why: a head
must not bless what somebody has done to the store. Heads are written to the store first, then noted in the main database.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError

from idbroker.audit.chain import GENESIS, Head, canonical, first_fault
from idbroker.audit.heads import AuditHead, AuditHeads, HeadSigner, Kind, SignedHeads, hash_of, signed
from idbroker.audit.merkle import Tree, tree_of
from idbroker.audit.outbox import Outbox
from idbroker.audit.records import AuditRecords
from idbroker.audit.trail import Trail
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit

EVERY_RECORDS = 1000
EVERY = timedelta(minutes=5)
PAGE = 1000

log = structlog.get_logger("idbroker.audit")


class TrailBroken(Exception):
    """The store is not what was sealed into it. The message says where."""


@dataclass(frozen=True, slots=True)
class _State:
    """How a trail looks to the one who would sign its next head: ``tree`` is over all of its records, ``last`` the hash of
    the last one; ``covered`` says how far the heads reach already."""

    number: int
    prev_head: str
    covered: int
    tree: Tree
    last: str


class Notary:
    """``every_records`` or ``every``, whichever comes first, is how far the signed heads may lag behind the trail."""

    def __init__(
        self,
        database: Database,
        trail: Trail,
        signer: HeadSigner,
        *,
        every_records: int = EVERY_RECORDS,
        every: timedelta = EVERY,
    ) -> None:
        self._database = database
        self._store = trail.store
        self._trail = trail
        self._signer = signer
        self._every_records = every_records
        self._every = every
        self._waiting: dict[TenantId, tuple[int, datetime]] = {}
        self._lock = threading.Lock()
        trail.on_sealed.append(self._noticed)

    def sign_due(self) -> int:
        """Sign heads where enough has come together, or has waited long enough. How many."""
        now = self._database.clock.now()
        with self._lock:
            due = [
                tenant
                for tenant, (count, since) in self._waiting.items()
                if count >= self._every_records or now - since >= self._every
            ]
            for tenant in due:
                del self._waiting[tenant]
        return self.sign_each(due)

    def sign_each(self, tenants: Iterable[TenantId]) -> int:
        """A head for each that lacks one: a sweep over all tenants makes good what a killed process had noticed."""
        count = 0
        for tenant in tenants:
            try:
                count += self.sign(tenant)
            except IntegrityError:
                continue  # another worker signed the same head in the same moment
            except TrailBroken as error:
                _alarm(tenant, error)
            except Exception:
                log.exception("no head signed", tenant=tenant)
        return count

    def sign(self, tenant: TenantId) -> bool:
        """A head over all records, unless the newest one is that already. Raises TrailBroken."""
        state = self._state(tenant, self._end(tenant))
        if state.covered == state.tree.size:
            return False
        self._write(tenant, "head", state, state.tree, {"last_hash": state.last})
        return True

    def cut(self, tenant: TenantId, size: int, why: Mapping[str, Any]) -> bool:
        """Attest what the first ``size`` records were, before they are removed. False when they are removed already.

        Raises TrailBroken, also when no head is over them yet or they are not what it was signed over.
        """
        with self._store.tenant(TenantScope(tenant, SYSTEM), read_only=True) as unit:
            before = unit[AuditHeads].last_cut()
            start, last = (_tree(before), _document(before)["last_hash"]) if before else (Tree(), GENESIS)
            if size <= start.size:
                return False
            cut, cut_last = _walk(unit, start, last, size)
            witness = unit[AuditHeads].first_over(size)
            if witness is None:
                raise TrailBroken(f"no head is over record {size} yet")
            if _walk(unit, cut, cut_last, witness.size)[0].root != _document(witness)["root"]:
                raise TrailBroken(f"the records are not what head {witness.number} was signed over")
        state = self._state(tenant, self._end(tenant))
        self._write(tenant, "cut", state, cut, {"last_hash": cut_last, "peaks": cut.peaks_hex(), "why": dict(why)})
        return True

    def attest_erasure(self, tenant: TenantId) -> dict[str, Any]:
        """The last head of a tenant that is erased: what its trail was. Made once; of a trail that is broken it says that."""
        scope = TenantScope(tenant, SYSTEM)
        with self._store.tenant(scope, read_only=True) as unit:
            newest = unit[AuditHeads].newest()
        if newest is not None and newest.kind == "erased":
            return _document(newest)
        try:
            state, more = self._state(tenant, self._end(tenant)), {"broken": False}
        except TrailBroken as error:
            _alarm(tenant, error)
            number, before = (newest.number, newest.hash) if newest else (0, GENESIS)
            state, more = _State(number, before, 0, Tree(), GENESIS), {"broken": True}
        self._write(tenant, "erased", state, state.tree, {"last_hash": state.last, **more})
        with self._store.tenant(scope, read_only=True) as unit:
            written = unit[AuditHeads].newest()
        return _document(written) if written is not None else {}

    def end(self, tenant: TenantId) -> tuple[Head, dict[str, Any] | None]:
        """(where the trail ends, the statement of it for a pack); no statement when the store is not what was sealed."""
        end = self._end(tenant)
        try:
            state = self._state(tenant, end)
        except TrailBroken as error:
            _alarm(tenant, error)
            return end, None
        facts = {
            "size": state.tree.size,
            "root": state.tree.root,
            "last_hash": state.last,
            "heads": state.number,
            "prev_head": state.prev_head,
            "keys": len(self._signer.published()),
        }
        return end, signed(self._signer.current(), "end", tenant, self._database.clock.now(), facts)

    def published_keys(self) -> list[dict[str, Any]]:
        return self._signer.published()

    def _noticed(self, tenant: TenantId, count: int) -> None:
        """So many records of the tenant were sealed here."""
        with self._lock:
            so_far, since = self._waiting.get(tenant, (0, self._database.clock.now()))
            self._waiting[tenant] = (so_far + count, since)

    def _end(self, tenant: TenantId) -> Head:
        return self._trail.head(TenantScope(tenant, SYSTEM))

    def _state(self, tenant: TenantId, end: Head) -> _State:
        """Raises TrailBroken."""
        scope = TenantScope(tenant, SYSTEM)
        with self._database.tenant(scope, read_only=True) as main:
            noted = main[SignedHeads].get()
        with self._store.tenant(scope, read_only=True) as unit:
            newest, head = unit[AuditHeads].newest(), unit[AuditHeads].newest("head")
            if noted is not None and (newest is None or newest.number < noted.number):
                raise TrailBroken(f"head {noted.number} was signed and is not in the store")
            if noted is not None and newest is not None and newest.number == noted.number and newest.hash != noted.hash:
                raise TrailBroken(f"head {newest.number} is not the one that was signed")
            start, last = (_tree(head), _document(head)["last_hash"]) if head else (Tree(), GENESIS)
            if end.sequence < start.size:
                raise TrailBroken(f"the trail ends at {end.sequence}, and its newest head is over {start.size}")
            tree, last = _walk(unit, start, last, end.sequence)
        if last != end.hash:
            raise TrailBroken(f"record {end.sequence} is not the one that the trail ends with")
        return _State(newest.number if newest else 0, newest.hash if newest else GENESIS, start.size, tree, last)

    def _write(self, tenant: TenantId, kind: Kind, state: _State, tree: Tree, more: Mapping[str, Any]) -> None:
        number = state.number + 1
        facts = {"number": number, "size": tree.size, "root": tree.root, "prev_head": state.prev_head}
        document = signed(self._signer.current(), kind, tenant, self._database.clock.now(), {**facts, **more})
        row = AuditHead(
            tenant_id=tenant,
            number=number,
            kind=kind,
            size=tree.size,
            hash=hash_of(document),
            peaks=tree.peaks_hex(),
            document=canonical(document).decode(),
        )
        scope = TenantScope(tenant, SYSTEM)
        with self._store.tenant(scope) as unit:
            unit[AuditHeads].add(row)
        with self._database.tenant(scope) as main:
            main[SignedHeads].advance(number, hash_of(document))
            if kind == "cut":
                told = Event(
                    "audit_trail.shortened", Resource("audit_trail", tenant), context={"upto": tree.size, **more["why"]}
                )
                main[Outbox].record(told)


def _alarm(tenant: TenantId, error: TrailBroken) -> None:
    log.error("the trail is broken", tenant=tenant, detail=str(error))


def _tree(row: AuditHead) -> Tree:
    """Raises TrailBroken when what the row says is not what was signed."""
    document = _document(row)
    try:
        tree = tree_of(row.size, row.peaks)
    except ValueError as error:
        raise TrailBroken(f"head {row.number} is not what was signed") from error
    if tree.root != document["root"] or hash_of(document) != row.hash or document["size"] != row.size:
        raise TrailBroken(f"head {row.number} is not what was signed")
    return tree


def _document(row: AuditHead) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(row.document)
    return read


def _walk(unit: TenantUnit, tree: Tree, last: str, size: int) -> tuple[Tree, str]:
    """(the tree, the last hash) at ``size``, every record on the way looked at. Raises TrailBroken."""
    while tree.size < size:
        page = unit[AuditRecords].following(tree.size, min(PAGE, size - tree.size))
        records = [record for _, record in page]
        fault = first_fault(records, after=Head(tree.size, last))
        if fault is not None:
            raise TrailBroken(str(fault))
        if not page or page[-1][0] != tree.size + len(page):
            raise TrailBroken(f"a record behind record {tree.size} is missing, or not at its place in the store")
        tree, last = tree.grown(record["hash"] for record in records), records[-1]["hash"]
    return tree, last
