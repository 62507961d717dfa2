"""How a tenant's connections are: when somebody last signed in through each, and how many were refused in a week."""

from __future__ import annotations

from itertools import takewhile

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.shapes import Document, Time, shown
from idbroker.audit.trail import Trail
from idbroker.connections.model import Connections
from idbroker.kernel.clock import last_days
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.login.diagnosis_rows import Diagnoses
from idbroker.sessions.model import Sessions
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute, TenantRoute

SHOWN = 500
DAYS = 14
REMEMBERED = 100_000


class ConnectionHealthDocument(Document):
    """``refused``: sign-ins whose diagnosis is kept, of the last seven days."""

    id: str
    name: str
    type: str
    status: str
    last_sign_in_at: Time | None
    refused: int


class HealthDocument(Document):
    connections: list[ConnectionHealthDocument]


class DayDocument(Document):
    day: str
    succeeded: int
    refused: int


class DaysDocument(Document):
    """The last fourteen days, oldest first, by UTC."""

    days: list[DayDocument]


class ActiveDayDocument(Document):
    day: str
    people: int


class ActiveDaysDocument(Document):
    """The last fourteen days, oldest first, by UTC."""

    days: list[ActiveDayDocument]


class HealthCalls:
    def __init__(self, database: Database, trail: Trail) -> None:
        self._database = database
        self._trail = trail
        self._past: dict[tuple[TenantId, str], int] = {}
        """How many people signed in on a day that is over: counted once, however often the page is looked at."""

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="get_connection_health",
                area="Connections",
                summary="When somebody last signed in through each connection, and how many were refused in a week.",
                row=TenantRoute(
                    method="GET",
                    path=f"{TENANT}/connection-health",
                    handler=self.health,
                    limit="admin_read",
                    permission=Permission.CONNECTIONS_READ,
                ),
                answer=HealthDocument,
            ),
            Operation(
                name="get_sign_in_days",
                area="Audit",
                summary="Sign-ins by day and outcome, of the last fourteen days.",
                row=ScopedRoute(
                    method="GET",
                    path=f"{TENANT}/sign-in-days",
                    handler=self.days,
                    limit="admin_read",
                    permission=Permission.AUDIT_READ,
                ),
                answer=DaysDocument,
            ),
            Operation(
                name="get_active_days",
                area="Sessions",
                summary="How many different people signed in on each of the last fourteen days.",
                row=TenantRoute(
                    method="GET",
                    path=f"{TENANT}/active-days",
                    handler=self.people,
                    limit="admin_read",
                    permission=Permission.SESSIONS_READ,
                ),
                answer=ActiveDaysDocument,
            ),
        ]

    def people(self, call: Call, unit: TenantUnit) -> Answer:
        del call
        days, tenant = last_days(unit.clock.now(), DAYS), unit.scope.tenant
        if len(self._past) > REMEMBERED:
            self._past = {}  # a new one: others may be reading in the one before
        past = self._past
        known = [past[tenant, day.name] for day in takewhile(lambda day: (tenant, day.name) in past, days[:-1])]
        numbers = [*known, *unit[Sessions].people_by_day(days[len(known) :])]
        counted = list(zip(days, numbers, strict=True))
        past.update(((tenant, day.name), number) for day, number in counted[:-1])
        return shown(ActiveDaysDocument(days=[ActiveDayDocument(day=day.name, people=number) for day, number in counted]))

    def health(self, call: Call, unit: TenantUnit) -> Answer:
        del call
        refused = unit[Diagnoses].counts()
        found = [
            ConnectionHealthDocument(
                id=row.id,
                name=row.name,
                type=row.type,
                status=row.status,
                last_sign_in_at=unit[Sessions].latest_at(row.id),
                refused=refused.get(row.id, 0),
            )
            for row in unit[Connections].page(limit=SHOWN)
        ]
        return shown(HealthDocument(connections=found))

    def days(self, call: Call, scope: TenantScope) -> Answer:
        del call
        counted = self._trail.days(scope, ("sign_in.succeeded", "sign_in.refused"), DAYS)
        days = [
            DayDocument(day=day, succeeded=of.get("sign_in.succeeded", 0), refused=of.get("sign_in.refused", 0))
            for day, of in counted.items()
        ]
        return shown(DaysDocument(days=days))
