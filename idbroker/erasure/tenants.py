"""Erasing a whole tenant: a job in steps, one store after the other, each with its line in the receipt.

    tombstone   its row loses name and slug and says ``erased``: from here on nobody reaches it by any face
    proof       what waits is sealed, and the trail's end is signed: how many records there were, and what they were
    keys        its data keys and its people's keys go first: what is still there opens for nobody
    tables      every table that bears a tenant, whatever is added to the schema, small ones together; then the operator's
                rows that name it
    trail       the records themselves. On PostgreSQL the server's role may ask for those older than 30 days; the rest waits
    files       what the engine keeps of deleted rows is overwritten (SQLite)

A step is noted in the transaction that ends it, or can be done again. Whoever comes next goes on behind the last one noted.
What remains: the tombstone, the signed heads of the trail (hashes), and the signed receipt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import structlog
from sqlalchemy import select, tuple_
from sqlmodel import col, delete

from idbroker.apps.model import App
from idbroker.audit.chain import canonical
from idbroker.audit.heads import HeadSigner
from idbroker.audit.notary import Notary
from idbroker.audit.outbox import Outbox
from idbroker.audit.trail import Trail
from idbroker.connections.model import Domain
from idbroker.directory.model import User
from idbroker.erasure.receipts import TenantErasure, TenantErasures
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import Conflict, NotFound
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.person_keys import KeptPersonKeys, PersonKeyRows
from idbroker.outbound_scim.model import ScimTarget
from idbroker.sessions.closing import Closing
from idbroker.storage.database import Database
from idbroker.storage.guard import IsolationBreach
from idbroker.storage.rows import MAIN, PlatformRow, tenant_tables
from idbroker.storage.unit import PlatformUnit, TenantUnit, changed
from idbroker.tenants.lifecycle import RECOVERABLE, due_for_erasure
from idbroker.tenants.model import Tenant, Tenants
from idbroker.tenants.move_rows import TenantMoves
from idbroker.webhooks.model import WebhookDelivery, WebhookQueue

PEOPLE = 500
ROWS = 5000
"""Of one table, in one transaction."""

YOUNG = timedelta(days=30)
"""The audit store of PostgreSQL keeps what is younger, whatever the server says (``storage/rls.py``)."""

RECEIPT = b"idbroker erasure 1\n"
"""Led before what is signed, so that a receipt is never taken for a head."""

FIRST = ("tenant_keys", "person_keys")
FILES = "files"
OWN = ("tenants", "tenant_erasures")
_WAY = {"prospect": "active", "trial": "cancelled", "active": "cancelled", "past_due": "cancelled", "paused": "cancelled"}

Found = dict[str, dict[str, Any]]
"""Store → what the receipt says of it."""

Step = Callable[[Sequence[str]], Found | None]

log = structlog.get_logger("idbroker.erasure")


class TenantEraser:
    def __init__(
        self,
        database: Database,
        trail: Trail,
        *,
        notary: Notary,
        signer: HeadSigner,
        keys: KeptPersonKeys,
        envelope: Envelope,
        closing: Closing,
    ) -> None:
        self._database = database
        self._trail = trail
        self._notary = notary
        self._signer = signer
        self._keys = keys
        self._envelope = envelope
        self._closing = closing

    def run_due(self) -> int:
        """For the worker: whoever has been deleted for long enough, and what a kill has left. How many were finished."""
        now = self._database.clock.now()
        for tenant in self._due(now):
            try:
                self._begin(TenantScope(tenant, SYSTEM), f"{RECOVERABLE.days} days after it was deleted", of_age=True)
            except Conflict as refusal:
                log.info("tenant not erased", tenant=tenant, reason=refusal.public)
        with self._database.platform(SYSTEM, read_only=True) as unit:
            left = [TenantId(row.tenant_id) for row in unit[TenantErasures].unfinished(now)]
        return sum(self._finished(tenant) for tenant in left)

    def erase(self, scope: TenantScope, reason: str, *, as_owner: bool = False) -> TenantErasure:
        """Now, from whatever state: it is led through the states in between, each step an event. Answers the receipt, which is
        not complete where the audit store keeps the youngest records. ``as_owner``: with the right to remove those too."""
        self._bury(scope, reason)
        return self.finish(scope.tenant, as_owner=as_owner)

    def erase_together(
        self, scopes: Sequence[TenantScope], reason: str, *, as_owner: bool = False
    ) -> Iterator[tuple[TenantScope, Conflict | None]]:
        """``erase`` for each, but the files are overwritten once, for all: that costs as much as they are large. Each is
        answered when it is emptied, or with why it is still there; the receipts are complete when the iterator has ended."""
        emptied = []
        for scope in scopes:
            try:
                self._bury(scope, reason)
            except Conflict as error:
                yield scope, error
                continue
            if self._emptied(scope.tenant, as_owner=as_owner):
                emptied.append(scope.tenant)
            yield scope, None
        self._overwrite(emptied)
        for tenant in emptied:
            self._complete(tenant)

    def finish(self, tenant: TenantId, *, as_owner: bool = False) -> TenantErasure:
        """Go on behind the last step that is noted."""
        if not self._emptied(tenant, as_owner=as_owner):
            return self._row(tenant)
        self._overwrite([tenant])
        return self._complete(tenant)

    def receipt(self, unit: PlatformUnit, tenant_id: str) -> TenantErasure:
        """Raises NotFound."""
        row = unit[TenantErasures].get(tenant_id)
        if row is None:
            raise NotFound("erasure")
        return row

    def _due(self, now: datetime) -> Iterator[TenantId]:
        """As it looks from outside: ``_begin`` asks again when nobody else can change it."""
        last = None
        while True:
            with self._database.platform(SYSTEM, read_only=True) as unit:
                page = unit[Tenants].in_state("deleted", now - RECOVERABLE, last)
            if not page:
                return
            yield from (row.tenant_id for row in page)
            last = page[-1]

    def _finished(self, tenant: TenantId) -> bool:
        try:
            return self.finish(tenant).completed_at is not None
        except Exception:
            log.exception("tenant not erased yet", tenant=tenant)
            return False

    def _bury(self, scope: TenantScope, reason: str) -> None:
        """Lead it to its tombstone, from whatever state. Raises NotFound, Conflict."""
        while True:
            with self._database.platform(scope.actor, read_only=True) as unit:
                row = unit[Tenants].get(scope.tenant)
                _check_settled(unit, scope.tenant)
            if row is None:
                raise NotFound("tenant")
            if row.status in ("deleted", "erased"):
                break
            self._closing.move(scope, cast("Any", _WAY.get(row.status, "deleted")), reason)
        if row.status == "deleted":
            self._begin(scope, reason)

    def _begin(self, scope: TenantScope, reason: str, *, of_age: bool = False) -> None:
        """From the tenant as it is when nobody else can change it: it may have been taken back. ``of_age``: only when it has
        been deleted for as long as it can be taken back. Raises Conflict."""
        with self._database.platform(scope.actor) as unit:
            row, now = unit[Tenants].held(scope.tenant), unit.clock.now()
            if row is None or row.status != "deleted" or (of_age and not due_for_erasure(row.status, row.status_since, now)):
                raise Conflict("illegal_transition", "Only a tenant that is deleted is erased.")
            _check_settled(unit, scope.tenant)
            actor = " ".join(part for part in (scope.actor.type, scope.actor.id) if part)
            unit[TenantErasures].add(
                TenantErasure(tenant_id=row.id, begun_at=now, requested_by=actor, reason=reason, stores=[])
            )
            _make_tombstone(row)
            row.status_since = row.updated_at = now

    def _emptied(self, tenant: TenantId, *, as_owner: bool) -> bool:
        """All stores but the files. False where the audit store keeps the rest for now."""
        done = self._done(tenant)
        for names, step in self._steps(tenant, as_owner=as_owner):
            left = [name for name in names if name not in done]
            while left:
                found = step(left)
                if found is None:
                    return False
                self._note(tenant, found)
                left = [name for name in left if name not in found]
        return True

    def _overwrite(self, tenants: Sequence[TenantId]) -> None:
        waiting = [tenant for tenant in tenants if FILES not in self._done(tenant)]
        if waiting:
            overwritten = self._database.scrub() + self._trail.store.scrub()
            for tenant in waiting:
                self._note(tenant, {FILES: {"overwritten": overwritten}})

    def _steps(self, tenant: TenantId, *, as_owner: bool) -> Iterator[tuple[Sequence[str], Step]]:
        """Names of stores, with what empties them: it is called until it has answered for each."""
        tables = partial(self._empty, tenant)
        yield _alone("proof of the trail", lambda: self._proof(tenant))
        yield _alone("operators' trail", lambda: self._strangers(tenant))
        yield FIRST, tables
        yield sorted(set(tenant_tables(MAIN)) - set(FIRST)), tables
        yield _alone("rows of the operator", lambda: self._operators_rows(tenant))
        yield _alone("audit store", lambda: self._empty_trail(tenant, as_owner=as_owner))
        yield _alone("nothing left", lambda: self._check(tenant))

    def _proof(self, tenant: TenantId) -> dict[str, Any]:
        while self._trail.seal(tenant):
            pass
        return {"head": self._notary.attest_erasure(tenant)}

    def _strangers(self, tenant: TenantId) -> dict[str, Any]:
        """What the operators' own trail knows of its people by their addresses: of those at domains that are certainly its."""
        after, count = "", 0
        while True:
            with self._database.tenant(TenantScope(tenant, SYSTEM), read_only=True) as unit:
                domains = set(unit.session.execute(select(col(Domain.name)).where(col(Domain.status) == "verified")).scalars())
                page = select(col(User.id), col(User.email)).where(col(User.id) > after).order_by(col(User.id)).limit(PEOPLE)
                people = unit.session.execute(page).all()
            addresses = [email for _, email in people if email and email.rpartition("@")[2] in domains]
            with self._database.platform(SYSTEM) as platform:
                own = platform.own_trail()
                strangers = self._keys.strangers(own, addresses)
                count += own[PersonKeyRows].destroy(strangers)
            self._trail.forget_words(PLATFORM_TRAIL, strangers)
            if len(people) < PEOPLE:
                return {"destroyed": count}
            after = people[-1][0]

    def _empty(self, tenant: TenantId, names: Sequence[str]) -> Found:
        """Tables with few rows together, in one transaction; one with many to its end, piece by piece. Not always all."""
        kinds, rows = tenant_tables(MAIN), dict[str, int]()
        name, gone = "", 0
        with self._database.tenant(TenantScope(tenant, SYSTEM)) as unit:
            for name in names:
                gone = rows[name] = _remove_piece(unit, kinds[name])
                if sum(rows.values()) >= ROWS:
                    break
        while gone == ROWS:
            with self._database.tenant(TenantScope(tenant, SYSTEM)) as unit:
                gone = _remove_piece(unit, kinds[name])
            rows[name] += gone
        self._envelope.forget(tenant)
        return {name: {"rows": count} for name, count in rows.items()}

    def _operators_rows(self, tenant: TenantId) -> dict[str, Any]:
        """Keys, sessions, attempts that were the tenant's; and its place in what the operator allows to some tenants."""
        rows = 0
        with self._database.platform(SYSTEM) as unit:
            for cls in PlatformRow.__subclasses__():
                table = getattr(cls, "__table__", None)
                if table is not None and "tenant_id" in table.columns and table.name not in OWN:
                    gone = delete(cls).where(col(cls.tenant_id) == tenant)  # type: ignore[attr-defined] # it has the column
                    rows += changed(unit.session.execute(gone.execution_options(synchronize_session=False)))
            # What was to be told of it by the operator's own endpoints.
            told = delete(WebhookDelivery).where(col(WebhookDelivery.event_tenant) == tenant)
            own = unit.own_trail().session
            rows += changed(own.execute(told.execution_options(synchronize_session=False)))
            for allowed in (*_all(unit, App), *_all(unit, ScimTarget), *_all(unit, WebhookQueue)):
                if allowed.tenants and tenant in allowed.tenants:
                    if isinstance(allowed, WebhookQueue):
                        self._endpoint(unit, allowed, tenant)
                    else:
                        allowed.tenants = [one for one in allowed.tenants if one != tenant]
                    rows += 1
        return {"rows": rows}

    def _endpoint(self, unit: PlatformUnit, queue: WebhookQueue, tenant: TenantId) -> None:
        with unit.enter(TenantScope(TenantId(queue.tenant_id), SYSTEM)) as owner:
            mine = select(WebhookQueue).where(col(WebhookQueue.webhook_id) == queue.webhook_id)
            for row in owner.session.execute(mine).scalars():
                row.tenants = [one for one in row.tenants or () if one != tenant]

    def _empty_trail(self, tenant: TenantId, *, as_owner: bool) -> dict[str, Any] | None:
        """None while the store keeps records that are too young."""
        removed, left = 0, 0
        while True:
            with self._trail.store.tenant(TenantScope(tenant, SYSTEM)) as unit:
                count, left = unit.dialect.erase_trail(unit.transaction.connection, tenant)
            removed += count
            if not count:
                break
        if left and as_owner:
            removed, left = removed + self._trail.store.erase_as_owner(tenant), 0
        if not left:
            return {"rows": removed}
        with self._database.platform(SYSTEM) as main:
            row = main[TenantErasures].held(tenant)
            if row is not None:
                row.waiting_until = main.clock.now() + timedelta(days=1)
        return None

    def _check(self, tenant: TenantId) -> dict[str, Any]:
        """What has come in while it was emptied goes too; where there is anything after that, the job is not done."""
        late, left = 0, self._still_in(tenant)
        while left:
            found = self._empty(tenant, left)
            late += sum(one["rows"] for one in found.values())
            left = [name for name in left if name not in found]
        if late and (left := self._still_in(tenant)):
            raise IsolationBreach(f"{', '.join(left)} still has rows of a tenant that is erased")
        return {"rows": late}

    def _still_in(self, tenant: TenantId) -> list[str]:
        """Tables that have rows of the tenant."""
        with self._database.tenant(TenantScope(tenant, SYSTEM), read_only=True) as unit:
            return [name for name, cls in tenant_tables(MAIN).items() if _has_rows(unit, cls)]

    def _row(self, tenant: TenantId) -> TenantErasure:
        with self._database.platform(SYSTEM, read_only=True) as unit:
            return self.receipt(unit, tenant)

    def _done(self, tenant: TenantId) -> set[str]:
        return {one["store"] for one in self._row(tenant).stores}

    def _note(self, tenant: TenantId, found: Found) -> None:
        with self._database.platform(SYSTEM) as unit:
            row = unit[TenantErasures].held(tenant)
            for store, values in found.items():
                if row is not None and not row.done(store):
                    row.note(store, unit.clock.now(), **values)

    def _complete(self, tenant: TenantId) -> TenantErasure:
        """The receipt is signed with the trail's key; the operators' own trail holds its digest."""
        key = self._signer.current()
        with self._database.platform(SYSTEM) as unit:
            row = unit[TenantErasures].held(tenant)
            if row is None:
                raise NotFound("erasure")
            if row.completed_at is None:
                now = unit.clock.now()
                document: dict[str, Any] = {
                    "kind": "erasure",
                    "tenant_id": tenant,
                    "begun_at": rfc3339(row.begun_at),
                    "completed_at": rfc3339(now),
                    "requested_by": row.requested_by,
                    "stores": row.stores,
                    "kid": key.kid,
                }
                document["signature"] = key.sign(RECEIPT + canonical(document)).hex()
                row.receipt, row.completed_at, row.waiting_until = document, now, None
                digest = hashlib.sha256(canonical(document)).hexdigest()
                told = Event("tenant.erased", Resource("tenant", tenant), context={"receipt": digest})
                unit.own_trail()[Outbox].record(told)
        return row


