"""The cells: where tenants live, how many in each, and whether it answers."""

from __future__ import annotations

from typing import Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import API, Operation
from idbroker.admin_api.paging import listed
from idbroker.admin_api.shapes import Document
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute


class CellDocument(Document):
    """``new_tenants``: whether tenants are placed in it that are for no cell by name."""

    name: str
    region: str | None
    new_tenants: bool
    engine: str
    tenants: int
    status: Literal["ok", "away"]


class CellCalls:
    def __init__(self, database: Database) -> None:
        self._database = database

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="list_cells",
                area="Tenants",
                summary="The cells in which tenants live, with their regions.",
                row=PlatformRoute(
                    method="GET",
                    path=f"{API}/cells",
                    handler=self.all,
                    limit="admin_read",
                    permission=Permission.OPERATE_TENANTS,
                ),
                answer=CellDocument,
                many=True,
            ),
        ]

    def all(self, call: Call, unit: PlatformUnit) -> Answer:
        del call
        counted = unit[Tenants].count_by_cell()
        documents = [
            CellDocument(
                name=cell.name,
                region=cell.plan.region,
                new_tenants=cell.plan.new_tenants,
                engine=cell.dialect.name,
                tenants=counted.get(cell.name, 0),
                status="ok" if self._database.answers(cell) else "away",
            )
            for cell in self._database.each_cell()
        ]
        return listed([document.model_dump(mode="json") for document in documents], more=False)
