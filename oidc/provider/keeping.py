"""What the provider leaves behind and nobody needs any more: expired requests, token ids, codes and families."""

from __future__ import annotations

from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.sessions.jti import RevokedTokens, UsedJtis
from idbroker.sessions.model import AuthorizationCodes, Sessions
from idbroker.sessions.pushed import PushedRequests
from idbroker.sessions.refresh import RefreshFamilies
from idbroker.sessions.revocations import Revocations
from idbroker.storage.database import Database


def forget_requests(database: Database) -> int:
    """Pushed requests and proofs that are too old to count. Every few minutes."""
    with database.platform(SYSTEM) as unit:
        return unit[PushedRequests].purge() + unit[UsedJtis].purge()


def forget_tokens(database: Database, scope: TenantScope) -> int:
    """A tenant's codes, ended families, revoked tokens that have expired, old receipts and sessions. Every hour or so."""
    with database.tenant(scope) as unit:
        forgotten = unit[AuthorizationCodes].purge() + unit[RefreshFamilies].purge() + unit[RevokedTokens].purge()
        return forgotten + unit[Revocations].purge() + unit[Sessions].purge()
