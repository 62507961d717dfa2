"""How the service stands: figures that are cheap to count, whatever the size of the deployment."""

from __future__ import annotations

from typing import Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import API, Operation
from idbroker.admin_api.shapes import Document, Time, shown
from idbroker.apps.model import Apps
from idbroker.audit.outbox import OutboxRow
from idbroker.outbound_scim.model import ScimTargets
from idbroker.signals.model import SignalQueues
from idbroker.storage.database import Database
from idbroker.storage.turns import Backlog
from idbroker.storage.unit import PlatformUnit
from idbroker.streams.model import LogStreamTurns
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute
from idbroker.webhooks.model import WebhookQueues

Kind = Literal["webhooks", "outbound_scim", "signals", "log_streams"]


class QueueDocument(Document):
    """Of all tenants. ``queues``: how many there are. ``due``: those of them with something to send by now, the first of which
    waits since ``oldest_due_at``. ``failing``: those whose last attempt failed."""

    kind: Kind
    queues: int
    due: int
    failing: int
    oldest_due_at: Time | None


class OverviewDocument(Document):
    """``tenants``: by state, without the synthetic ones. ``unsealed_trails``: how many trails have events that wait to be
    sealed (1,000 at most are counted)."""

    tenants: dict[str, int]
    synthetic_tenants: int
    apps: int
    unsealed_trails: int
    queues: list[QueueDocument]


class OverviewCall:
    def __init__(self, database: Database) -> None:
        self._database = database

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="get_overview",
                area="Overview",
                summary="Tenants by state, apps, trails that wait to be sealed, and how the queues stand.",
                row=PlatformRoute(
                    method="GET",
                    path=f"{API}/overview",
                    handler=self.show,
                    limit="admin_read",
                    permission=Permission.OPERATE_TENANTS,
                ),
                answer=OverviewDocument,
            ),
        ]

    def show(self, call: Call, unit: PlatformUnit) -> Answer:
        del call
        by_cell = self._database.tenants_in(OutboxRow.__table__)  # type: ignore[attr-defined] # set by SQLModel
        waiting = sum(len(tenants) for tenants in by_cell.values())
        return shown(
            OverviewDocument(
                tenants=unit[Tenants].count_by_status(),
                synthetic_tenants=unit[Tenants].count_synthetic(),
                apps=unit[Apps].count(),
                unsealed_trails=waiting,
                queues=[_queue(kind, found) for kind, found in _backlogs(unit).items()],
            )
        )


def _backlogs(unit: PlatformUnit) -> dict[Kind, Backlog]:
    return {
        "webhooks": unit[WebhookQueues].backlog(),
        "outbound_scim": unit[ScimTargets].backlog(),
        "signals": unit[SignalQueues].backlog(),
        "log_streams": unit[LogStreamTurns].backlog(),
    }


def _queue(kind: Kind, found: Backlog) -> QueueDocument:
    return QueueDocument(kind=kind, queues=found.queues, due=found.due, failing=found.failing, oldest_due_at=found.oldest)
