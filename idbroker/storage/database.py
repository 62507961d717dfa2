"""A database and the two ways into it: a tenant's unit, the platform's unit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, select

from idbroker.kernel.clock import Clock
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.storage import guard
from idbroker.storage.dialect import Dialect
from idbroker.storage.transaction import Transaction
from idbroker.storage.unit import PlatformUnit, Portraits, TenantUnit


class Database:
    """One engine, its pool, and the units opened on it. Thread-safe; a unit belongs to one thread."""

    def __init__(self, dialect: Dialect, clock: Clock, portraits: Portraits | None = None) -> None:
        """``portraits`` shows resources as apps see them; without it, events carry no more than the resource's id."""
        self.dialect = dialect
        self.portraits = portraits
        self.clock = clock
        self.engine: Engine = dialect.engine()

    @contextmanager
    def tenant(self, scope: TenantScope, *, read_only: bool = False) -> Iterator[TenantUnit]:
        """A transaction on that tenant's data. Commits on normal exit, rolls back when anything is raised."""
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

    def tenants_in(self, table: Any, limit: int = 1000) -> list[TenantId]:
        """The tenants that have rows in ``table``, which must be the outbox: names only, for the one who empties it."""
        with self._transaction(PLATFORM_TRAIL, platform=True, read_only=True) as transaction:
            self.dialect.see_relayed(transaction.connection)
            statement = select(table.c.tenant_id).distinct().limit(limit)
            found = transaction.session.execute(statement, execution_options={guard.RAW: "tenant ids alone"})
            return [TenantId(tenant) for tenant in found.scalars()]

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _transaction(self, tenant: TenantId, *, platform: bool, read_only: bool) -> Iterator[Transaction]:
        with self.dialect.turn(read_only=read_only), self.engine.connect() as connection:
            self.dialect.begin(connection, tenant, read_only=read_only)
            transaction = Transaction(connection, self.dialect, tenant, platform=platform)
            transaction.portraits = self.portraits
            try:
                yield transaction
                transaction.flush()
                if not read_only:
                    connection.commit()
            finally:
                transaction.close()
