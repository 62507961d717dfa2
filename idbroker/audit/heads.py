"""Signed heads of a trail: what its first n records are, attested with the trail's own key. Pure shapes, and their rows.

    head   the tree over all records up to ``size`` (RFC 6962 2.1.1), made every so often
    cut    the same, where retention has removed the records up to ``size``: with it goes the tree's row of peaks, so that what
           remains can be checked to the last record
    erased what the trail of a tenant was that is erased: the last of its heads, and all that is left of the trail
    end    how many heads and keys there are, made for a pack and kept nowhere: a pack that was cut short has none that fits

Heads are numbered and each bears the hash of the one before it. The signature covers the canonical JSON without itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

from sqlalchemy import Index, Text, update
from sqlmodel import Field, col, select

from idbroker.audit.chain import canonical
from idbroker.kernel.clock import rfc3339
from idbroker.storage.rows import AuditRow, JsonColumn, TenantRow
from idbroker.storage.unit import TenantRepository, changed

CONTEXT = b"idbroker audit head 1\n"
"""Led before what is signed, so that the signature means a head and nothing else."""

Kind = Literal["head", "cut", "end", "erased"]


class HeadKey(Protocol):
    @property
    def kid(self) -> str: ...

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature."""
        ...


class HeadSigner(Protocol):
    """The trail's own keys (``keys/trail_keys.py``)."""

    def current(self) -> HeadKey:
        """The key that signs now."""
        ...

    def published(self) -> list[dict[str, Any]]:
        """Every key there ever was, oldest first, each endorsed by the one before it."""
        ...


class AuditHead(AuditRow, table=True):
    """A signed head. ``document`` is its canonical JSON; ``peaks`` belong to its tree, which goes on from them."""

    __tablename__ = "audit_heads"
    __table_args__ = (Index("ix_audit_heads_tenant_id_kind_size", "tenant_id", "kind", "size"),)

    number: int = Field(primary_key=True)
    kind: str
    size: int
    hash: str
    peaks: list[str] = Field(sa_type=JsonColumn)
    document: str = Field(sa_type=Text)


class SignedHead(TenantRow, table=True):
    """How many heads were signed, and the last one's hash: kept in the main database, where the heads themselves are not."""

    __tablename__ = "signed_heads"

    number: int
    hash: str


class AuditHeads(TenantRepository):
    """In the audit store."""

    def newest(self, head_kind: Kind | None = None) -> AuditHead | None:
        statement = select(AuditHead).order_by(col(AuditHead.number).desc()).limit(1)
        if head_kind is not None:
            statement = statement.where(AuditHead.kind == head_kind)
        return self.session.execute(statement).scalars().first()

    def last_cut(self) -> AuditHead | None:
        """What the records that are kept begin behind; None when all are."""
        return self.newest("cut")

    def first_over(self, size: int) -> AuditHead | None:
        """The oldest head that is over at least so many records."""
        over = select(AuditHead).where(AuditHead.kind == "head", col(AuditHead.size) >= size)
        return self.session.execute(over.order_by(col(AuditHead.number)).limit(1)).scalars().first()

    def add(self, row: AuditHead) -> None:
        self.session.add(row)
        self.session.flush()

    def following(self, behind: int, limit: int) -> list[tuple[int, str]]:
        """(number, document) of the next heads behind a number, oldest first."""
        statement = select(AuditHead.number, AuditHead.document).where(col(AuditHead.number) > behind)
        found = self.session.execute(statement.order_by(col(AuditHead.number)).limit(limit))
        return [(row[0], row[1]) for row in found]


class SignedHeads(TenantRepository):
    """In the main database."""

    def get(self) -> SignedHead | None:
        return self.keyed(SignedHead)

    def advance(self, number: int, head_hash: str) -> None:
        """Never backwards."""
        forward = update(SignedHead).where(col(SignedHead.number) < number).values(number=number, hash=head_hash)
        if not changed(self.session.execute(forward)) and self.keyed(SignedHead) is None:
            self.session.add(SignedHead(tenant_id=self.tenant, number=number, hash=head_hash))


def signed(key: HeadKey, kind: Kind, tenant: str, at: datetime, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its key's id and signature."""
    document = {"kind": kind, "tenant_id": tenant, "ts": rfc3339(at), **facts, "kid": key.kid}
    return {**document, "signature": key.sign(CONTEXT + canonical(document)).hex()}


def hash_of(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(document)).hexdigest()
