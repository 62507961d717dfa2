"""Authorization requests that an app has pushed (RFC 9126): kept a minute and a half, fetched once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Index, delete
from sqlmodel import Field, col

from idbroker.kernel.secrets import digest, new_secret
from idbroker.storage.rows import JsonColumn, PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, changed

LIFETIME = timedelta(seconds=90)


class PushedRequest(PlatformRow, table=True):
    __tablename__ = "pushed_requests"
    __table_args__ = (Index("ix_pushed_requests_expires_at", "expires_at"),)

    digest: str = Field(primary_key=True)
    client_id: str
    issuer: str
    parameters: dict[str, str] = Field(sa_type=JsonColumn)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class PushedRequests(PlatformRepository):
    def push(self, client_id: str, issuer: str, parameters: Mapping[str, str]) -> str:
        """Keep a request. Returns its reference, 256 random bits (RFC 9126 7.1)."""
        reference = new_secret()
        row = PushedRequest(
            digest=digest(reference),
            client_id=client_id,
            issuer=issuer,
            parameters=dict(parameters),
            expires_at=self.now() + LIFETIME,
        )
        self.session.add(row)
        return reference

    def take(self, reference: str, client_id: str, issuer: str) -> Mapping[str, str] | None:
        """The parameters, once, for the client that pushed them, at the issuer where it did (RFC 9126 4)."""
        row = self.keyed(PushedRequest, digest(reference))
        if row is None or (row.client_id, row.issuer) != (client_id, issuer) or row.expires_at <= self.now():
            return None
        statement = delete(PushedRequest).where(col(PushedRequest.digest) == row.digest)
        taken = changed(self.session.execute(statement.execution_options(synchronize_session=False)))
        return row.parameters if taken else None

    def purge(self) -> int:
        statement = delete(PushedRequest).where(col(PushedRequest.expires_at) < self.now())
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))
