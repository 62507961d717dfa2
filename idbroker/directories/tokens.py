"""Directory tokens: ``scim_<tenant>.<token>.<secret>``. The tenant in it only says where to look, as in every handle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from idbroker.directories.model import DirectoryToken
from idbroker.kernel.ids import TenantId, is_id, new_id
from idbroker.kernel.secrets import digest, new_secret

PREFIX = "scim_"
SHOWN = 4
"""How many characters of the secret its maker's list still shows."""


@dataclass(frozen=True, slots=True)
class DirectoryHandle:
    """What a token says of itself. Nothing is believed before the secret is."""

    tenant: TenantId
    token_id: str
    secret: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.tenant.removeprefix('tnt_')}.{self.token_id.removeprefix('dtk_')}.{self.secret}"


def parse_token(text: str) -> DirectoryHandle | None:
    """None for whatever has not the form of a directory token."""
    parts = text.removeprefix(PREFIX).split(".") if text.startswith(PREFIX) else []
    if len(parts) != 3:
        return None
    tenant, token_id, secret = f"tnt_{parts[0]}", f"dtk_{parts[1]}", parts[2]
    if not is_id(tenant, "tnt") or not is_id(token_id, "dtk") or not 20 <= len(secret) <= 120 or not secret.isascii():
        return None
    return DirectoryHandle(TenantId(tenant), token_id, secret)


def new_token(
    tenant: TenantId, directory_id: str, scopes: Sequence[str], now: datetime, expires_at: datetime | None
) -> tuple[DirectoryToken, str]:
    """The row, and the token itself, which is not stored and cannot be shown again."""
    handle = DirectoryHandle(tenant, new_id("dtk"), new_secret())
    row = DirectoryToken(
        tenant_id=tenant,
        id=handle.token_id,
        directory_id=directory_id,
        prefix=str(handle)[: -len(handle.secret) + SHOWN],
        secret_digest=digest(handle.secret),
        scopes=list(scopes),
        created_at=now,
        expires_at=expires_at,
    )
    return row, str(handle)
