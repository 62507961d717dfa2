"""Where answers arrive that an IdP still sends to another product's address: which connections have it for an alias."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from sqlmodel import Field, col, select

from idbroker.storage.rows import IndexRow
from idbroker.storage.unit import PlatformRepository, TenantRepository


class AcsAlias(IndexRow, table=True):
    """Several connections, of several tenants, may have the same: some products have one address for all."""

    __tablename__ = "acs_aliases"

    path: str = Field(primary_key=True)
    """Path and query, as a request shows them. Whose host it was is the IdP's business: the signed answer names it whole."""
    connection_id: str = Field(primary_key=True)


class AcsAliases(TenantRepository):
    def put(self, connection_id: str, urls: Sequence[str]) -> None:
        """These and no others are the connection's."""
        wanted = {alias_path(url) for url in urls}
        statement = select(AcsAlias).where(AcsAlias.connection_id == connection_id, AcsAlias.tenant_id == self.tenant)
        for row in self.session.execute(statement).scalars():
            if row.path in wanted:
                wanted.discard(row.path)
            else:
                self.session.delete(row)
        for path in sorted(wanted):
            self.session.add(AcsAlias(tenant_id=self.tenant, path=path, connection_id=connection_id))
        self.session.flush()


class AliasWhereabouts(PlatformRepository):
    def connections(self, path: str, query: str) -> list[str]:
        """The connections with that address: with its query, if any has it so, else without."""
        for wanted in (f"{path}?{query}", path) if query else (path,):
            found = select(AcsAlias).where(AcsAlias.path == wanted).order_by(col(AcsAlias.connection_id)).limit(1000)
            rows = self.session.execute(found).scalars().all()
            if rows:
                return [row.connection_id for row in rows]
        return []


def alias_path(url: str) -> str:
    parts = urlsplit(url)
    return f"{unquote(parts.path) or '/'}{'?' + parts.query if parts.query else ''}"
