"""Authorization codes at the token endpoint: read, then taken by one caller of however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.sql.elements import ClauseElement

from idbroker.storage.rows import MAIN
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantUnit


@dataclass(frozen=True, slots=True)
class CodeRow:
    session_id: str
    client_id: str
    grant: dict[str, Any]
    expires_at: datetime
    consumed_at: datetime | None
    revoked_at: datetime | None


def _read() -> ClauseElement:
    codes = MAIN.tables["authorization_codes"]
    wanted = ("session_id", "client_id", "grant", "expires_at", "consumed_at", "revoked_at")
    columns = [codes.c[name] for name in wanted]
    return select(*columns).where(codes.c.tenant_id == scope(), codes.c.digest == bindparam("digest"))


def _take() -> ClauseElement:
    codes = MAIN.tables["authorization_codes"]
    unused = (codes.c.consumed_at.is_(None), codes.c.revoked_at.is_(None), codes.c.expires_at > bindparam("now"))
    return (
        update(codes)
        .where(codes.c.tenant_id == scope(), codes.c.digest == bindparam("of_digest"), *unused)
        .values(consumed_at=bindparam("now"), access_token_id=bindparam("token_id"))
    )


_READ, _TAKE = TenantStatement(_read), TenantStatement(_take)


def read_code(unit: TenantUnit, digest: str) -> CodeRow | None:
    found = _READ.first(unit, digest=digest)
    return None if found is None else CodeRow(*found)


def take_code(unit: TenantUnit, digest: str, token_id: str) -> bool:
    """Of any number of callers at the same moment one gets True. ``token_id`` is the ``jti`` that it is going to give."""
    return _TAKE.change(unit, of_digest=digest, token_id=token_id, now=unit.clock.now()) == 1
