"""What administration leaves behind and nobody needs any more: sessions that are over, links that nobody followed."""

from __future__ import annotations

from idbroker.admins.operators import Operators
from idbroker.admins.passkeys import PasskeyChallenges
from idbroker.admins.sessions import AdminSessions
from idbroker.kernel.scope import SYSTEM
from idbroker.storage.database import Database


def forget_visits(database: Database) -> int:
    """Every hour or so."""
    with database.platform(SYSTEM) as unit:
        return unit[AdminSessions].purge() + unit[Operators].purge_links() + unit[PasskeyChallenges].purge()
