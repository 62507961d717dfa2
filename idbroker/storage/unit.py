"""Units of work: one transaction with one scope, and the repositories that live in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import CursorResult, Result

from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.storage.guard import PLATFORM, TENANT

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from idbroker.kernel.clock import Clock
    from idbroker.storage.dialect import Dialect

TR = TypeVar("TR", bound="TenantRepository")
PR = TypeVar("PR", bound="PlatformRepository")


class TenantUnit:
    """One tenant's data in one transaction. Made by ``Database.tenant`` or ``PlatformUnit.enter`` only."""

    def __init__(self, session: Session, scope: TenantScope, clock: Clock, dialect: Dialect) -> None:
        self.session = session
        self.scope = scope
        self.clock = clock
        self.dialect = dialect
        self._repositories: dict[type[Any], Any] = {}

    def __getitem__(self, repository: type[TR]) -> TR:
        if repository not in self._repositories:
            self._repositories[repository] = repository(self)
        return self._repositories[repository]  # type: ignore[no-any-return] # keyed by its own type


class PlatformUnit:
    """The operator's data in one transaction; no tenant's data, unless one tenant is entered by name."""

    def __init__(self, session: Session, actor: Actor, clock: Clock, dialect: Dialect) -> None:
        self.session = session
        self.actor = actor
        self.clock = clock
        self._dialect = dialect
        self._repositories: dict[type[Any], Any] = {}

    def __getitem__(self, repository: type[PR]) -> PR:
        if repository not in self._repositories:
            self._repositories[repository] = repository(self)
        return self._repositories[repository]  # type: ignore[no-any-return] # keyed by its own type

    @contextmanager
    def enter(self, scope: TenantScope) -> Iterator[TenantUnit]:
        """Work in one tenant within this transaction: guard and row-level security follow, and switch back after."""
        self._switch(scope.tenant, platform=False)
        try:
            yield TenantUnit(self.session, scope, self.clock, self._dialect)
            self.session.flush()
        finally:
            self._switch(PLATFORM_TRAIL, platform=True)

    def own_trail(self) -> TenantUnit:
        """The operator's own chain and keys, which belong to no tenant."""
        return TenantUnit(self.session, TenantScope(PLATFORM_TRAIL, self.actor), self.clock, self._dialect)

    def _switch(self, tenant: TenantId, *, platform: bool) -> None:
        if self.session.is_active:
            self.session.flush()
            self._dialect.set_tenant(self.session, tenant)
        self.session.info[TENANT] = tenant
        self.session.info[PLATFORM] = platform


class TenantRepository:
    """Base of every repository of tenant-owned tables. All its reads and writes happen in the unit's scope."""

    def __init__(self, unit: TenantUnit) -> None:
        self.unit = unit
        self.session = unit.session
        self.tenant: TenantId = unit.scope.tenant

    def now(self) -> datetime:
        return self.unit.clock.now()


class PlatformRepository:
    """Base of every repository of platform tables."""

    def __init__(self, unit: PlatformUnit) -> None:
        self.unit = unit
        self.session = unit.session

    def now(self) -> datetime:
        return self.unit.clock.now()


def changed(result: Result[Any]) -> int:
    """How many rows an UPDATE or DELETE touched: the way to decide a race in the database."""
    return result.rowcount if isinstance(result, CursorResult) else 0
