"""Passkeys of operators and of tenants' admins: public keys, and the challenges that were handed out and not used yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Index, delete, false
from sqlmodel import Field, col, select

from idbroker.kernel.secrets import digest
from idbroker.storage.rows import PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, changed

CHALLENGE_LIFE = timedelta(minutes=5)
MAX_PASSKEYS = 10


class Passkey(PlatformRow, table=True):
    """``subject_id``: the operator or the tenant's admin (then ``tenant_id`` is his tenant's)."""

    __tablename__ = "passkeys"
    __table_args__ = (Index("ix_passkeys_subject_id", "subject_id"),)

    id: str = Field(primary_key=True)
    subject_id: str
    tenant_id: str | None = None
    credential_id: str = Field(unique=True)
    """base64url."""
    public_key: bytes
    """COSE."""
    sign_count: int = Field(sa_type=BigInteger)
    """32 bits without a sign."""
    name: str
    backed_up: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class PasskeyChallenge(PlatformRow, table=True):
    """What an authenticator has to sign, once, for whoever got it: a browser that signs in, a session that adds a passkey."""

    __tablename__ = "passkey_challenges"

    digest: str = Field(primary_key=True)
    bound_to: str
    expires_at: datetime = Field(sa_type=UtcDateTime)


class Passkeys(PlatformRepository):
    def add(self, row: Passkey) -> None:
        self.session.add(row)
        self.session.flush()

    def of(self, subject_id: str) -> Sequence[Passkey]:
        statement = select(Passkey).where(Passkey.subject_id == subject_id).order_by(col(Passkey.id)).limit(MAX_PASSKEYS)
        return self.session.execute(statement).scalars().all()

    def held(self, credential_id: str) -> Passkey | None:
        """For this transaction alone, so that its counter moves for one caller at a time."""
        statement = select(Passkey).where(Passkey.credential_id == credential_id).with_for_update()
        return self.session.execute(statement, execution_options={"populate_existing": True}).scalars().first()

    def remove(self, row: Passkey) -> None:
        self.session.delete(row)
        self.session.flush()


class PasskeyChallenges(PlatformRepository):
    def keep(self, challenge: str, bound_to: str) -> None:
        row = PasskeyChallenge(digest=digest(challenge), bound_to=digest(bound_to), expires_at=self.now() + CHALLENGE_LIFE)
        self.session.add(row)
        self.session.flush()

    def take(self, challenge: str, bound_to: str) -> bool:
        """Of any number of callers at the same moment one gets True."""
        statement = delete(PasskeyChallenge).where(
            col(PasskeyChallenge.digest) == digest(challenge),
            col(PasskeyChallenge.bound_to) == digest(bound_to),
            col(PasskeyChallenge.expires_at) > self.now(),
        )
        return changed(self.session.execute(statement.execution_options(synchronize_session=False))) == 1

    def purge(self) -> int:
        statement = delete(PasskeyChallenge).where(col(PasskeyChallenge.expires_at) <= self.now())
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))
