"""How the service stands: figures that are cheap to count, whatever the size of the deployment."""

from __future__ import annotations

from typing import Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.concerns import SOON
from idbroker.admin_api.health import DAYS, DayDocument
from idbroker.admin_api.operation import API, Operation
from idbroker.admin_api.shapes import Document, Time, shown
from idbroker.apps.model import Apps
from idbroker.audit.outbox import OutboxRow
from idbroker.kernel.clock import last_days
from idbroker.outbound_scim.model import ScimTargets
from idbroker.signals.model import SignalQueues
from idbroker.storage.database import Database
from idbroker.storage.turns import Backlog
from idbroker.storage.unit import PlatformUnit
from idbroker.streams.model import LogStreamTurns
from idbroker.survey.model import ConcernsOfAll, SurveyDays
from idbroker.survey.sign_ins import REFUSED, SUCCEEDED
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute
from idbroker.webhooks.model import WebhookQueues

REFUSED_DAYS = 7
COUNTED = 1000
Kind = Literal["webhooks", "outbound_scim", "signals", "log_streams"]


class QueueDocument(Document):
    """Of all tenants. ``queues``: how many there are. ``due``: those of them with something to send by now, the first of which
    waits since ``oldest_due_at``. ``failing``: those whose last attempt failed."""

    kind: Kind
    queues: int
    due: int
    failing: int
    oldest_due_at: Time | None


class RefusedDocument(Document):
    """How many sign-ins were refused for a reason (``code`` as in the reference of errors) in the last seven days."""

    code: str
    count: int


class OverviewDocument(Document):
    """``tenants``: by state, without the synthetic ones. ``unsealed_trails``: how many trails have events that wait to be
    sealed (1,000 at most are counted). ``sign_ins``: of all tenants, the last fourteen days by UTC, oldest first. ``refused``:
    the most frequent reason first. ``concerns``: how many `GET /concerns` lists (1,000 at most are
    counted)."""

    tenants: dict[str, int]
    synthetic_tenants: int
    apps: int
    unsealed_trails: int
    queues: list[QueueDocument]
    sign_ins: list[DayDocument]
    refused: list[RefusedDocument]
    concerns: int


class OverviewCall:
    def __init__(self, database: Database) -> None:
        self._database = database

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="get_overview",
                area="Overview",
                summary="Tenants by state, sign-ins by outcome, what wants attention, and how the queues stand.",
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
        now = unit.clock.now()
        days = [day.name for day in last_days(now, DAYS)]
        counts = unit[SurveyDays].by_day(days[0])
        return shown(
            OverviewDocument(
                tenants=unit[Tenants].count_by_status(),
                synthetic_tenants=unit[Tenants].count_synthetic(),
                apps=unit[Apps].count(),
                unsealed_trails=waiting,
                queues=[_queue(kind, found) for kind, found in _backlogs(unit).items()],
                sign_ins=[
                    DayDocument(day=day, succeeded=counts.get((day, SUCCEEDED), 0), refused=counts.get((day, REFUSED), 0))
                    for day in days
                ],
                refused=[
                    RefusedDocument(code=code, count=number)
                    for code, number in unit[SurveyDays].by_code(REFUSED, days[-REFUSED_DAYS])
                ],
                concerns=unit[ConcernsOfAll].count(now + SOON, COUNTED),
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
