"""Log streams: the tenant's trail, sent to where its admins watch; with health, a test and a way to go on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import parse, read_body, read_object
from idbroker.admin_api.operation import TENANT, Operation
from idbroker.admin_api.paging import PAGE_QUERY, listed, page_of, path_id
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Time, shown
from idbroker.audit.trail import Trail
from idbroker.kernel.clock import Clock
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.streams.contract import Sink
from idbroker.streams.forms import LogStreamForm, StreamType
from idbroker.streams.model import LogStream, LogStreams
from idbroker.streams.reading import end_of_trail, waiting_since
from idbroker.streams.service import StreamService, test_record
from idbroker.streams.turn import delivered
from idbroker.web.call import Answer, Call
from idbroker.web.route import ScopedRoute, TenantRoute

PATH = f"{TENANT}/log-streams"
ONE = f"{PATH}/{{stream}}"


class StreamHealth(Document):
    """``delivered`` is the last sequence that has arrived, ``sealed`` where the trail ends; ``lag`` how many lie
    between, ``lag_seconds`` how old the first of them is. ``failures`` are those in a row."""

    state: Literal["up_to_date", "behind", "failing", "parked", "disabled"]
    delivered: int
    sealed: int
    lag: int
    lag_seconds: int
    failures: int
    held_until: Time | None
    last_success_at: Time | None
    last_failure_at: Time | None
    last_error: str | None


class LogStreamDocument(Document):
    """Beside these it has the settings of its type as they were given. ``secrets`` names those that are kept; they are never
    shown again."""

    model_config = ConfigDict(frozen=True, from_attributes=True, extra="allow")

    id: str
    tenant_id: str
    type: StreamType
    name: str
    status: Literal["active", "parked", "disabled"]
    secrets: list[str]
    health: StreamHealth
    created_at: Time
    updated_at: Time


class NewLogStreamDocument(LogStreamDocument):
    """``secret`` is the signing secret that was made for the type https, shown this once; null otherwise."""

    secret: str | None = None


class ResumeBody(Body):
    """``from_sequence``: the next record to send. Without it, it goes on where it was."""

    from_sequence: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class StreamTestDocument(Document):
    """What the receiver said to one record of the action ``log_stream.test``, which is in no trail."""

    record_id: str
    delivered: bool
    status: int | None
    milliseconds: int
    answer: str
    error: str | None


class LogStreamCalls:
    def __init__(
        self, database: Database, trail: Trail, service: StreamService, sinks: Mapping[str, Sink], clock: Clock
    ) -> None:
        self._database = database
        self._trail = trail
        self._service = service
        self._sinks = sinks
        self._clock = clock

    def operations(self) -> list[Operation]:
        read, write = Permission.LOG_STREAMS_READ, Permission.LOG_STREAMS_WRITE
        return [
            Operation(
                name="create_log_stream",
                area="Log streams",
                summary="Make a log stream. It sends what is sealed from now on, or all that is kept (start: beginning).",
                row=ScopedRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=write),
                body=LogStreamForm,
                answer=NewLogStreamDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_log_streams",
                area="Log streams",
                summary="The tenant's log streams with their health, oldest first.",
                row=ScopedRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read),
                query=PAGE_QUERY,
                answer=LogStreamDocument,
                many=True,
            ),
            Operation(
                name="get_log_stream",
                area="Log streams",
                summary="One log stream, with its health.",
                row=ScopedRoute(method="GET", path=ONE, handler=self.one, limit="admin_read", permission=read),
                answer=LogStreamDocument,
            ),
            Operation(
                name="update_log_stream",
                area="Log streams",
                summary="Change what is given; null takes a setting away. With another receiver, secrets are given again.",
                row=ScopedRoute(method="PATCH", path=ONE, handler=self.update, limit="admin_write", permission=write),
                body=LogStreamForm,
                partial=True,
                answer=LogStreamDocument,
            ),
            Operation(
                name="delete_log_stream",
                area="Log streams",
                summary="Remove a log stream. What it has not sent yet is not sent.",
                row=TenantRoute(method="DELETE", path=ONE, handler=self.delete, limit="admin_write", permission=write),
                status=204,
            ),
            Operation(
                name="test_log_stream",
                area="Log streams",
                summary="Send one record that says that it is a test, now, and show what the receiver answered.",
                row=ScopedRoute(method="POST", path=f"{ONE}/test", handler=self.test, limit="admin_write", permission=write),
                answer=StreamTestDocument,
            ),
            Operation(
                name="resume_log_stream",
                area="Log streams",
                summary="Go on after it was parked or held; or from another record, to send again or to leave out.",
                row=ScopedRoute(
                    method="POST", path=f"{ONE}/resume", handler=self.resume, limit="admin_write", permission=write
                ),
                body=ResumeBody,
                answer=LogStreamDocument,
            ),
        ]

    def create(self, call: Call, scope: TenantScope) -> Answer:
        form, end = read_body(call, LogStreamForm), end_of_trail(self._trail, scope.tenant)
        with self._database.tenant(scope) as unit:
            row, secret = self._service.create(unit, form, end)
            unit.session.flush()
        return shown(NewLogStreamDocument(**self._members(row, scope), secret=secret), 201)

    def all(self, call: Call, scope: TenantScope) -> Answer:
        page = page_of(call, "lst")
        with self._database.tenant(scope, read_only=True) as unit:
            rows = unit[LogStreams].page(after=page.after, limit=page.fetch)
        documents = [self._document(row, scope).model_dump(mode="json") for row in rows[: page.limit]]
        return listed(documents, more=len(rows) > page.limit)

    def one(self, call: Call, scope: TenantScope) -> Answer:
        with self._database.tenant(scope, read_only=True) as unit:
            row = self._service.known(unit, _id(call))
        return shown(self._document(row, scope))

    def update(self, call: Call, scope: TenantScope) -> Answer:
        given = read_object(call)
        with self._database.tenant(scope) as unit:
            row = self._service.known(unit, _id(call))
            form = parse(LogStreamForm, {"type": row.type, "name": row.name, **row.settings, **given})
            row = self._service.update(unit, row.id, given, form)
        return shown(self._document(row, scope))

    def delete(self, call: Call, unit: TenantUnit) -> Answer:
        self._service.delete(unit, _id(call))
        return NO_CONTENT

    def test(self, call: Call, scope: TenantScope) -> Answer:
        """Read, call the receiver, write: three steps, no transaction open while it takes its time."""
        with self._database.tenant(scope, read_only=True) as unit:
            kind, to = self._service.destination(unit, _id(call))
        record, begun = test_record(scope.tenant, to.stream_id, self._clock.now()), time.monotonic()
        reply = delivered(self._sinks[kind], to, [record])
        took = int((time.monotonic() - begun) * 1000)
        with self._database.tenant(scope) as unit:
            self._service.note_test(unit, to.stream_id, reply)
        return shown(
            StreamTestDocument(
                record_id=record.id,
                delivered=reply.problem is None,
                status=reply.status,
                milliseconds=took,
                answer=reply.answer,
                error=reply.problem,
            )
        )

    def resume(self, call: Call, scope: TenantScope) -> Answer:
        form, end = read_body(call, ResumeBody), end_of_trail(self._trail, scope.tenant)
        with self._database.tenant(scope) as unit:
            row = self._service.resume(unit, _id(call), form.from_sequence, end)
        return shown(self._document(row, scope))

    def _document(self, row: LogStream, scope: TenantScope) -> LogStreamDocument:
        return LogStreamDocument(**self._members(row, scope))

    def _members(self, row: LogStream, scope: TenantScope) -> dict[str, Any]:
        end, now = end_of_trail(self._trail, scope.tenant), self._clock.now()
        lag = max(0, end - row.cursor)
        since = waiting_since(self._trail, scope.tenant, row.cursor) if lag else None
        health = StreamHealth.model_validate(
            {
                **row.model_dump(),
                "state": _state(row, lag),
                "delivered": row.cursor,
                "sealed": end,
                "lag": lag,
                "lag_seconds": _seconds(now, since),
            }
        )
        names = ("id", "tenant_id", "type", "name", "status", "created_at", "updated_at")
        members = {**row.settings, **{name: getattr(row, name) for name in names}}
        return {**members, "secrets": row.secret_names, "health": health}


def _id(call: Call) -> str:
    return path_id(call, "stream", "lst", "log stream")


def _state(row: LogStream, lag: int) -> str:
    if row.status != "active":
        return row.status
    if row.failures:
        return "failing"
    return "behind" if lag else "up_to_date"


def _seconds(now: datetime, since: datetime | None) -> int:
    return 0 if since is None else max(0, int((now - since).total_seconds()))
