"""PostgreSQL through psycopg: row-level security is the net below the session guard.

The server's role neither owns the tables nor may bypass the policies. Where the configured role is too mighty (a single
superuser URL, as on a developer's machine), every connection steps down to the role ``idbroker_server``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, literal_column, make_url, text
from sqlalchemy.sql.elements import ColumnElement

from idbroker.kernel.ids import TenantId
from idbroker.storage import rls

SERVER_ROLE = "idbroker_server"
MIGRATION_LOCK = 0x1DB0BE4  # any constant: two migrations of one database take turns

_SET_TENANT = f"SELECT set_config('{rls.TENANT_SETTING}', %s, true)"
_BEGIN = f"{_SET_TENANT}, set_config('transaction_read_only', %s, true)"


class PostgresDialect:
    """``schema`` is where the tables live: ``public`` for the main database, ``audit`` for a trail in the same one.

    ``lock_seconds``: for how long the server waits for a lock; None for as long as it takes.
    """

    name = "postgresql"
    migrates_itself = False

    def __init__(
        self, url: str, owner_url: str | None = None, *, schema: str = "public", pool: int = 10, lock_seconds: int | None = None
    ) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._owner_url = make_url(owner_url or url).set(drivername="postgresql+psycopg")
        self._schema = schema
        self._pool = pool
        self._server_options = f" -c lock_timeout={lock_seconds}s" if lock_seconds else ""

    def engine(self) -> Engine:
        engine = self._engine(self._url, pool=self._pool, options=self._server_options)
        event.listen(engine, "connect", _step_down)
        return engine

    def owner_engine(self) -> Engine:
        return self._engine(self._owner_url, pool=1)

    @contextmanager
    def turn(self, *, read_only: bool) -> Iterator[None]:
        yield

    def begin(self, connection: Connection, tenant: TenantId, *, read_only: bool) -> None:
        connection.exec_driver_sql(_BEGIN, (tenant, "on" if read_only else "off"))

    def set_tenant(self, connection: Connection, tenant: TenantId) -> None:
        connection.exec_driver_sql(_SET_TENANT, (tenant,))

    def see_relayed(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT set_config('{rls.RELAY_SETTING}', 'on', true)")

    def arrival(self, table: Any) -> ColumnElement[Any]:
        return literal_column(f"{table.name}.position")

    def apply_cut(self, connection: Connection, tenant: TenantId) -> int:
        return int(connection.execute(text("SELECT audit_apply_cut()")).scalar_one())

    def forget_item(self, connection: Connection, tenant: TenantId, sequence: int, item: int, terms: Sequence[int]) -> None:
        values = {"sequence": sequence, "item": item, "terms": list(terms)}
        connection.execute(text("SELECT audit_forget_item(:sequence, :item, CAST(:terms AS bigint[]))"), values)

    def scrub(self, connection: Connection) -> bool:
        """Dead rows are taken away by autovacuum; the server's role may not ask for it."""
        return False

    def prepare(self, connection: Connection) -> None:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"'))

    def secure(self, connection: Connection, metadata: MetaData) -> None:
        rls.apply(connection, metadata, self._server_role(connection), self._schema)

    def problems(self, connection: Connection, metadata: MetaData) -> list[str]:
        return rls.problems(connection, metadata, self._schema)

    def _engine(self, url: URL, *, pool: int, options: str = "") -> Engine:
        return create_engine(
            url,
            pool_size=pool,
            max_overflow=pool,
            pool_pre_ping=False,
            connect_args={"options": f"-c search_path={self._schema} -c timezone=UTC{options}", "connect_timeout": 5},
        )

    def _server_role(self, connection: Connection) -> str:
        """The role that gets the grants: the one in the server's URL, or the stepped-down one where that is too mighty."""
        wanted = self._url.username or connection.execute(text("SELECT current_user")).scalar_one()
        mighty = connection.execute(
            text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = :name"), {"name": wanted}
        ).scalar()
        if mighty is None:
            raise LookupError(f"the role “{wanted}” of IDBROKER_DATABASE_URL does not exist; create it, then run this again")
        if not mighty:
            return str(wanted)
        if not connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": SERVER_ROLE}).scalar():
            connection.execute(text(f"CREATE ROLE {SERVER_ROLE} NOLOGIN"))
        return SERVER_ROLE


def _step_down(connection: Any, record: Any) -> None:
    """On every new connection of the server: a role that policies do not bind gives itself up for one that they do."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),"
            " EXISTS (SELECT 1 FROM pg_roles WHERE rolname = %s)",
            (SERVER_ROLE,),
        )
        mighty, prepared = cursor.fetchone()
        if mighty and prepared:
            cursor.execute(f"SET ROLE {SERVER_ROLE}")
    connection.commit()
