"""Domains and connections as rows, and the two indexes by which the world finds them before a tenant is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, update
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Field, col, select

from idbroker.connections.discovery import DomainEntry, owner_of
from idbroker.kernel.addresses import parent_domains
from idbroker.kernel.errors import Conflict, NotFound
from idbroker.kernel.ids import ConnectionId, TenantId
from idbroker.storage.loading import TenantRows
from idbroker.storage.rows import IndexRow, JsonColumn, TenantRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, TenantRepository, changed


class Domain(TenantRow, table=True):
    """A mail domain that a tenant claims. ``token`` is what its TXT record must say."""

    __tablename__ = "domains"
    __table_args__ = (Index("uq_domains_tenant_id_name", "tenant_id", "name", unique=True),)

    id: str = Field(primary_key=True)
    name: str
    status: str
    token: str
    include_subdomains: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)
    verified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class DomainIndex(IndexRow, table=True):
    """A verified domain belongs to one tenant in the whole deployment: the primary key says so."""

    __tablename__ = "domain_index"

    name: str = Field(primary_key=True)
    include_subdomains: bool = False


class Connection(TenantRow, table=True):
    """One way into a tenant. ``settings`` are the protocol's own; ``secrets_sealed`` a sealed JSON object."""

    __tablename__ = "connections"

    id: str = Field(primary_key=True)
    version: int = 1
    type: str
    name: str
    vendor: str
    status: str
    settings: dict[str, Any] = Field(sa_type=JsonColumn)
    secrets_sealed: bytes
    options: dict[str, Any] = Field(sa_type=JsonColumn)
    attribute_mapping: dict[str, str] = Field(sa_type=JsonColumn)
    routing_domains: list[str] = Field(sa_type=JsonColumn)
    warnings: list[dict[str, str]] = Field(sa_type=JsonColumn)
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class ConnectionIndex(IndexRow, table=True):
    """Whose connection that is: the addresses that IdPs call bear a connection id and no tenant."""

    __tablename__ = "connection_index"

    connection_id: str = Field(primary_key=True)


_VERIFIED = TenantRows(Domain, lambda rows: rows.where(col(Domain.status) == "verified").order_by(col(Domain.name)).limit(1000))
_ACTIVE = TenantRows(
    Connection, lambda rows: rows.where(col(Connection.status) == "active").order_by(col(Connection.id)).limit(1000)
)
_IN_TEST = TenantRows(
    Connection, lambda rows: rows.where(col(Connection.status) == "test").order_by(col(Connection.id)).limit(100)
)


class Domains(TenantRepository):
    def add(self, row: Domain) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, domain_id: str) -> Domain | None:
        return self.keyed(Domain, domain_id)

    def named(self, name: str) -> Domain | None:
        return self.session.execute(select(Domain).where(Domain.name == name)).scalars().first()

    def page(self, *, text: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[Domain]:
        statement = select(Domain).order_by(col(Domain.id)).limit(limit)
        if text:
            statement = statement.where(col(Domain.name).icontains(text, autoescape=True))
        if after:
            statement = statement.where(col(Domain.id) > after)
        return self.session.execute(statement).scalars().all()

    def verified(self) -> Sequence[Domain]:
        return _VERIFIED.all(self.unit)

    def pending(self, since: datetime, limit: int) -> Sequence[Domain]:
        """Those claimed since then that nobody has proven, the newest first."""
        statement = select(Domain).where(Domain.status == "pending", col(Domain.created_at) >= since)
        return self.session.execute(statement.order_by(col(Domain.id).desc()).limit(limit)).scalars().all()

    def index(self, row: Domain) -> None:
        """Enter a verified domain into the index. Raises IntegrityError when another tenant holds it."""
        self.session.add(DomainIndex(tenant_id=self.tenant, name=row.name, include_subdomains=row.include_subdomains))
        self.session.flush()

    def delete(self, row: Domain) -> None:
        """Give the domain up, in the index too if it was this tenant's there."""
        indexed = self.session.get(DomainIndex, row.name)
        if indexed is not None and indexed.tenant_id == self.tenant:
            self.session.delete(indexed)
        self.session.delete(row)
        self.session.flush()


class Connections(TenantRepository):
    def add(self, row: Connection, *, indexed: bool = False) -> None:
        self.session.add(row)
        if not indexed:
            self.session.add(ConnectionIndex(tenant_id=self.tenant, connection_id=row.id))
        self.session.flush()

    def get(self, connection_id: str) -> Connection | None:
        return self.keyed(Connection, connection_id)

    def called(self, name: Any) -> str | None:
        """The id of the oldest one with that name."""
        if not isinstance(name, str):
            return None
        statement = select(Connection).where(Connection.name == name).order_by(col(Connection.id)).limit(1)
        row = self.session.execute(statement).scalars().first()
        return None if row is None else row.id

    def page(self, *, text: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[Connection]:
        statement = select(Connection).order_by(col(Connection.id)).limit(limit)
        if text:
            statement = statement.where(col(Connection.name).icontains(text, autoescape=True))
        if after:
            statement = statement.where(col(Connection.id) > after)
        return self.session.execute(statement).scalars().all()

    def active(self) -> Sequence[Connection]:
        return _ACTIVE.all(self.unit)

    def in_test(self) -> Sequence[Connection]:
        return _IN_TEST.all(self.unit)

    def bump(self, row: Connection) -> None:
        """The next version, counted by the database: changes at one moment must not share one, caches go by it."""
        statement = update(Connection).where(col(Connection.id) == row.id).values(version=col(Connection.version) + 1)
        returning = statement.returning(col(Connection.version)).execution_options(synchronize_session=False)
        version = self.session.execute(returning).scalar_one_or_none()
        if version is None:
            raise NotFound("connection")
        set_committed_value(row, "version", version)

    def claim(self, row: Connection) -> None:
        """The next version, for the one who read this one and came first. Raises Conflict for everybody else."""
        statement = (
            update(Connection)
            .where(col(Connection.id) == row.id, col(Connection.version) == row.version)
            .values(version=row.version + 1)
        )
        if changed(self.session.execute(statement.execution_options(synchronize_session=False))) != 1:
            raise Conflict("connection_changed", "The connection was changed by another request meanwhile. Try again.")
        set_committed_value(row, "version", row.version + 1)

    def delete(self, row: Connection) -> None:
        indexed = self.session.get(ConnectionIndex, row.id)
        if indexed is not None and indexed.tenant_id == self.tenant:
            self.session.delete(indexed)
        self.session.delete(row)
        self.session.flush()


class Whereabouts(PlatformRepository):
    """Asks the two indexes: whose is this domain, whose is this connection. Nothing else of a tenant is seen."""

    def connection(self, connection_id: str) -> TenantId | None:
        row = self.keyed(ConnectionIndex, ConnectionId(connection_id))
        return TenantId(row.tenant_id) if row else None

    def domains(self, names: Sequence[str]) -> list[DomainIndex]:
        """The entries of exactly those names."""
        return list(self.session.execute(select(DomainIndex).where(col(DomainIndex.name).in_(names))).scalars())

    def responsible(self, domain: str) -> DomainEntry | None:
        """The entry of the domain itself, else of the nearest parent that speaks for it."""
        found = self.domains([domain, *parent_domains(domain)])
        return owner_of(domain, [DomainEntry(row.name, TenantId(row.tenant_id), row.include_subdomains) for row in found])
