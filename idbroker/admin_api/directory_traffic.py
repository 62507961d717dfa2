"""What a directory asked lately, with both bodies, and what its client was seen to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from idbroker.access.permissions import Permission
from idbroker.admin_api.directories import ONE, known_directory
from idbroker.admin_api.operation import Operation
from idbroker.admin_api.paging import PAGE_QUERY, listing, page_of
from idbroker.admin_api.shapes import Document, Time, shown
from idbroker.directories.requests import DirectoryRequests, TrafficCounts, sealed_purpose
from idbroker.directories.resources import Resources
from idbroker.directories.traffic_rows import DirectoryRequest
from idbroker.kernel.clock import last_days
from idbroker.keys.envelope import Envelope
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import TenantRoute

DAYS = 7


class DirectoryRequestDocument(Document):
    """``effects``: what it changed. Bodies are cut to 16 KB and hold no passwords."""

    id: str
    request_id: str
    at: Time
    method: str
    path: str
    status: int
    milliseconds: int
    user_agent: str | None
    effects: list[dict[str, Any]]
    observations: list[str]
    request_body: str
    answer_body: str


class ObservationDocument(Document):
    """``sentence`` says in full what ``name`` stands for."""

    name: str
    sentence: str
    times: int


class DirectoryReportDocument(Document):
    """``absent``: what could have been seen and was not."""

    directory_id: str
    dialect: str | None
    since: Time | None
    requests: int
    users: int
    groups: int
    user_agents: list[str]
    observations: list[ObservationDocument]
    absent: list[ObservationDocument]


class TrafficDayDocument(Document):
    """``usual`` and ``longest``: milliseconds that an answer took, on average and at most."""

    day: str
    reads: int
    writes: int
    errors: int
    usual: int
    longest: int


class TrafficDaysDocument(Document):
    """Oldest first, by UTC."""

    days: list[TrafficDayDocument]


class DirectoryTrafficCalls:
    """``sentences``: every observation by its name, in full."""

    def __init__(self, envelope: Envelope, sentences: Mapping[str, str]) -> None:
        self._envelope = envelope
        self._sentences = sentences

    def operations(self) -> list[Operation]:
        read = Permission.DIRECTORIES_READ
        return [
            Operation(
                name="list_directory_requests",
                area="Directories",
                summary="The directory's requests of the last 7 days, newest first, with answers and effects.",
                row=TenantRoute(
                    method="GET", path=f"{ONE}/requests", handler=self.requests, limit="admin_read", permission=read
                ),
                query=PAGE_QUERY,
                answer=DirectoryRequestDocument,
                many=True,
            ),
            Operation(
                name="get_directory_days",
                area="Directories",
                summary="How many requests the directory made on each of the last 7 days, and how long answers took.",
                row=TenantRoute(method="GET", path=f"{ONE}/days", handler=self.days, limit="admin_read", permission=read),
                answer=TrafficDaysDocument,
            ),
            Operation(
                name="get_directory_report",
                area="Directories",
                summary="How the directory's client speaks, made from its real requests.",
                row=TenantRoute(method="GET", path=f"{ONE}/report", handler=self.report, limit="admin_read", permission=read),
                answer=DirectoryReportDocument,
            ),
        ]

    def requests(self, call: Call, unit: TenantUnit) -> Answer:
        page = page_of(call, "drq")
        rows = unit[DirectoryRequests].page(known_directory(call, unit).id, after=page.after, limit=page.fetch)
        return listing(rows, page, lambda row: self._request(unit, row))

    def days(self, call: Call, unit: TenantUnit) -> Answer:
        days = last_days(unit.clock.now(), DAYS)
        found = unit[DirectoryRequests].by_day(known_directory(call, unit).id, days)
        return shown(TrafficDaysDocument(days=[TrafficDayDocument.model_validate(day) for day in found]))

    def report(self, call: Call, unit: TenantUnit) -> Answer:
        directory = known_directory(call, unit)
        traffic, resources = unit[TrafficCounts].get(directory.id), unit[Resources]
        counts: Mapping[str, int] = traffic.counts if traffic else {}
        told = [
            ObservationDocument(name=name, sentence=sentence, times=counts.get(name, 0))
            for name, sentence in self._sentences.items()
        ]
        document = DirectoryReportDocument(
            directory_id=directory.id,
            dialect=directory.dialect,
            since=traffic.since if traffic else None,
            requests=counts.get("requests", 0),
            users=resources.total("User", directory.id),
            groups=resources.total("Group", directory.id),
            user_agents=traffic.user_agents if traffic else [],
            observations=sorted((one for one in told if one.times), key=lambda one: (-one.times, one.name)),
            absent=[one for one in told if not one.times],
        )
        return shown(document)

    def _request(self, unit: TenantUnit, row: DirectoryRequest) -> DirectoryRequestDocument:
        request_body, answer_body = orjson.loads(self._envelope.open(unit, sealed_purpose(row.id), row.sealed))
        return DirectoryRequestDocument.model_validate(
            {**row.model_dump(exclude={"sealed"}), "request_body": request_body, "answer_body": answer_body}
        )
