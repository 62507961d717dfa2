"""One open transaction on one connection, and the tenant that it is bound to: what units are made of.

The ORM session in it is made when it is first wanted. A hot path that runs only statements of ``storage.statements`` never
makes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from idbroker.kernel.ids import TenantId
from idbroker.storage import guard
from idbroker.storage.dialect import Dialect

if TYPE_CHECKING:
    from idbroker.storage.unit import Portraits


class Transaction:
    """Belongs to one thread. ``info`` is for what lasts as long as the transaction does."""

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
            self._session = guard.GuardedSession(self.connection, expire_on_commit=False, autoflush=True)
            self._tell_guard(self._session)
        return self._session

    @property
    def savepoint(self) -> SessionTransaction | None:
        """The innermost savepoint that is open, if any."""
        return None if self._session is None else self._session.get_nested_transaction()

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

    def run(self, statement: str, parameters: Any) -> Any:
        """A statement in the driver's own words, on the driver's own connection. Returns its cursor. Raises DBAPIError."""
        return self._run("execute", statement, parameters)

    def run_many(self, statement: str, parameters: list[Any]) -> None:
        """The same statement once for each of the parameters. Raises DBAPIError."""
        self._run("executemany", statement, parameters)

    def _run(self, how: Literal["execute", "executemany"], statement: str, parameters: Any) -> Any:
        self.flush()
        try:
            cursor = self.connection.connection.driver_connection.cursor()  # type: ignore[union-attr] # both drivers have it
            getattr(cursor, how)(statement, parameters)
        except self.connection.dialect.loaded_dbapi.Error as error:
            self._failed = True
            raise self._told(error, statement) from error
        return cursor

    def close(self) -> None:
        if self._session is not None:
            self._session.close()

    def _told(self, error: Exception, statement: str) -> DBAPIError:
        """The driver's error as SQLAlchemy words it. A connection that is lost takes the pool's others with it."""
        dialect = self.connection.dialect
        if dialect.is_disconnect(error, self.connection.connection, None):  # type: ignore[arg-type] # no cursor is asked for
            self.connection.invalidate(error)
            self.connection.engine.dispose(close=False)
        return cast("DBAPIError", DBAPIError.instance(statement, None, error, dialect.loaded_dbapi.Error, dialect=dialect))

    def _tell_guard(self, session: Session) -> None:
        session.info[guard.TENANT] = self.tenant
        session.info[guard.PLATFORM] = self.platform
