"""A tenant's move from one cell to another, while it is used.

    copying     changes of the source are noted, every table is copied, then what changed, then all of it is compared
    locked      nobody writes to the tenant: the last changes are copied, what they touched is compared, rows are counted
    switching   the register of tenants says the new cell: from this commit on, and not before, the tenant lives there
    switched    the old cell turns everybody away who still comes; its copy is kept
    finished    it is gone

A kill at any point leaves one of these, and each can be gone on with; up to ``locked`` it can be given up, from ``switched`` on
the tenant is moved back. What the tenant's people wrote is never in one place only but in the one where the tenant lives.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from idbroker.audit.outbox import Outbox, OutboxRow
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import TenantScope
from idbroker.storage.cells import HOME, Cell
from idbroker.storage.copying import Key, Side, Tally, TenantCopy
from idbroker.storage.database import Database
from idbroker.storage.fences import GONE, LOCKED
from idbroker.storage.rows import AUDIT, MAIN
from idbroker.tenants.model import Tenant, Tenants
from idbroker.tenants.move_rows import MoveState, TenantMoveRow, TenantMoves
from idbroker.tenants.placement import stored

ROUNDS = 20
FEW = 200
"""Changes that may be left for the moment in which nobody writes. Where they come faster than they are copied, it is more."""

WHOLE = 5_000
"""Up to so many rows, all of them are compared once more in that moment."""

OWNS = "tenant_keys"
"""A table of which every tenant has a row: where there is none, something hides them."""

Say = Callable[[str], None]


class CannotMove(Exception):
    """The message says why, and what can be done. Nothing is lost by it."""


@dataclass(frozen=True, slots=True)
class _Copies:
    main: TenantCopy
    audit: TenantCopy

    def __iter__(self) -> Iterator[TenantCopy]:
        return iter((self.main, self.audit))


class Mover:
    """One process's hands. ``say`` is told of every step."""

    def __init__(self, database: Database, store: Database, say: Say = lambda words: None) -> None:
        self._database = database
        self._store = store
        self._say = say
        self._name = secrets.token_hex(8)

    def begin(self, scope: TenantScope, cell: str, reason: str) -> TenantMoveRow:
        """Write down that the tenant is to be moved. Raises CannotMove."""
        target = self._cell(cell)
        with self._database.platform(scope.actor) as unit:
            tenant = _held(unit[Tenants].held(scope.tenant))
            under_way = unit[TenantMoves].open_of(scope.tenant)
            if under_way is not None:
                raise CannotMove(_what_to_do(under_way))
            if tenant.status == "erased":
                raise CannotMove("the tenant is erased")
            source = tenant.cell or HOME
            if target.name == source:
                raise CannotMove(f"the tenant lives in {source} already")
            row = self._new(unit[TenantMoves], scope, source, target.name, reason)
        self._tell(scope, "tenant.move_started", row)
        return row

    def go_on(self, scope: TenantScope) -> TenantMoveRow:
        """From wherever the tenant's move stands until it lives in the new cell. Raises CannotMove."""
        with self._at(scope) as move:
            if move.state == "switched":
                raise CannotMove(_what_to_do(move))
            with self._copies(scope.tenant, move) as copies:
                if move.state != "switching":
                    self._switch(scope, move, copies)
                self._open_doors(copies)
            self._change(scope, move, "switched")
        self._tell(scope, "tenant.moved", move)
        return move

    def finish(self, scope: TenantScope) -> TenantMoveRow:
        """Take the old copy away, once the tenant has proven well in its new cell. Raises CannotMove."""
        with self._at(scope) as move:
            if move.state != "switched":
                raise CannotMove(_what_to_do(move))
            with self._copies(scope.tenant, move) as copies:
                for copy in copies:
                    copy.wipe(copy.source)
            self._change(scope, move, "finished")
        self._tell(scope, "tenant.move_finished", move)
        return move

    def undo(self, scope: TenantScope, reason: str) -> TenantMoveRow:
        """Give the move up; where the tenant lives in the new cell already, move it back with all that happened there."""
        with self._at(scope) as move:
            if move.state in ("copying", "locked"):
                self._give_up(scope, move)
                self._tell(scope, "tenant.move_reverted", move, reason)
                return move
            if move.state == "switching":
                with self._copies(scope.tenant, move) as copies:
                    self._open_doors(copies)
            with self._database.platform(scope.actor) as unit:
                if not unit[TenantMoves].change(move.id, self._name, {"state": "undone"}):
                    raise CannotMove("another process has taken this move over")
                back = self._new(unit[TenantMoves], scope, move.target, move.source, reason)
        self._tell(scope, "tenant.move_reverted", back, reason)
        return self.go_on(scope)

    def _switch(self, scope: TenantScope, move: TenantMoveRow, copies: _Copies) -> None:
        for copy in copies:
            copy.put_fence(copy.source, None)
        self._change(scope, move, "copying")
        self._copy_all(scope, move, copies)
        self._say("comparing")
        tallies, touched = self._compared(copies)
        left = self._caught_up(copies, touched, until=FEW)
        self._say(f"locking, with about {left} changes left")
        self._change(scope, move, "locked")
        begun = time.monotonic()
        for copy in copies:
            copy.put_fence(copy.source, LOCKED)
        try:
            receipt = self._verified(copies, tallies, touched)
        except BaseException:
            for copy in copies:
                copy.put_fence(copy.source, None)
            raise
        # From here on the fences stay, whatever happens: a commit that was not answered may have been made.
        self._register(scope, move, {"tables": receipt, "locked_seconds": round(time.monotonic() - begun, 3)})
        self._say(f"switched; nobody could write for {time.monotonic() - begun:.2f} s")

    def _copy_all(self, scope: TenantScope, move: TenantMoveRow, copies: _Copies) -> None:
        if not move.copied:
            for copy in copies:
                copy.wipe(copy.target)
        for copy in copies:
            copy.watch()
        for copy in copies:
            for table in copy.tables:
                if table.name not in move.copied:
                    rows = copy.copy(table)
                    move.copied = [*move.copied, table.name]
                    self._change(scope, move, "copying", {"copied": move.copied})
                    if rows:
                        self._say(f"copied {table.name}: {rows}")
        self._caught_up(copies, {}, until=FEW)

    def _caught_up(self, copies: _Copies, touched: dict[str, set[Key]], *, until: int) -> int:
        """Copy what changed until no more than that is left in one go. How much the last go was."""
        seen = 0
        for _ in range(ROUNDS):
            changed = [copy.catch_up() for copy in copies]
            seen = sum(len(keys) for tables in changed for keys in tables.values())
            for tables in changed:
                for name, keys in tables.items():
                    touched.setdefault(name, set()).update(keys)
            if seen <= until:
                break
        return seen

    def _compared(self, copies: _Copies) -> tuple[dict[str, Tally], dict[str, set[Key]]]:
        """Compare every row. One that differs has been changed since it was copied, or was not copied well: it is looked at
        again when nobody writes. (what the source held, which keys those are)."""
        tallies: dict[str, Tally] = {}
        again: dict[str, set[Key]] = {}
        for copy in copies:
            for table in copy.tables:
                tallies[table.name], different = copy.compare(table)
                if different:
                    again[table.name] = different
        return tallies, again

    def _verified(self, copies: _Copies, tallies: dict[str, Tally], touched: dict[str, set[Key]]) -> dict[str, dict[str, Any]]:
        """Nobody writes: the rest, and the proof. Table → rows, checksum, and how many rows were compared singly."""
        while self._caught_up(copies, touched, until=0):
            pass
        outbox = OutboxRow.__table__  # type: ignore[attr-defined] # set by SQLModel
        copies.main.copy(outbox)  # in the order of arrival, whatever order the changes were in
        receipt: dict[str, dict[str, Any]] = {}
        if not copies.main.count(copies.main.source)[OWNS]:
            raise CannotMove("the old cell shows nothing of the tenant to its owner's role")
        for copy in copies:
            here, there = copy.count(copy.source), copy.count(copy.target)
            whole = sum(here.values()) <= WHOLE
            for table in copy.tables:
                if not here[table.name] and not there[table.name]:
                    continue
                name, keys = table.name, list(touched.get(table.name, ()))
                wrong = copy.different(table, keys)
                if whole or table is outbox:
                    tallies[name], more = copy.compare(table)
                    wrong |= more
                if wrong or here[name] != there[name]:
                    raise CannotMove(f"{name}: {here[name]} rows against {there[name]}, {len(wrong)} of them not the same")
                compared = "locked" if whole or table is outbox else "before"
                receipt[name] = {**tallies[name].as_document(), "rows": here[name], "compared": compared, "again": len(keys)}
        return receipt

    def _register(self, scope: TenantScope, move: TenantMoveRow, receipt: dict[str, Any]) -> None:
        """The switch itself: one commit at home."""
        plan = self._cell(move.target).plan
        with self._database.platform(scope.actor) as unit:
            tenant = _held(unit[Tenants].held(scope.tenant))
            if not unit[TenantMoves].change(move.id, self._name, {"state": "switching", "receipt": receipt}):
                raise CannotMove("another process has taken this move over")
            tenant.cell = stored(move.target)
            tenant.region = plan.region or tenant.region
            tenant.updated_at = unit.clock.now()
        move.state, move.receipt = "switching", receipt

    def _open_doors(self, copies: _Copies) -> None:
        """The target's before the source's are shut, for those who wait there."""
        for copy in copies:
            copy.put_fence(copy.target, None)
        for copy in copies:
            copy.put_fence(copy.source, GONE)
        for copy in copies:
            copy.watch_no_more()
        self._database.placements.forget(copies.main.source.tenant)

    def _give_up(self, scope: TenantScope, move: TenantMoveRow) -> None:
        with self._copies(scope.tenant, move) as copies:
            for copy in copies:
                copy.put_fence(copy.source, None)
            for copy in copies:
                copy.watch_no_more()
                copy.wipe(copy.target)
        self._change(scope, move, "undone")

    @contextmanager
    def _at(self, scope: TenantScope) -> Iterator[TenantMoveRow]:
        """The tenant's open move, with nobody else at it. Raises CannotMove."""
        home = next(self._database.each_cell())
        with ExitStack() as held:
            if not held.enter_context(home.dialect.alone(home.engine, f"idbroker mover of {scope.tenant}")):
                raise CannotMove("another process is at this move")
            with self._database.platform(scope.actor) as unit:
                row = unit[TenantMoves].open_of(scope.tenant, hold=True)
                if row is None:
                    raise CannotMove("no move of this tenant is under way")
                row.mover = self._name
            yield row

    @contextmanager
    def _copies(self, tenant: TenantId, move: TenantMoveRow) -> Iterator[_Copies]:
        with ExitStack() as open_ones:

            def side(database: Database, name: str) -> Side:
                made = Side(self._cell(name, database), tenant)
                open_ones.callback(made.close)
                return made

            yield _Copies(
                TenantCopy(MAIN, side(self._database, move.source), side(self._database, move.target)),
                TenantCopy(AUDIT, side(self._store, move.source), side(self._store, move.target)),
            )

    def _cell(self, name: str, database: Database | None = None) -> Cell:
        found = {cell.name: cell for cell in (database or self._database).each_cell()}
        if name not in found:
            raise CannotMove(f"there is no cell “{name}”. The cells are: {', '.join(found)}")
        if not (database or self._database).answers(found[name]):
            raise CannotMove(f"the cell {name} does not answer. Try again when it does")
        return found[name]

    def _new(self, moves: TenantMoves, scope: TenantScope, source: str, target: str, reason: str) -> TenantMoveRow:
        now = moves.now()
        row = TenantMoveRow(
            id=new_id("mov"),
            tenant=scope.tenant,
            source=source,
            target=target,
            state="copying",
            reason=reason,
            actor=scope.actor.name or scope.actor.type,
            begun_at=now,
            changed_at=now,
        )
        moves.add(row)
        return row

    def _change(self, scope: TenantScope, move: TenantMoveRow, state: MoveState, more: dict[str, Any] | None = None) -> None:
        """Write down how far it is. Raises CannotMove when another process has taken the move over."""
        with self._database.platform(scope.actor) as unit:
            if not unit[TenantMoves].change(move.id, self._name, {"state": state, **(more or {})}):
                raise CannotMove("another process has taken this move over")
        move.state = state

    def _tell(self, scope: TenantScope, action: str, move: TenantMoveRow, reason: str | None = None) -> None:
        context = {"from": move.source, "to": move.target, "reason": reason or move.reason}
        with self._database.tenant(scope) as unit:
            unit[Outbox].record(Event(action, Resource("tenant", scope.tenant), context=context))


def _held(tenant: Tenant | None) -> Tenant:
    if tenant is None:
        raise CannotMove("there is no such tenant any more")
    return tenant


def _what_to_do(move: TenantMoveRow) -> str:
    stands = f"a move from {move.source} to {move.target} is {move.state}"
    if move.state == "switched":
        return f"{stands}: the tenant lives in {move.target}, {move.source} keeps the old copy. Go on with --finish or --undo"
    return f"{stands}. Go on with --resume, or --undo it"
