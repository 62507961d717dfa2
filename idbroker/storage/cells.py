"""Cells: the databases in which tenants live, and which tenant lives in which.

    PlatformRow, IndexRow   the platform's database, which is the cell ``home`` as well
    TenantRow               the tenant's cell
    of the audit store      the audit store of the tenant's cell

What belongs to the operator alone (``PLATFORM_TRAIL``) lives at home. Every cell has the whole schema; the platform's tables
of the others stay empty. ``tenants.cell`` says where a tenant lives; None is home.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, MetaData, Select, bindparam, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.schema import Table

from idbroker.kernel.errors import Refusal
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.storage.dialect import Dialect
from idbroker.storage.rls import changes_of, fence_of
from idbroker.storage.rows import AUDIT, MAIN, IndexRow, tenant_tables

HOME = "home"
REMEMBERED = 50_000
RETRY_SECONDS = 2
LEFT_ALONE_SECONDS = 5
WAIT_SECONDS = 5
POLL_SECONDS = 0.05
WAITING = 8
"""So many threads wait for tenants that are being moved; who comes then is told to come again."""

log = structlog.get_logger("idbroker.storage")


class CellAway(Refusal):
    """The cell in which the tenant lives cannot be used from here just now."""

    status = 503
    retry_after = RETRY_SECONDS

    def __init__(self, detail: str) -> None:
        super().__init__("cell_away", "This organisation cannot be reached for a moment. Please try again.", detail=detail)


class TenantMoving(Refusal):
    """The tenant is being moved to another cell, and this is the moment in which nobody writes to it."""

    status = 503
    retry_after = RETRY_SECONDS

    def __init__(self, tenant: TenantId) -> None:
        super().__init__("tenant_moving", "This organisation is being moved and is back in a few seconds. Please try again.")
        self.tenant = tenant


@dataclass(frozen=True, slots=True)
class CellPlan:
    """A cell as it is configured. ``dialect`` is of one of its two databases: main or audit."""

    name: str
    region: str | None
    new_tenants: bool
    """Whether tenants are placed in it that are for no cell by name."""
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class Cell:
    plan: CellPlan
    engine: Engine

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def dialect(self) -> Dialect:
        return self.plan.dialect


class Placements:
    """Which cell a tenant lives in. Read from the platform's database once; where it was moved away, its old cell says so."""

    def __init__(self, dialect: Dialect, engine: Engine) -> None:
        self._dialect = dialect
        self._engine = engine
        self._known: dict[TenantId, str] = {}
        self._lock = threading.Lock()

    def of(self, tenant: TenantId, home: Connection | None = None, *, keep: bool = False) -> str:
        """``home``: the open connection to the platform's database, if there is one; it may have just made the tenant. What
        it has written may never come true: ``keep`` says that it only reads."""
        known = HOME if tenant == PLATFORM_TRAIL else self._known.get(tenant)
        if known is not None:
            return known
        if home is not None:
            return self._read(home, tenant, keep=keep)
        with self._engine.connect() as connection:
            self._dialect.begin(connection, PLATFORM_TRAIL, read_only=True)
            return self._read(connection, tenant, keep=True)

    def forget(self, tenant: TenantId) -> None:
        """Ask again."""
        with self._lock:
            self._known.pop(tenant, None)

    def used(self) -> set[str]:
        """The names of all cells in which tenants live."""
        with self._engine.connect() as connection:
            self._dialect.begin(connection, PLATFORM_TRAIL, read_only=True)
            found = connection.execute(select(MAIN.tables["tenants"].c.cell).distinct()).scalars()
            return {cell or HOME for cell in found}

    def _read(self, connection: Connection, tenant: TenantId, *, keep: bool = False) -> str:
        found = list(connection.execute(_cell_of(), {"wanted": tenant}).scalars())
        cell: str = (found[0] if found else None) or HOME
        if found and keep:
            with self._lock:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[tenant] = cell
        return cell


