"""Streams of Shared Signals, as operators see them: apps make them by themselves, at the transmitter's own API (SSF 1.0)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from pydantic import Field

from idbroker.access.permissions import Permission
from idbroker.admin_api.apps import ONE as APP
from idbroker.admin_api.apps import app_id_of
from idbroker.admin_api.body import merged, parse, read_object
from idbroker.admin_api.operation import API, Operation
from idbroker.admin_api.paging import PAGE_QUERY, listing, page_of, path_id
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Time, shown
from idbroker.apps.service import AppService
from idbroker.kernel.errors import NotFound
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.signals.model import SignalQueues, SignalSet, SignalSets, SignalStream, SignalStreams
from idbroker.signals.streams import MAX_REASON, SignalStreamService
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import PlatformRoute

OF_APP = f"{APP}/signal-streams"
ONE = f"{API}/signal-streams/{{signal_stream}}"
SETS = f"{ONE}/sets"


class SignalStreamDocument(Document):
    """``tenant_id`` is null for a stream that tells of all tenants of its app."""

    id: str
    client_id: str
    tenant_id: str | None
    method: str
    endpoint_url: str | None
    events_requested: list[str]
    format: Literal["iss_sub", "email", "opaque"]
    description: str | None
    status: Literal["enabled", "paused", "disabled"]
    reason: str | None
    pending: int
    dead: int
    failures: int
    last_success_at: Time | None
    last_failure_at: Time | None
    last_error: str | None
    created_at: Time
    updated_at: Time


class SignalStreamList(Document):
    """All of an app: never more than one page."""

    data: list[SignalStreamDocument]
    next_cursor: None = None


class SignalSetDocument(Document):
    """``id`` is the token's ``jti``, ``type`` the event's URI; ``tries`` are the last attempts, or the receiver's error."""

    id: str
    type: str
    tenant_id: str | None
    status: Literal["pending", "delivered", "dead"]
    attempts: int
    created_at: Time
    finished_at: Time | None
    tries: list[dict[str, Any]]


class StreamStatusBody(Body):
    """As SSF 8.1.2.2 has it; the receiver is told by a stream-updated event."""

    status: Literal["enabled", "paused", "disabled"]
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)] | None = None


class SignalStreamCalls:
    def __init__(self, streams: SignalStreamService, apps: AppService) -> None:
        self._streams = streams
        self._apps = apps

    def operations(self) -> list[Operation]:
        operate = Permission.OPERATE_APPS
        return [
            Operation(
                name="list_signal_streams",
                area="Shared Signals",
                summary="The streams that an app has made, with their health.",
                row=PlatformRoute(method="GET", path=OF_APP, handler=self.all, limit="admin_read", permission=operate),
                answer=SignalStreamList,
            ),
            Operation(
                name="get_signal_stream",
                area="Shared Signals",
                summary="One stream, with its health.",
                row=PlatformRoute(method="GET", path=ONE, handler=self.get, limit="admin_read", permission=operate),
                answer=SignalStreamDocument,
            ),
            Operation(
                name="update_signal_stream",
                area="Shared Signals",
                summary="Enable, pause or disable a stream; its receiver is told.",
                row=PlatformRoute(method="PATCH", path=ONE, handler=self.update, limit="admin_write", permission=operate),
                body=StreamStatusBody,
                partial=True,
                answer=SignalStreamDocument,
            ),
            Operation(
                name="delete_signal_stream",
                area="Shared Signals",
                summary="Remove a stream with all that waits on it.",
                row=PlatformRoute(method="DELETE", path=ONE, handler=self.delete, limit="admin_write", permission=operate),
                status=204,
            ),
            Operation(
                name="list_signal_sets",
                area="Shared Signals",
                summary="What was told on a stream and what became of it, newest first; never whom it was about.",
                row=PlatformRoute(method="GET", path=SETS, handler=self.sets, limit="admin_read", permission=operate),
                query=PAGE_QUERY,
                answer=SignalSetDocument,
                many=True,
            ),
        ]

    def all(self, call: Call, unit: PlatformUnit) -> Answer:
        app = self._apps.known(unit, app_id_of(call))
        found = []
        for queue in unit[SignalQueues].of_app(app.id):
            with unit.enter(_scope(call, queue.tenant_id)) as inside:
                row = inside[SignalStreams].get(queue.stream_id)
                if row is not None:
                    found.append(_document(inside, row).model_dump(mode="json"))
        return json_answer({"data": found, "next_cursor": None})

    def get(self, call: Call, unit: PlatformUnit) -> Answer:
        with _entered(call, unit) as (inside, row):
            return shown(_document(inside, row))

    def update(self, call: Call, unit: PlatformUnit) -> Answer:
        given = read_object(call)
        with _entered(call, unit) as (inside, row):
            body = parse(StreamStatusBody, merged({"status": row.status, "reason": row.reason}, given))
            self._streams.set_status(inside, row, body.status, body.reason, told=True)
            return shown(_document(inside, row))

    def delete(self, call: Call, unit: PlatformUnit) -> Answer:
        with _entered(call, unit) as (inside, row):
            self._streams.delete(inside, row)
        return NO_CONTENT

    def sets(self, call: Call, unit: PlatformUnit) -> Answer:
        page = page_of(call, "set")
        with _entered(call, unit) as (inside, row):
            return listing(inside[SignalSets].page(row.id, before=page.after, limit=page.fetch), page, _set_document)


@contextmanager
def _entered(call: Call, unit: PlatformUnit) -> Iterator[tuple[TenantUnit, SignalStream]]:
    queue = unit[SignalQueues].get(path_id(call, "signal_stream", "str", "stream"))
    if queue is None:
        raise NotFound("stream")
    with unit.enter(_scope(call, queue.tenant_id)) as inside:
        row = inside[SignalStreams].get(queue.stream_id)
        if row is None:
            raise NotFound("stream")
        yield inside, row


def _scope(call: Call, owner: str) -> TenantScope:
    return TenantScope(TenantId(owner), call.actor, call.request_id)


def _document(unit: TenantUnit, row: SignalStream) -> SignalStreamDocument:
    unit.session.flush()
    counts = unit[SignalSets].counts(row.id)
    return SignalStreamDocument.model_validate(
        {
            **row.model_dump(),
            "client_id": row.app_id,
            "tenant_id": _shown_tenant(row.tenant_id),
            "pending": counts.get("pending", 0),
            "dead": counts.get("dead", 0),
        }
    )


def _set_document(row: SignalSet) -> SignalSetDocument:
    return SignalSetDocument.model_validate({**row.model_dump(), "tenant_id": _shown_tenant(row.event_tenant)})


def _shown_tenant(tenant: str) -> str | None:
    return None if tenant == PLATFORM_TRAIL else tenant
