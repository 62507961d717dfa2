"""One open transaction on one connection, and the tenant that it is bound to: what units are made of.

The ORM session in it is made when it is first wanted. A hot path that runs only statements of ``storage.statements`` never
makes one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from idbroker.kernel.ids import TenantId
from idbroker.storage import guard
from idbroker.storage.dialect import Dialect

if TYPE_CHECKING:
    from idbroker.storage.cells import Cells
    from idbroker.storage.unit import Portraits


class Transaction:
    """Belongs to one thread. ``info`` is for what lasts as long as the transaction does."""

    spans = False
    """Whether the tenant's tables may be in another database than the platform's (``spanning.py``)."""

    cells: Cells | None = None
    cells_first = False
    """Then: which of the databases commits first."""

    def __init__(self, connection: Connection, dialect: Dialect, tenant: TenantId, *, platform: bool) -> None:
        self.connection = connection
        self.dialect = dialect
        self.tenant = tenant
        self.platform = platform
        self.info: dict[Any, Any] = {}
        self.portraits: Portraits | None = None
        self._session: Session | None = None
        self._failed = False

    @property
    def session(self) -> Session:
        """The guarded ORM session of this transaction."""
        if self._session is None:
            self._session = self._made_session()
            self._tell_guard(self._session)
        return self._session

    def shared(self) -> Connection:
        """Where the platform's tables are, the indexes among them."""
        return self.connection

    @property
    def savepoint(self) -> SessionTransaction | None:
        """The innermost savepoint that is open, if any."""
        return None if self._session is None else self._session.get_nested_transaction()

    def across(self, tenants: Iterable[TenantId]) -> list[tuple[Dialect, Connection, list[TenantId]]]:
        """Those tenants by the database in which they live."""
        return [(self.dialect, self.connection, list(tenants))]

    def reachable(self, tenants: Iterable[TenantId]) -> set[TenantId]:
        """Those of the tenants whose database answers."""
        return set(tenants)

    def flush(self) -> None:
        """Write what the session holds back."""
        if self._session is not None:
            self._session.flush()

    def bind(self, tenant: TenantId, *, platform: bool) -> None:
        """Go on in another tenant: guard and row-level security follow. Nothing is told to a transaction that has failed."""
        if not self._failed and (self._session is None or self._session.is_active):
            self.flush()
            self.dialect.set_tenant(self.connection, tenant)
        self.tenant, self.platform = tenant, platform
        if self._session is not None:
            self._tell_guard(self._session)

    def run(self, connection: Connection, statement: str, parameters: Any) -> Any:
        """A statement in the driver's own words, on the driver's own connection. Returns its cursor. Raises DBAPIError."""
        return self._run(connection, "execute", statement, parameters)

    def run_many(self, connection: Connection, statement: str, parameters: list[Any]) -> None:
        """The same statement once for each of the parameters. Raises DBAPIError."""
        self._run(connection, "executemany", statement, parameters)

    def _run(self, connection: Connection, how: Literal["execute", "executemany"], statement: str, parameters: Any) -> Any:
        self.flush()
        try:
            cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr] # both drivers have it
            getattr(cursor, how)(statement, parameters)
        except connection.dialect.loaded_dbapi.Error as error:
            self._failed = True
            raise _told(connection, error, statement) from error
        return cursor

    def commit(self) -> None:
        self.connection.commit()

    def close(self) -> None:
        if self._session is not None:
            self._session.close()

    def _made_session(self) -> guard.GuardedSession:
        return guard.GuardedSession(self.connection, expire_on_commit=False, autoflush=True)

    def _tell_guard(self, session: Session) -> None:
        session.info[guard.TENANT] = self.tenant
        session.info[guard.PLATFORM] = self.platform


def _told(connection: Connection, error: Exception, statement: str) -> DBAPIError:
    """The driver's error as SQLAlchemy words it. A connection that is lost takes the pool's others with it."""
    dialect = connection.dialect
    if dialect.is_disconnect(error, connection.connection, None):  # type: ignore[arg-type] # no cursor is asked for
        connection.invalidate(error)
        connection.engine.dispose(close=False)
    return cast("DBAPIError", DBAPIError.instance(statement, None, error, dialect.loaded_dbapi.Error, dialect=dialect))
