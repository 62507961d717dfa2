"""A database and the two ways into it: a tenant's unit, the platform's unit. It may be several: see ``cells.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, select, text

from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.storage.cells import HOME, Cell, CellAway, CellPlan, Cells, Placements, TenantMoving
from idbroker.storage.dialect import Dialect
from idbroker.storage.rls import ERASE_STATEMENTS
from idbroker.storage.rows import AUDIT, MAIN
from idbroker.storage.spanning import SpanningTransaction
from idbroker.storage.transaction import Transaction
from idbroker.storage.unit import PlatformUnit, Portraits, TenantUnit, note_in_logs


class Database:
    """One engine, its pool, and the units opened on it. Thread-safe; a unit belongs to one thread."""

    def __init__(
        self,
        dialect: Dialect,
        clock: Clock,
        portraits: Portraits | None = None,
        *,
        cells: Sequence[CellPlan] = (),
        placements: Placements | None = None,
    ) -> None:
        """``portraits`` shows resources as apps see them; without it, events carry no more than the resource's id.

        ``cells`` beside this database, which is home. ``placements``: who knows where tenants live, when it is not this one.
        """
        self.dialect = dialect
        self.portraits = portraits
        self.clock = clock
        self.engine: Engine = dialect.engine()
        self.placements = placements or Placements(dialect, self.engine)
        self.cells: Cells | None = None
        """None where everybody lives at home."""
        if len(cells) > 1:
            opened = [Cell(plan, self.engine if plan.name == HOME else plan.dialect.engine()) for plan in cells]
            self.cells = Cells(opened, self.placements, MAIN if placements is None else AUDIT)

    @contextmanager
    def tenant(self, scope: TenantScope, *, read_only: bool = False) -> Iterator[TenantUnit]:
        """A transaction on that tenant's data. Commits on normal exit, rolls back when anything is raised."""
        note_in_logs(scope.tenant)
        with self._transaction(scope.tenant, platform=False, read_only=read_only) as transaction:
            unit = TenantUnit(transaction, scope, self.clock)
            yield unit
            unit.finish()

    @contextmanager
    def platform(self, actor: Actor, *, read_only: bool = False) -> Iterator[PlatformUnit]:
        """A transaction on the operator's data. Commits on normal exit, rolls back when anything is raised."""
        with self._transaction(PLATFORM_TRAIL, platform=True, read_only=read_only) as transaction:
            unit = PlatformUnit(transaction, actor, self.clock)
            yield unit
            unit.finish()

    def tenants_in(self, table: Any, limit: int = 1000) -> dict[str, list[TenantId]]:
        """Cell → the tenants that have rows in ``table`` there, which must be the outbox: names only, for the one who empties
        it. A cell that does not answer is left out."""
        found: dict[str, list[TenantId]] = {}
        for cell in self.each_cell():
            with suppress(CellAway), self.connected(cell) as connection:
                cell.dialect.begin(connection, PLATFORM_TRAIL, read_only=True)
                cell.dialect.see_relayed(connection)
                tenants = connection.execute(select(table.c.tenant_id).distinct().limit(limit)).scalars()
                found[cell.name] = [tenant for tenant in map(TenantId, tenants) if self._lives_in(tenant, cell)]
        return found

    def _lives_in(self, tenant: TenantId, cell: Cell) -> bool:
        if self.cells is None or self.placements.of(tenant) == cell.name:
            return True
        # It may have come here since it was asked for; or this is the copy that it left behind.
        self.placements.forget(tenant)
        return self.placements.of(tenant) == cell.name

    def connected(self, cell: Cell) -> Connection:
        """Raises CellAway, or OperationalError for home."""
        return cell.engine.connect() if self.cells is None else self.cells.connect(cell)

    def answers(self, cell: Cell) -> bool:
        try:
            self.connected(cell).close()
        except CellAway:
            return False
        return True

    def each_cell(self) -> Iterator[Cell]:
        """Home alone, where there is no other."""
        if self.cells is not None:
            return iter(self.cells)
        return iter((Cell(CellPlan(HOME, None, True, self.dialect), self.engine),))

    def scrub(self) -> int:
        """Overwrite what the files still hold of deleted rows, where the engine does so when asked. How many that were."""
        done = 0
        for cell in self.each_cell():
            with cell.dialect.turn(read_only=False), self.connected(cell) as connection:
                done += cell.dialect.scrub(connection)
        return done

    def erase_as_owner(self, tenant: TenantId) -> int:
        """Remove what is left of an erased tenant's trail with the owner's right: for an operator at the command line, to whom
        the server's bounds do not apply. How many records."""
        cell = self.cells.of(tenant) if self.cells is not None else next(self.each_cell())
        engine = cell.dialect.owner_engine()
        try:
            with engine.connect() as connection:
                cell.dialect.begin(connection, tenant, read_only=False)
                counts = [connection.execute(text(one), {"tenant": tenant}).rowcount for one in ERASE_STATEMENTS]
                connection.commit()
                return counts[-1]
        finally:
            engine.dispose()

    def close(self) -> None:
        for cell in self.each_cell():
            cell.engine.dispose()

    def _transaction(self, tenant: TenantId, *, platform: bool, read_only: bool) -> AbstractContextManager[Transaction]:
        if self.cells is None:
            return self._at_home(tenant, platform=platform, read_only=read_only)
        return self._spanning(self.cells, tenant, platform=platform, read_only=read_only)

    def await_move(self, tenant: TenantId) -> None:
        """After TenantMoving: return when it is worth trying again. Raises TenantMoving when too many wait already."""
        if self.cells is not None:
            self.cells.await_move(tenant)

    @contextmanager
    def _spanning(self, cells: Cells, tenant: TenantId, *, platform: bool, read_only: bool) -> Iterator[Transaction]:
        try:
            transaction = SpanningTransaction(cells, tenant, platform=platform, read_only=read_only)
        except TenantMoving:
            cells.await_move(tenant)
            transaction = SpanningTransaction(cells, tenant, platform=platform, read_only=read_only)
        transaction.portraits = self.portraits
        try:
            yield transaction
            transaction.flush()
            if not read_only:
                transaction.commit()
        finally:
            transaction.close()

    @contextmanager
    def _at_home(self, tenant: TenantId, *, platform: bool, read_only: bool) -> Iterator[Transaction]:
        with self.dialect.turn(read_only=read_only), self.engine.connect() as connection:
            self.dialect.begin(connection, tenant, read_only=read_only)
            transaction = Transaction(connection, self.dialect, tenant, platform=platform)
            transaction.portraits = self.portraits
            try:
                yield transaction
                transaction.flush()
                # Readers commit too: after a ROLLBACK psycopg forgets every statement that it had prepared.
                transaction.commit()
            finally:
                transaction.close()