class Cells:
    """The cells of one kind of database (main, audit), home first. At least two."""

    def __init__(self, cells: Sequence[Cell], placements: Placements, metadata: MetaData) -> None:
        self._cells = {cell.name: cell for cell in cells}
        self.placements = placements
        self.metadata = metadata
        self.waiting = threading.BoundedSemaphore(WAITING)
        self._away: dict[str, float] = {}

    def __iter__(self) -> Iterator[Cell]:
        return iter(self._cells.values())

    @property
    def home(self) -> Cell:
        return self._cells[HOME]

    def named(self, name: str) -> Cell:
        """Raises CellAway for one that is not configured here."""
        found = self._cells.get(name)
        if found is None:
            raise CellAway(f"the cell “{name}” is not in IDBROKER_CELLS of this process")
        return found

    def of(self, tenant: TenantId) -> Cell:
        return self.named(self.placements.of(tenant))

    def connect(self, cell: Cell) -> Connection:
        """A connection of the cell's pool. One that did not answer is left alone for a moment, so that its tenants do not
        hold up the threads that others need. Raises CellAway; what is wrong with home raises itself."""
        if self.is_away(cell.name):
            raise CellAway(f"the cell “{cell.name}” did not answer a moment ago")
        try:
            return cell.engine.connect()
        except OperationalError as error:
            if cell.name == HOME:
                raise
            self._away[cell.name] = time.monotonic() + LEFT_ALONE_SECONDS
            log.warning("cell does not answer", cell=cell.name, cause=str(error.orig))
            raise CellAway(f"the cell “{cell.name}” does not answer") from error

    def await_move(self, tenant: TenantId) -> None:
        """Return when the tenant can be written to again, or when it has taken too long. With nothing open, so that nobody is
        held up by the wait. Raises TenantMoving when too many wait already."""
        if not self.waiting.acquire(blocking=False):
            raise TenantMoving(tenant)
        try:
            until = time.monotonic() + WAIT_SECONDS
            while self._fenced(tenant) and time.monotonic() < until:
                time.sleep(POLL_SECONDS)
        finally:
            self.waiting.release()

    def _fenced(self, tenant: TenantId) -> bool:
        self.placements.forget(tenant)
        cell = self.of(tenant)
        with self.connect(cell) as connection:
            cell.dialect.begin(connection, tenant, read_only=True)
            return cell.dialect.pass_fence(connection, tenant, self.metadata, writes=False) is not None

    def is_away(self, name: str) -> bool:
        return time.monotonic() < self._away.get(name, 0)


def chosen_cell(plans: Iterable[CellPlan], region: str | None, tenant: TenantId) -> CellPlan | None:
    """Where a new tenant is placed that nobody placed by name: the same for the same id, evenly spread. None: nowhere."""
    plans = list(plans)
    if not any(plan.region for plan in plans):
        region = None  # then it is a word of the operator's, and no place
    open_ones = [plan for plan in plans if plan.new_tenants and region in (None, plan.region)]
    if not open_ones:
        return None
    return open_ones[int.from_bytes(hashlib.sha256(tenant.encode()).digest()[:4], "big") % len(open_ones)]


def tables_in(statement: ClauseElement) -> set[str]:
    """The names of the tables that a statement speaks of."""
    return {part.name for part in visitors.iterate(statement) if isinstance(part, Table)}


def cell_tables(metadata: MetaData) -> list[Table]:
    """Every table with rows of a tenant that are where the tenant lives; but for those that a move itself writes."""
    names = {fence_of(metadata), changes_of(metadata)}
    return [table for table in metadata.sorted_tables if lives_in_cell(table.name) and table.name not in names]


@cache
def lives_in_cell(table: str) -> bool:
    """Whether that table's rows are where their tenant lives; else they are the platform's."""
    kind = {**tenant_tables(MAIN), **tenant_tables(AUDIT)}.get(table)
    return kind is not None and not issubclass(kind, IndexRow)


@cache
def _cell_of() -> Select[Any]:
    tenants = MAIN.tables["tenants"]
    return select(tenants.c.cell).where(tenants.c.id == bindparam("wanted"))
