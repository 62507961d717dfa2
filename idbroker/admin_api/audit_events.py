"""The audit trail: searched newest first, and taken away whole. What is not sealed yet follows within moments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import API, TENANT, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, bad_cursor, read_cursor, read_limit, write_cursor
from idbroker.admin_api.shapes import Document
from idbroker.audit.export import csv_table, jsonl, pack
from idbroker.audit.notary import Notary
from idbroker.audit.search import TrailQuery
from idbroker.audit.trail import Trail
from idbroker.kernel.errors import invalid_field
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import TenantScope
from idbroker.storage.unit import PlatformUnit
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import PlatformRoute, ScopedRoute

MAX_FILTER = 200
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


class AuditKeyDocument(Document):
    """``endorsement`` is the signature of the key before it (``previous``), of the first key its own."""

    kid: str
    algorithm: Literal["Ed25519"]
    public_key: str
    created_at: str
    previous: str | None
    endorsement: str


class AuditEventCalls:
    def __init__(self, trail: Trail, notary: Notary) -> None:
        self._trail = trail
        self._notary = notary

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
            ),
            Operation(
                name="list_audit_keys",
                area="Audit",
                summary="The public keys that sign heads of trails, oldest first: what a pack's keys are compared with.",
                row=ScopedRoute(
                    method="GET", path=f"{TENANT}/audit-keys", handler=self.keys, limit="admin_read", permission=own
                ),
                answer=AuditKeyDocument,
                many=True,
            ),
            Operation(
                name="list_operator_audit_keys",
                area="Audit",
                summary="The same for operators.",
                row=PlatformRoute(
                    method="GET", path=f"{API}/audit-keys", handler=self.platform_keys, limit="admin_read", permission=operate
                ),
                answer=AuditKeyDocument,
                many=True,
            ),
        ]

    def search(self, call: Call, scope: TenantScope) -> Answer:
        """A page may be short, even empty, and yet have a next one: a search looks at so many records and no more at a time."""
        found = self._trail.page(scope, _query(call, before=before_of(call), limit=read_limit(call)))
        cursor = write_cursor(str(found.before)) if found.before is not None and found.before > 1 else None
        return json_answer({"data": found.records, "next_cursor": cursor})

    def export(self, call: Call, scope: TenantScope) -> Answer:
        """Streamed, however long the trail is."""
        wanted = call.query.get("format", "jsonl")
        if wanted not in _MEDIA:
            raise invalid_field("/format", f"The formats are: {', '.join(_MEDIA)}.")
        query = _query(call, before=None, limit=0)
        pieces: Iterator[bytes]
        if wanted == "pack":
            pieces = pack(self._trail, self._notary, scope)
        else:
            pieces = (csv_table if wanted == "csv" else jsonl)(self._trail, scope, query)
        name = f'attachment; filename="audit-{scope.tenant}.{_SUFFIX[wanted]}"'
        return Answer(200, b"", _MEDIA[wanted], (("content-disposition", name),), stream=pieces)

    def keys(self, call: Call, scope: TenantScope) -> Answer:
        """One key signs for all tenants."""
        return json_answer({"data": self._notary.published_keys(), "next_cursor": None})

    def platform_keys(self, call: Call, unit: PlatformUnit) -> Answer:
        return self.keys(call, TenantScope(PLATFORM_TRAIL, unit.actor, call.request_id))

    def search_platform(self, call: Call, unit: PlatformUnit) -> Answer:
        return self.search(call, TenantScope(PLATFORM_TRAIL, unit.actor, call.request_id))

    def export_platform(self, call: Call, unit: PlatformUnit) -> Answer:
        return self.export(call, TenantScope(PLATFORM_TRAIL, unit.actor, call.request_id))


def _query(call: Call, *, before: int | None, limit: int) -> TrailQuery:
    return TrailQuery(
        action=_filter(call, "action"),
        actor=_filter(call, "actor"),
        resource=_filter(call, "resource"),
        since=moment_of(call, "since"),
        until=moment_of(call, "until"),
        text=_filter(call, "q"),
        before=before,
        limit=limit,
    )


def _filter(call: Call, name: str) -> str | None:
    text = call.query.get(name)
    if text is not None and len(text) > MAX_FILTER:
        raise invalid_field(f"/{name}", f"{name} has at most {MAX_FILTER} characters.")
    return text or None


def moment_of(call: Call, name: str) -> datetime | None:
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


def before_of(call: Call) -> int | None:
    text = read_cursor(call)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise bad_cursor()
    return int(text)
