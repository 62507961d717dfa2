"""Token ids that count once or not at all: assertions and proofs that were shown before, access tokens that were revoked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, col

from idbroker.kernel.secrets import digest
from idbroker.storage.rows import PlatformRow, TenantRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, TenantRepository, changed


class UsedJti(PlatformRow, table=True):
    """The digest of a ``jti`` that its maker may not use again until then."""

    __tablename__ = "used_jtis"
    __table_args__ = (Index("ix_used_jtis_until", "until"),)

    maker: str = Field(primary_key=True)
    """Who signed: a client id, or the thumbprint of a proof's key."""
    jti_digest: str = Field(primary_key=True)
    until: datetime = Field(sa_type=UtcDateTime)


class UsedJtis(PlatformRepository):
    def claim(self, maker: str, jti: str, until: datetime) -> bool:
        """Whether it is the first use; the primary key decides a race. After False the unit can only be given up."""
        self.session.add(UsedJti(maker=maker, jti_digest=digest(jti), until=until))
        try:
            self.session.flush()
        except IntegrityError:
            return False
        return True

    def purge(self) -> int:
        statement = delete(UsedJti).where(col(UsedJti.until) < self.now())
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))


class RevokedToken(TenantRow, table=True):
    """The ``jti`` of an access token that is dead before its time. Remembered until it would have expired."""

    __tablename__ = "revoked_tokens"

    token_id: str = Field(primary_key=True)
    until: datetime = Field(sa_type=UtcDateTime)


class RevokedTokens(TenantRepository):
    def has(self, token_id: str) -> bool:
        return self.keyed(RevokedToken, token_id) is not None

    def add(self, token_id: str, until: datetime) -> None:
        """Revoke. Twice is once, at the same moment too."""
        try:
            with self.session.begin_nested():
                self.session.add(RevokedToken(tenant_id=self.tenant, token_id=token_id, until=until))
        except IntegrityError:
            return

    def purge(self) -> int:
        statement = delete(RevokedToken).where(col(RevokedToken.until) < self.now())
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))
