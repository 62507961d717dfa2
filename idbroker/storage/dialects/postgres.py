"""PostgreSQL through psycopg: row-level security is the net below the session guard.

The server's role neither owns the tables nor may bypass the policies. Where the configured role is too mighty (a single
superuser URL, as on a developer's machine), every connection steps down to the role ``idbroker_server``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

from sqlalchemy import URL, Connection, Engine, MetaData, Table, create_engine, event, literal_column, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ColumnElement

from idbroker.kernel.ids import TenantId, is_id
from idbroker.storage import rls
from idbroker.storage.rows import keys_of

SERVER_ROLE = "idbroker_server"
MIGRATION_LOCK = 0x1DB0BE4  # any constant: two migrations of one database take turns
TRIGGER_SECONDS = 3
"""For how long a trigger may wait for a table: whoever wants to write to it meanwhile waits behind."""

_SET_TENANT = f"SELECT set_config('{rls.TENANT_SETTING}', %s, true)"
_TAKE_TURNS = "SELECT pg_advisory_xact_lock(number) FROM unnest(%s::bigint[]) AS number"
_TENANT, _READ_ONLY = "idbroker_tenant", "idbroker_read_only"


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
        connection.execution_options(**{_TENANT: tenant, _READ_ONLY: read_only}).begin()

    def set_tenant(self, connection: Connection, tenant: TenantId) -> None:
        connection.exec_driver_sql(_SET_TENANT, (tenant,))

    def take_turns(self, connection: Connection, tenant: TenantId, names: Sequence[str]) -> None:
        # In one order everywhere. Two names that share a number only wait for each other.
        keys = sorted({_number(f"{tenant}\n{name}") for name in names})
        if keys:
            connection.exec_driver_sql(_TAKE_TURNS, (keys,))

    def pass_fence(self, connection: Connection, tenant: TenantId, metadata: MetaData, *, writes: bool) -> str | None:
        state: str | None = connection.exec_driver_sql("SELECT pass_cell_fence(%s)", (writes,)).scalar_one()
        return state

    def await_writers(self, connection: Connection, tenant: TenantId) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({rls.MOVE_LOCK.format(tenant='%s')})", (tenant,))

    def note_changes(self, connection: Connection, table: Table, tenant: TenantId) -> None:
        self.note_no_more(connection, table, tenant)
        keys = ", ".join(f"'{name}'" for name in keys_of(table))
        for operation, row in (("INSERT OR UPDATE", "NEW"), ("DELETE", "OLD")):
            connection.exec_driver_sql(
                f'CREATE TRIGGER "{_trigger(tenant)}_{row}" AFTER {operation} ON "{table.name}" FOR EACH ROW'
                f" WHEN ({row}.tenant_id = '{tenant}') EXECUTE FUNCTION note_moving_change({keys})"
            )

    def note_no_more(self, connection: Connection, table: Table, tenant: TenantId) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{TRIGGER_SECONDS}s'")
        for row in ("NEW", "OLD"):
            connection.exec_driver_sql(f'DROP TRIGGER IF EXISTS "{_trigger(tenant)}_{row}" ON "{table.name}"')

    @contextmanager
    def alone(self, engine: Engine, name: str) -> Iterator[bool]:
        with engine.connect() as connection:
            key = "hashtextextended(%s, 0)"
            alone = bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({key})", (name,)).scalar_one())
            connection.commit()
            try:
                yield alone
            finally:
                if alone:
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({key})", (name,))
                    connection.commit()

    def see_relayed(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT set_config('{rls.RELAY_SETTING}', 'on', true)")

    def arrival(self, table: Any) -> ColumnElement[Any]:
        return literal_column(f"{table.name}.position")

    def apply_cut(self, connection: Connection, tenant: TenantId) -> int:
        return int(connection.execute(text("SELECT audit_apply_cut()")).scalar_one())

    def forget_item(self, connection: Connection, tenant: TenantId, sequence: int, item: int, terms: Sequence[int]) -> None:
        values = {"sequence": sequence, "item": item, "terms": list(terms)}
        connection.execute(text("SELECT audit_forget_item(:sequence, :item, CAST(:terms AS bigint[]))"), values)

    def erase_trail(self, connection: Connection, tenant: TenantId) -> tuple[int, int]:
        removed, left = connection.execute(text("SELECT removed, remaining FROM audit_erase_trail()")).one()
        return int(removed), int(left)

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
        engine = create_engine(
            url,
            pool_size=pool,
            max_overflow=pool,
            pool_pre_ping=False,
            connect_args={"options": f"-c search_path={self._schema} -c timezone=UTC{options}", "connect_timeout": 5},
        )
        event.listen(engine, "connect", _begin_nothing)
        event.listen(engine, "begin", _on_begin)
        return engine

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


def _number(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


def _trigger(tenant: TenantId) -> str:
    if not is_id(tenant, "tnt"):
        raise ValueError("a trigger is named by the id of a tenant")
    return f"idbroker_{tenant}"


def _begin_nothing(connection: Any, record: Any) -> None:
    """The driver begins no transaction by itself: ``_on_begin`` does, with more in the same message."""
    connection.autocommit = True


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


def _on_begin(connection: Connection) -> None:
    """BEGIN and the tenant in one message: of a short transaction's time, each way to the server and back is a good part."""
    options, driver = connection.get_execution_options(), connection.dialect.loaded_dbapi
    words = "BEGIN READ ONLY" if options.get(_READ_ONLY) else "BEGIN"
    if _TENANT in options:
        words += f"; SELECT set_config('{rls.TENANT_SETTING}', {driver.sql.quote(options[_TENANT])}, true)"
    try:
        connection.connection.driver_connection.execute(words)  # type: ignore[union-attr] # psycopg's own
    except driver.Error as error:
        dialect = connection.dialect
        if dialect.is_disconnect(error, connection.connection, None):
            connection.invalidate(error)
            connection.engine.dispose(close=False)  # whoever lost this one lost the pool's others too
        raise DBAPIError.instance(words, None, error, driver.Error, dialect=dialect) from error
