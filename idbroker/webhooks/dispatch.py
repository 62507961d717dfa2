"""Which endpoints are due, and the lanes in which workers take their turns."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.outbound.fetcher import Sender
from idbroker.outbound.lanes import Lanes
from idbroker.storage.database import Database
from idbroker.webhooks.fan_out import fan_out
from idbroker.webhooks.model import WebhookDeliveries, WebhookQueues
from idbroker.webhooks.office import WebhookOffice
from idbroker.webhooks.turn import TurnTaker


class WebhookDispatcher:
    """The worker's half: any number of them may run."""

    def __init__(self, database: Database, envelope: Envelope, sender: Sender) -> None:
        self._database = database
        self._turns = TurnTaker(database, WebhookOffice(database, envelope, sender))
        self._lanes = Lanes("webhooks")

    def start_due(self) -> int:
        """Queue what is new and begin every turn that is due; nothing is waited for."""
        fan_out(self._database)
        return sum(
            self._lanes.offer(webhook, partial(self._turns.run, owner, webhook), suspect=failing)
            for owner, webhook, failing in self._due()
        )

    def run_due(self) -> int:
        """The same in this thread, one turn after the other. How many attempts were made."""
        while fan_out(self._database):
            pass
        return sum(self._turns.run(owner, webhook) for owner, webhook, _ in self._due())

    def close(self) -> None:
        self._lanes.close()

    def _due(self) -> list[tuple[TenantId, str, bool]]:
        with self._database.platform(SYSTEM, read_only=True) as platform:
            return [(TenantId(row.tenant_id), row.webhook_id, row.failing) for row in platform[WebhookQueues].due()]


def forget_deliveries(database: Database, scope: TenantScope, kept: timedelta) -> int:
    """An owner's log goes with the events that it tells of."""
    with database.tenant(scope) as unit:
        return unit[WebhookDeliveries].purge(unit.clock.now() - kept)
