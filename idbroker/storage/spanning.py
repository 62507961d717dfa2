"""A transaction over the platform's database and the cells of those tenants that are worked in: one part in each.

There is no commit over several databases. Home commits first, then the cells: what is only found (indexes, queues, the feed's
order) may point at something that is not there yet, never the other way round, and whoever asks again repairs it.
``cells_first`` is for what makes a tenant, half of which must not be found, and for the feed and what follows it.

Embedded databases let one writer through at a time: where home is one, every writer takes its turn there first, so that no
two can wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from typing import Any

import structlog
from sqlalchemy import Connection

from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.storage.cells import HOME, Cell, CellAway, Cells, TenantMoving, lives_in_cell, tables_in
from idbroker.storage.dialect import Dialect
from idbroker.storage.fences import LOCKED
from idbroker.storage.guard import GuardedSession, IsolationBreach
from idbroker.storage.rows import MAIN
from idbroker.storage.transaction import Transaction

MOVES_MISSED = 3
"""So many moves of one tenant may have been made while a process looked away."""

log = structlog.get_logger("idbroker.storage")


class RoutedSession(GuardedSession):
    """A session that writes each row where its kind lives."""

    def __init__(self, transaction: SpanningTransaction) -> None:
        super().__init__(expire_on_commit=False, autoflush=True)
        self._parts = transaction

    def get_bind(self, mapper: Any = None, *, clause: Any = None, bind: Any = None, **how: Any) -> Any:
        if bind is not None:
            return bind
        tables = tables_in(clause) if clause is not None else set()
        if not tables and mapper is not None:
            tables = {getattr(mapper, "mapper", mapper).local_table.name}
        return self._parts.connection_for(tables)


class SpanningTransaction(Transaction):
    """Databases are connected to when something of them is first wanted."""

    spans = True

    def __init__(self, cells: Cells, tenant: TenantId, *, platform: bool, read_only: bool) -> None:
        self.cells: Cells = cells
        self._read_only = read_only
        self._parts: dict[str, Connection] = {}
        self._closing: dict[str, ExitStack] = {}
        try:
            if not read_only and cells.home.dialect.migrates_itself:
                self._part(cells.home, tenant)
            cell = cells.home if platform else self._arrive(tenant)
            connection = self._part(cell, tenant)
        except BaseException:
            self._end()
            raise
        super().__init__(connection, cell.dialect, tenant, platform=platform)

    def shared(self) -> Connection:
        return self._part(self.cells.home, self.tenant)

    def connection_for(self, tables: set[str]) -> Connection:
        """Where those tables are, all of them. Raises IsolationBreach where they are not together."""
        kinds = {lives_in_cell(table) for table in tables}
        if len(kinds) > 1:
            raise IsolationBreach(f"{', '.join(sorted(tables))} are not in one database")
        return self.shared() if kinds == {False} else self.connection

    def across(self, tenants: Iterable[TenantId]) -> list[tuple[Dialect, Connection, list[TenantId]]]:
        cells: dict[str, list[TenantId]] = {}
        for tenant in tenants:
            cells.setdefault(self._cell_of(tenant).name, []).append(tenant)
        found = [(self.cells.named(name), mine) for name, mine in cells.items()]
        return [(cell.dialect, self._part(cell, self.tenant), mine) for cell, mine in found]

    def reachable(self, tenants: Iterable[TenantId]) -> set[TenantId]:
        found = set()
        for tenant in tenants:
            with suppress(CellAway):
                self._part(self._cell_of(tenant), self.tenant)
                found.add(tenant)
        return found

    def bind(self, tenant: TenantId, *, platform: bool) -> None:
        cell = self.cells.home
        if not self._failed and (self._session is None or self._session.is_active):
            self.flush()
            self._tell(self.cells.home, tenant)
            if not platform:
                cell = self._arrive(tenant)
        if cell.name in self._parts:
            self.connection, self.dialect = self._parts[cell.name], cell.dialect
        self.tenant, self.platform = tenant, platform
        if self._session is not None:
            self._tell_guard(self._session)

    def commit(self) -> None:
        order = sorted(self._parts, key=lambda name: (name == HOME) is self.cells_first)
        for number, name in enumerate(order):
            try:
                self._parts[name].commit()
            except BaseException:
                if number:
                    log.exception("committed in one database and not in the next", done=order[:number], missing=order[number:])
                raise

    def close(self) -> None:
        super().close()
        self._end()

    def _end(self) -> None:
        with ExitStack() as ending:
            for closing in self._closing.values():
                ending.push(closing)

    def _made_session(self) -> GuardedSession:
        return RoutedSession(self)

    def _arrive(self, tenant: TenantId) -> Cell:
        """The cell in which the tenant may be worked on, with a part there that is bound to it. Raises TenantMoving."""
        cell = self._cell_of(tenant)
        for _ in range(MOVES_MISSED):
            fresh = cell.name not in self._parts
            connection = self._part(cell, tenant)
            if not fresh:
                cell.dialect.set_tenant(connection, tenant)
            if tenant == PLATFORM_TRAIL:
                return cell
            state = cell.dialect.pass_fence(connection, tenant, self.cells.metadata, writes=not self._read_only)
            if state is None or (state == LOCKED and self._read_only):
                return cell
            if fresh:
                self._leave(cell.name)
            self.cells.placements.forget(tenant)
            now = self.cells.of(tenant)  # asked anew: an open transaction may still see where it was
            if now.name == cell.name:
                break
            cell = now
        raise TenantMoving(tenant)

    def _cell_of(self, tenant: TenantId) -> Cell:
        at_hand = self._parts.get(HOME) if self.cells.metadata is MAIN else None
        return self.cells.named(self.cells.placements.of(tenant, at_hand, keep=self._read_only))

    def _part(self, cell: Cell, tenant: TenantId) -> Connection:
        found = self._parts.get(cell.name)
        if found is None:
            with ExitStack() as opening:
                opening.enter_context(cell.dialect.turn(read_only=self._read_only))
                found = opening.enter_context(self.cells.connect(cell))
                cell.dialect.begin(found, tenant, read_only=self._read_only)
                self._closing[cell.name] = opening.pop_all()
            self._parts[cell.name] = found
        return found

    def _leave(self, name: str) -> None:
        del self._parts[name]
        self._closing.pop(name).close()

    def _tell(self, cell: Cell, tenant: TenantId) -> None:
        if cell.name in self._parts:
            cell.dialect.set_tenant(self._parts[cell.name], tenant)
