"""The audit trail: searched newest first, and taken away whole. What is not sealed yet follows within moments."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any, Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import API, TENANT, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, bad_cursor, listed, read_cursor, read_limit
from idbroker.admin_api.shapes import Document
from idbroker.audit.export import csv_table, jsonl, write_pack
from idbroker.audit.trail import Trail, TrailQuery
from idbroker.kernel.errors import Conflict, invalid_field
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import TenantScope
from idbroker.storage.unit import PlatformUnit
from idbroker.web.call import Answer, Call
from idbroker.web.route import PlatformRoute, ScopedRoute

MAX_EXPORTED = 50_000
MAX_FILTER = 200
_BATCH = 1000
_MEDIA = {
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
    "pack": "application/zip",
}  # fmt: skip
_SUFFIX = {"jsonl": "jsonl", "csv": "csv", "pack": "zip"}

FILTERS = (
    QueryParameter(name="action", description="Exactly this action, e.g. `sign_in.refused`."),
    QueryParameter(name="actor", description="The id of who did it."),
    QueryParameter(name="resource", description="The id of what it was done to."),
    QueryParameter(name="since", description="From then on.", schema={"type": "string", "format": "date-time"}),
    QueryParameter(name="until", description="Before then.", schema={"type": "string", "format": "date-time"}),
    QueryParameter(name="q", description="Text in action, actor, resource or context, such as a reference."),
)
FORMAT = QueryParameter(
    name="format",
    description="`pack` holds the whole trail, whatever the filters, and can be checked offline.",
    schema={"type": "string", "enum": list(_SUFFIX), "default": "jsonl"},
)


class ActorDocument(Document):
    type: Literal["user", "app", "scim_client", "operator", "visitor", "system"]
    id: str | None
    name: str | None
    ip: str | None
    user_agent: str | None


class ResourceDocument(Document):
    type: str
    id: str
    name: str | None


class ChangeDocument(Document):
    before: Any
    after: Any


class AuditEventDocument(Document):
    """A sealed record, exactly as its hash covers it."""

    id: str
    sequence: int
    tenant_id: str
    ts: str
    actor: ActorDocument
    action: str
    resource: ResourceDocument
    changes: dict[str, ChangeDocument]
    context: dict[str, Any]
    auth_method: str | None
    session_id: str | None
    request_id: str
    prev_hash: str
    hash: str


class AuditEventCalls:
    def __init__(self, trail: Trail) -> None:
        self._trail = trail

    def operations(self) -> list[Operation]:
        own, operate = Permission.AUDIT_READ, Permission.OPERATE_TENANTS
        of_tenant, of_operators = f"{TENANT}/audit-events", f"{API}/audit-events"
        return [
            Operation(
                name="search_audit_events",
                area="Audit",
                summary="The tenant's audit trail, newest first; all given filters must hold.",
                row=ScopedRoute(method="GET", path=of_tenant, handler=self.search, limit="admin_read", permission=own),
                query=(*FILTERS, *PAGE_QUERY),
                answer=AuditEventDocument,
                many=True,
            ),
            Operation(
                name="export_audit_events",
                area="Audit",
                summary="The tenant's audit trail as a file, oldest first.",
                row=ScopedRoute(
                    method="GET", path=f"{of_tenant}/export", handler=self.export, limit="admin_read", permission=own
                ),
                query=(*FILTERS, FORMAT),
                media=tuple(_MEDIA.values()),
                problems=(409,),
            ),
            Operation(
                name="search_operator_audit_events",
                area="Audit",
                summary="The operators' own trail: apps, operators' keys and whatever belongs to no tenant.",
                row=PlatformRoute(
                    method="GET", path=of_operators, handler=self.search_platform, limit="admin_read", permission=operate
                ),
                query=(*FILTERS, *PAGE_QUERY),
                answer=AuditEventDocument,
                many=True,
            ),
            Operation(
                name="export_operator_audit_events",
                area="Audit",
                summary="The operators' own trail as a file, oldest first.",
                row=PlatformRoute(
                    method="GET",
                    path=f"{of_operators}/export",
                    handler=self.export_platform,
                    limit="admin_read",
                    permission=operate,
                ),
                query=(*FILTERS, FORMAT),
                media=tuple(_MEDIA.values()),
                problems=(409,),
            ),
        ]

    def search(self, call: Call, scope: TenantScope) -> Answer:
        limit = read_limit(call)
        found = self._trail.search(scope, _query(call, before=_before(call), limit=limit + 1))
        return listed(found[:limit], more=len(found) > limit, key="sequence")

    def export(self, call: Call, scope: TenantScope) -> Answer:
        """Bounded: an answer is made in memory. Longer trails are exported from the command line."""
        wanted = call.query.get("format", "jsonl")
        if wanted not in _MEDIA:
            raise invalid_field("/format", f"The formats are: {', '.join(_MEDIA)}.")
        body = self._pack(scope) if wanted == "pack" else self._table(call, scope, wanted)
        name = f'attachment; filename="audit-{scope.tenant}.{_SUFFIX[wanted]}"'
        return Answer(200, body, _MEDIA[wanted], (("content-disposition", name),))

    def search_platform(self, call: Call, unit: PlatformUnit) -> Answer:
        return self.search(call, TenantScope(PLATFORM_TRAIL, unit.actor, call.request_id))

    def export_platform(self, call: Call, unit: PlatformUnit) -> Answer:
        return self.export(call, TenantScope(PLATFORM_TRAIL, unit.actor, call.request_id))

    def _pack(self, scope: TenantScope) -> bytes:
        if self._trail.head(scope).sequence > MAX_EXPORTED:
            raise _too_many()
        out = io.BytesIO()
        write_pack(self._trail, scope, out)
        return out.getvalue()

    def _table(self, call: Call, scope: TenantScope, wanted: str) -> bytes:
        found: list[dict[str, Any]] = []
        before: int | None = None
        while batch := self._trail.search(scope, _query(call, before=before, limit=_BATCH)):
            found.extend(batch)
            before = batch[-1]["sequence"]
            if len(found) > MAX_EXPORTED:
                raise _too_many()
        found.reverse()
        return csv_table(found) if wanted == "csv" else jsonl(found)


def _query(call: Call, *, before: int | None, limit: int) -> TrailQuery:
    return TrailQuery(
        action=_filter(call, "action"),
        actor=_filter(call, "actor"),
        resource=_filter(call, "resource"),
        since=_moment(call, "since"),
        until=_moment(call, "until"),
        text=_filter(call, "q"),
        before=before,
        limit=limit,
    )


def _filter(call: Call, name: str) -> str | None:
    text = call.query.get(name)
    if text is not None and len(text) > MAX_FILTER:
        raise invalid_field(f"/{name}", f"{name} has at most {MAX_FILTER} characters.")
    return text or None


def _moment(call: Call, name: str) -> datetime | None:
    text = call.query.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"{name} is a time with its zone (RFC 3339), e.g. 2026-11-21T09:00:00Z; a + in an address is written %2B."
        raise invalid_field(f"/{name}", message) from error


def _before(call: Call) -> int | None:
    text = read_cursor(call)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise bad_cursor()
    return int(text)


def _too_many() -> Conflict:
    message = f"More than {MAX_EXPORTED:,} records are too many for one answer. Narrow them with since and until, or use: "
    return Conflict("export_too_large", f"{message}idbroker audit export.")
