"""Bearer handles that name their tenant: ``<tenant id body>.<secret>``, for session cookies and authorization codes.

The tenant in a handle only says where to look: under that tenant's scope the digest of the secret must be found, so a
handle with another tenant written into it finds nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from idbroker.kernel.ids import TenantId, is_id
from idbroker.kernel.secrets import digest, new_secret

_SECRET = re.compile(r"[A-Za-z0-9._-]{20,120}")


@dataclass(frozen=True, slots=True)
class Handle:
    tenant: TenantId
    secret: str

    def __str__(self) -> str:
        return f"{self.tenant.removeprefix('tnt_')}.{self.secret}"

    @property
    def digest(self) -> str:
        return digest(self.secret)


def new_handle(tenant: TenantId) -> Handle:
    return Handle(tenant, new_secret())


def parse_handle(text: str) -> Handle | None:
    """None for whatever has not the form of a handle."""
    body, dot, secret = text.partition(".")
    tenant = f"tnt_{body}"
    if not dot or not is_id(tenant, "tnt") or not _SECRET.fullmatch(secret):
        return None
    return Handle(TenantId(tenant), secret)