def _alone(name: str, step: Callable[[], dict[str, Any] | None]) -> tuple[Sequence[str], Step]:
    """A step that empties one store."""

    def run(_: Sequence[str]) -> Found | None:
        found = step()
        return None if found is None else {name: found}

    return [name], run


def _check_settled(unit: PlatformUnit, tenant: TenantId) -> None:
    """Raises Conflict while the tenant is between two cells: a copy of it would stay in one of them."""
    if unit[TenantMoves].open_of(tenant) is not None:
        raise Conflict("move_not_finished", "The tenant is between two cells. Finish or undo its move first.")


def _make_tombstone(row: Tenant) -> None:
    """What is left of the row says that there was a tenant, and no more."""
    row.status, row.name, row.slug = "erased", "", f"erased-{row.id.removeprefix('tnt_')}"
    row.limits, row.frozen_at = None, None


def _all(unit: PlatformUnit, cls: type[Any]) -> list[Any]:
    return list(unit.session.execute(select(cls)).scalars())


def _remove_piece(unit: TenantUnit, cls: type[Any]) -> int:
    """How many of its rows went: at most ``ROWS``."""
    key, mine = tuple(cls.__table__.primary_key.columns), col(cls.tenant_id) == unit.scope.tenant
    piece = select(*key).where(mine).limit(ROWS)
    gone = delete(cls).where(mine, tuple_(*key).in_(piece)).execution_options(synchronize_session=False)
    return changed(unit.session.execute(gone))


def _has_rows(unit: TenantUnit, cls: type[Any]) -> bool:
    one = select(col(cls.tenant_id)).where(col(cls.tenant_id) == unit.scope.tenant).limit(1)
    return unit.session.execute(one).first() is not None
