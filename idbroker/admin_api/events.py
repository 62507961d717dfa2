"""The events that apps are told of, pulled in their order: what webhooks deliver, for whoever would rather ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

import orjson

from idbroker.access.api_keys import Principal
from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import API, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, read_limit
from idbroker.admin_api.shapes import Document, Time
from idbroker.audit.events import ACTIONS, is_told
from idbroker.audit.feed import Feed, FeedOrder, matches, wanted_types
from idbroker.kernel.clock import Clock
from idbroker.kernel.errors import NotFound, Refusal, invalid_field
from idbroker.kernel.ids import TenantId, is_id, made_at
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from idbroker.web.route import KeyRoute, named_in_query

PATH = f"{API}/events"
TOLD_TYPES = tuple(action for action in ACTIONS if is_told(action))
MAX_PATTERNS = 50


class EventDocument(Document):
    """``data`` is the user, group, session or connection as this API showed it when the event happened."""

    id: str
    type: Literal[TOLD_TYPES]  # type: ignore[valid-type] # made of the catalogue
    tenant_id: str
    occurred_at: Time
    data: dict[str, Any]


class EventCalls:
    """``kept``: for how long events can be asked for."""

    def __init__(self, database: Database, clock: Clock, kept: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._kept = kept

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="list_events",
                area="Events",
                summary="What happened to users, groups, sessions and connections, oldest first. "
                "An operator's key sees every tenant's, a tenant's key its own.",
                row=KeyRoute(
                    method="GET",
                    path=PATH,
                    handler=self.all,
                    limit="admin_read",
                    permission=Permission.EVENTS_READ,
                    whose=named_in_query,
                ),
                query=(
                    QueryParameter(name="after", description="The `next_cursor` of a page, or an event's id: what came later."),
                    PAGE_QUERY[0],
                    QueryParameter(name="tenant", description="Only this tenant's: slug or id."),
                    QueryParameter(name="types", description="Only these: `user.*,session.ended`."),
                ),
                answer=EventDocument,
                many=True,
                problems=(404, 410),
            )
        ]

    def all(self, call: Call, principal: Principal) -> Answer:
        limit, types = read_limit(call), read_types(call.query.get("types"))
        with self._database.platform(call.actor, read_only=True) as unit:
            tenant = visible_tenant(unit, principal, call.query.get("tenant"))
            if tenant is None:
                documents = self._of_all(unit, call, limit, types)
            else:
                documents = self._of_one(unit, TenantScope(tenant, call.actor, call.request_id), call, limit, types)
        return _page(documents, limit)

    def _of_all(self, unit: PlatformUnit, call: Call, limit: int, types: Sequence[str] | None) -> list[tuple[str, str]]:
        after = self._after(call.query.get("after"))
        position = 0 if after is None else self._known(after, unit[FeedOrder].position_of(after))
        entries = unit[FeedOrder].after(position, limit=limit + 1, types=types)
        documents = unit[FeedOrder].documents([(entry.tenant_id, entry.event_id) for entry in entries])
        return [(entry.event_id, documents[entry.event_id]) for entry in entries if entry.event_id in documents]

    def _of_one(
        self, unit: PlatformUnit, scope: TenantScope, call: Call, limit: int, types: Sequence[str] | None
    ) -> list[tuple[str, str]]:
        after = self._after(call.query.get("after"))
        with unit.enter(scope) as inside:
            position = 0 if after is None else self._known(after, inside[Feed].position_of(after))
            return [(row.id, row.document) for row in inside[Feed].after(position, limit=limit + 1, types=types)]

    def _after(self, text: str | None) -> str | None:
        if text is not None and not is_id(text, "evt"):
            raise invalid_field("/after", "after is the next_cursor of a page, or the id of an event.")
        return text

    def _known(self, event_id: str, position: int | None) -> int:
        """Raises for an event that is not there: gone when it is old, unknown (or another tenant's) when it is not."""
        if position is not None:
            return position
        if made_at(event_id) < self._clock.now() - self._kept:
            raise Refusal(
                "events_expired",
                f"Events are kept for {self._kept.days} days. Read the users and groups anew, then go on without after.",
                status=410,
            )
        raise invalid_field("/after", "There is no such event.")


def visible_tenant(unit: PlatformUnit, principal: Principal, wanted: str | None) -> TenantId | None:
    """Whose events are meant: a tenant's key means its own. None: all, for an operator. Raises NotFound."""
    if wanted is None:
        return principal.tenant
    tenant = unit[Tenants].find(wanted)
    if tenant is None or principal.tenant not in (None, tenant.id):
        raise NotFound("tenant")
    return tenant.tenant_id


def read_types(text: str | None) -> list[str] | None:
    """The types that a comma-separated list of patterns names; None for all. Raises Invalid for a pattern that names none."""
    if text is None:
        return None
    patterns = text.split(",")
    if len(patterns) > MAX_PATTERNS or not all(any(matches([one], known) for known in TOLD_TYPES) for one in patterns):
        raise invalid_field("/types", "types is a list such as user.*,session.ended of types that exist.")
    return wanted_types(patterns, TOLD_TYPES)


def _page(documents: Sequence[tuple[str, str]], limit: int) -> Answer:
    """The stored JSON, joined: it is what was told when it happened, byte for byte."""
    shown = documents[:limit]
    cursor = shown[-1][0] if len(documents) > limit else None
    body = '{"data":[' + ",".join(document for _, document in shown) + '],"next_cursor":'
    return Answer(200, body.encode() + orjson.dumps(cursor) + b"}", "application/json")
