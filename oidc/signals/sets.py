"""Security Event Tokens (RFC 8417) as they leave: claims as they were queued, signed with the key that signs now."""

from __future__ import annotations

from typing import Any

from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import SYSTEM
from idbroker.keys.signing import Algorithm
from idbroker.signals.model import SignalSet, SignalStream
from idbroker.storage.database import Database
from idbroker.tenants.model import Tenants
from oidc.provider.issuer import Issuer, Issuers
from oidc.provider.issuer_keys import IssuerKeys

TYPE = "secevent+jwt"
ALGORITHM: Algorithm = "RS256"
"""The CAEP interoperability profile (2.6) knows no other."""


def set_claims(issuer: str, audience: str, row: SignalSet) -> dict[str, Any]:
    """RFC 8417 2.2, SSF 4.1: never ``sub``, never ``exp``."""
    return {"iss": issuer, "aud": audience, "jti": row.id, **row.claims}


class StreamSigner:
    """``idbroker.signals.office.SetSigner``."""

    def __init__(self, database: Database, issuers: Issuers, keys: IssuerKeys) -> None:
        self._database = database
        self._issuers = issuers
        self._keys = keys

    def sign(self, stream: SignalStream, row: SignalSet) -> str | None:
        issuer = self._issuer(stream)
        if issuer is None:
            return None
        self._keys.ready(issuer)
        return self._keys.sign(issuer, set_claims(issuer.url, stream.app_id, row), ALGORITHM, TYPE)

    def _issuer(self, stream: SignalStream) -> Issuer | None:
        if stream.tenant_id == PLATFORM_TRAIL or not stream.pinned:
            return self._issuers.shared
        with self._database.platform(SYSTEM, read_only=True) as platform:
            tenant = platform[Tenants].get(stream.tenant_id)
        return None if tenant is None else self._issuers.of_tenant(tenant)
