"""What a database engine must be able to do for us: the seam between SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, MetaData, Table
from sqlalchemy.sql.elements import ColumnElement

from idbroker.kernel.ids import TenantId


class Dialect(Protocol):
    """One instance per database (main, audit)."""

    @property
    def name(self) -> str: ...

    @property
    def migrates_itself(self) -> bool:
        """Whether ``serve`` may bring the schema up to date by itself (embedded) or must not (shared server)."""
        ...

    def engine(self) -> Engine:
        """The server's engine, kept for the life of the process."""
        ...

    def owner_engine(self) -> Engine:
        """An engine with the right to change the schema; the caller disposes of it."""
        ...

    def forget_item(self, connection: Connection, tenant: TenantId, sequence: int, item: int, terms: Sequence[int]) -> None:
        """Take the text of a sealed item of an audit record out of the index, with those words."""
        ...

    def erase_trail(self, connection: Connection, tenant: TenantId) -> tuple[int, int]:
        """Remove a piece of the trail of a tenant whose last head says that it is erased: (removed, what is left)."""
        ...

    def scrub(self, connection: Connection) -> bool:
        """Overwrite what the engine's files still hold of deleted rows. Whether this engine does that when asked."""
        ...

    def turn(self, *, read_only: bool) -> AbstractContextManager[None]:
        """Held around a unit: embedded engines let their writers through one at a time."""
        ...

    def begin(self, connection: Connection, tenant: TenantId, *, read_only: bool) -> None:
        """Open the transaction and bind it to the tenant."""
        ...

    def set_tenant(self, connection: Connection, tenant: TenantId) -> None:
        """Bind the open transaction to another tenant."""
        ...

    def take_turns(self, connection: Connection, tenant: TenantId, names: Sequence[str]) -> None:
        """Until the transaction ends, no other one of the tenant's goes past this with one of those names."""
        ...

    def pass_fence(self, connection: Connection, tenant: TenantId, metadata: MetaData, *, writes: bool) -> str | None:
        """In a transaction bound to the tenant: the state of the fence that a move has put up (``fences.py``), None where
        there is none. Who writes and gets None holds up the next one until the transaction is over."""
        ...

    def await_writers(self, connection: Connection, tenant: TenantId) -> None:
        """Return when every transaction that passed the fence before it was there is over."""
        ...

    def note_changes(self, connection: Connection, table: Table, tenant: TenantId) -> None:
        """From now on every change of that tenant's rows of the table is noted (``fences.MovingChange``). Run as the owner."""
        ...

    def note_no_more(self, connection: Connection, table: Table, tenant: TenantId) -> None: ...

    def alone(self, engine: Engine, name: str) -> AbstractContextManager[bool]:
        """Whether nobody else, in whatever process, is within it with that name. Ends with the process, however that ends."""
        ...

    def see_relayed(self, connection: Connection) -> None:
        """Let the open transaction read the relayed tables (outbox, feed) of every tenant; nothing else, and read only."""
        ...

    def arrival(self, table: Any) -> ColumnElement[Any]:
        """An expression that orders the table's rows by the order of their insertion."""
        ...

    def apply_cut(self, connection: Connection, tenant: TenantId) -> int:
        """In the audit store, in that tenant's transaction: remove records that its newest signed cut stands for, some
        thousands at a time. How many; 0 when they are all gone."""
        ...

    def prepare(self, connection: Connection) -> None:
        """Before a migration: take turns with other migrations, make the schema. Run as the owner."""
        ...

    def secure(self, connection: Connection, metadata: MetaData) -> None:
        """After a migration: policies, grants. Run as the owner; safe to repeat."""
        ...

    def problems(self, connection: Connection, metadata: MetaData) -> list[str]:
        """Why the server must not run on this connection (rights too wide, policies missing); empty when all is well."""
        ...
