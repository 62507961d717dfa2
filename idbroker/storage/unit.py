"""Units of work: one transaction with one scope, and the repositories that live in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import structlog
from sqlalchemy import CursorResult, Executable, Result, Row, Select

from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.storage import loading
from idbroker.storage.guard import RAW, IsolationBreach
from idbroker.storage.rls import RELAYED_TABLES
from idbroker.storage.rows import IndexRow, PlatformRow, TenantRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from idbroker.kernel.clock import Clock
    from idbroker.storage.cells import Cells
    from idbroker.storage.dialect import Dialect
    from idbroker.storage.transaction import Transaction

TR = TypeVar("TR", bound="TenantRepository")
PR = TypeVar("PR", bound="PlatformRepository")
TT = TypeVar("TT", bound=TenantRow)
PT = TypeVar("PT", bound=PlatformRow | IndexRow)


Relayed = Callable[["Dialect", Sequence[TenantId]], Select[Any]]
"""Makes a statement on the relayed tables of those tenants."""


TENANT_IN_LOGS = "tenant_id"


def note_in_logs(tenant: TenantId) -> None:
    """What this thread logs from here on bears ``tenant_id``, until it is cleared: refusals are logged when all is over."""
    if tenant != PLATFORM_TRAIL:
        structlog.contextvars.bind_contextvars(**{TENANT_IN_LOGS: tenant})


class Portraits(Protocol):
    """How a resource looks to the apps: given by the composition, because the features that know are above storage."""

    def __call__(self, unit: TenantUnit, noun: str, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Id → the resource as the Admin API shows it now. What is not there is left out."""
        ...


class TenantUnit:
    """One tenant's data in one transaction. Made by ``Database.tenant`` or ``PlatformUnit.enter`` only."""

    def __init__(self, transaction: Transaction, scope: TenantScope, clock: Clock) -> None:
        self.transaction = transaction
        self.scope = scope
        self.clock = clock
        self._repositories: dict[type[Any], Any] = {}
        self._at_end: list[Callable[[], None]] = []

    def at_end(self, action: Callable[[], None]) -> None:
        """Run it when the work is done, before the commit: for what must be written of the state that the work leaves."""
        self._at_end.append(action)

    def finish(self) -> None:
        """For whoever made the unit: the work is done."""
        for action in self._at_end:
            action()
        self._at_end.clear()

    def take_turns(self, names: Sequence[str]) -> None:
        """Wait until no other transaction of this tenant that has named one of them is open. Name all at once, and only once:
        whoever names more later may wait in a ring."""
        self.dialect.take_turns(self.transaction.connection, self.scope.tenant, names)

    @property
    def portraits(self) -> Portraits | None:
        return self.transaction.portraits

    @property
    def session(self) -> Session:
        return self.transaction.session

    @property
    def dialect(self) -> Dialect:
        return self.transaction.dialect

    def __getitem__(self, repository: type[TR]) -> TR:
        if repository not in self._repositories:
            self._repositories[repository] = repository(self)
        return self._repositories[repository]  # type: ignore[no-any-return] # keyed by its own type


class PlatformUnit:
    """The operator's data in one transaction; no tenant's data, unless one tenant is entered by name."""

    def __init__(self, transaction: Transaction, actor: Actor, clock: Clock) -> None:
        self.transaction = transaction
        self.actor = actor
        self.clock = clock
        self._repositories: dict[type[Any], Any] = {}
        self._own = TenantUnit(transaction, TenantScope(PLATFORM_TRAIL, actor), clock)

    @property
    def session(self) -> Session:
        return self.transaction.session

    def __getitem__(self, repository: type[PR]) -> PR:
        if repository not in self._repositories:
            self._repositories[repository] = repository(self)
        return self._repositories[repository]  # type: ignore[no-any-return] # keyed by its own type

    @contextmanager
    def enter(self, scope: TenantScope) -> Iterator[TenantUnit]:
        """Work in one tenant within this transaction: guard and row-level security follow, and switch back after."""
        note_in_logs(scope.tenant)
        try:
            self.transaction.bind(scope.tenant, platform=False)
            inside = TenantUnit(self.transaction, scope, self.clock)
            yield inside
            inside.finish()
            self.transaction.flush()
        finally:
            self.transaction.bind(PLATFORM_TRAIL, platform=True)

    @property
    def cells(self) -> Cells | None:
        """None where everybody lives at home."""
        return self.transaction.cells

    def own_trail(self) -> TenantUnit:
        """The operator's own chain and keys, which belong to no tenant."""
        return self._own

    def across_tenants(self, tenants: Iterable[TenantId], select: Relayed) -> Sequence[Row[Any]]:
        """Columns of the two tables that the relay may read whatever the tenant (``rls.RELAYED_TABLES``), and of no other.

        ``select`` makes the statement, once for each database in which some of the tenants live.
        """
        found: list[Row[Any]] = []
        self.transaction.flush()
        for dialect, connection, mine in self.transaction.across(tenants):
            statement = select(dialect, mine)
            if not {getattr(source, "name", "") for source in statement.get_final_froms()} <= RELAYED_TABLES:
                raise IsolationBreach("the relay reads the outbox and the feed alone")
            dialect.see_relayed(connection)
            found += connection.execute(statement).all()
        return found

    def reachable(self, tenants: Iterable[TenantId]) -> set[TenantId]:
        """Those of the tenants that can be entered now: whose cell answers. All of them where everybody lives at home."""
        return self.transaction.reachable(tenants)

    def finish(self) -> None:
        """For whoever made the unit: the work is done."""
        self._own.finish()


class TenantRepository:
    """Base of every repository of tenant-owned tables. All its reads and writes happen in the unit's scope."""

    def __init__(self, unit: TenantUnit) -> None:
        self.unit = unit
        self.tenant: TenantId = unit.scope.tenant

    @property
    def session(self) -> Session:
        """Made when it is first wanted: what runs statements alone never wants it."""
        return self.unit.session

    def keyed(self, cls: type[TT], *key: Any) -> TT | None:
        """This tenant's row with that key (the tenant itself leads the key and is not given)."""
        return loading.of_tenant(self.unit, cls, key)

    def scoped(self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] = ()) -> Any:
        """The result of a statement that is made once; its parameter ``tenant`` is filled in here, and nowhere else.

        For hot paths; the row-level policies stand below it, the isolation suite walks it like everything else.
        """
        if isinstance(values, Mapping):
            filled: Any = {**values, "tenant": self.tenant}
        else:
            filled = [{**one, "tenant": self.tenant} for one in values] or {"tenant": self.tenant}
        return self.session.execute(statement, filled, execution_options={RAW: "bound to the unit's tenant"})

    def now(self) -> datetime:
        return self.unit.clock.now()


class PlatformRepository:
    """Base of every repository of platform tables."""

    def __init__(self, unit: PlatformUnit) -> None:
        self.unit = unit

    @property
    def session(self) -> Session:
        """Made when it is first wanted, as a tenant's is."""
        return self.unit.session

    def keyed(self, cls: type[PT], *key: Any) -> PT | None:
        """The row with that key."""
        return loading.of_platform(self.unit, cls, key)

    def now(self) -> datetime:
        return self.unit.clock.now()


def changed(result: Result[Any]) -> int:
    """How many rows an UPDATE or DELETE touched: the way to decide a race in the database."""
    return result.rowcount if isinstance(result, CursorResult) else 0
