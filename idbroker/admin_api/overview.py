"""How the service stands: figures that are cheap to count, whatever the size of the deployment."""

from __future__ import annotations

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import API, Operation
from idbroker.admin_api.shapes import Document, shown
from idbroker.apps.model import Apps
from idbroker.audit.outbox import OutboxRow
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute


class OverviewDocument(Document):
    """``tenants``: by state, without the synthetic ones. ``unsealed_trails``: how many trails have events that wait to be
    sealed (1,000 at most are counted)."""

    tenants: dict[str, int]
    synthetic_tenants: int
    apps: int
    unsealed_trails: int


class OverviewCall:
    def __init__(self, database: Database) -> None:
        self._database = database

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="get_overview",
                area="Overview",
                summary="Tenants by state, apps, and trails that wait to be sealed.",
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
            )
        )
