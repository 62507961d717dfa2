"""Looking again for the TXT records of claimed domains, so that nobody has to sit in front of a page and press a button."""

from __future__ import annotations

from datetime import datetime, timedelta

from idbroker.connections.domains import DomainService
from idbroker.connections.model import Domain, Domains
from idbroker.kernel.errors import Refusal
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database

EAGER = timedelta(hours=2)
"""How long a fresh claim is looked at at every turn; after that once an hour."""

GIVEN_UP = timedelta(days=30)
EVERY = timedelta(minutes=1)
PAGE = 100


class DomainWatch:
    def __init__(self, database: Database, domains: DomainService) -> None:
        self._database = database
        self._domains = domains

    def look(self, scope: TenantScope) -> int:
        """Look at one tenant's pending domains. Returns how many are verified now."""
        now = self._database.clock.now()
        with self._database.tenant(scope, read_only=True) as unit:
            pending = unit[Domains].pending(now - GIVEN_UP, PAGE)
        return sum(self._verified(scope, row) for row in pending if is_due(row.created_at, now))

    def _verified(self, scope: TenantScope, row: Domain) -> bool:
        """The record is asked for with nothing open. What is not there, or is another tenant's by now, is looked at again."""
        try:
            self._domains.check_proof(row)
            with self._database.tenant(scope) as unit:
                return self._domains.accept(unit, row.id).status == "verified"
        except Refusal:
            return False


def is_due(claimed_at: datetime, now: datetime) -> bool:
    """Pure: at every turn in the first hours, then in one turn of each hour, which follows from the time of the claim."""
    age = now - claimed_at
    return age < EAGER or age % timedelta(hours=1) < EVERY
