"""What of all tenants wants the operator's attention, in one list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import API, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, bad_cursor, read_cursor, read_limit, write_cursor
from idbroker.admin_api.shapes import Document, Time
from idbroker.kernel.errors import invalid_field
from idbroker.storage.unit import PlatformUnit
from idbroker.survey.model import ConcernsOfAll, Kind, Seen
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import PlatformRoute

SOON = timedelta(days=30)
KINDS: tuple[Kind, ...] = get_args(Kind)


class ConcernDocument(Document):
    """``of``: the connection, directory, webhook or tenant. ``at``: when it ends, or since when deliveries are given up;
    ``days`` from now until then, below zero for what is past. ``tenant`` is the slug; null for the operator's own webhooks."""

    tenant_id: str | None
    tenant: str | None
    tenant_name: str | None
    kind: Kind
    of: str
    at: Time
    days: int
    number: int


class ConcernCall:
    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="list_concerns",
                area="Overview",
                summary="What ends within thirty days (a trial: fourteen) or has ended, and dead deliveries, of all tenants.",
                row=PlatformRoute(
                    method="GET",
                    path=f"{API}/concerns",
                    handler=self.all,
                    limit="admin_read",
                    permission=Permission.OPERATE_TENANTS,
                ),
                query=(
                    QueryParameter(name="kind", description="Only these.", schema={"type": "string", "enum": list(KINDS)}),
                    *PAGE_QUERY,
                ),
                answer=ConcernDocument,
                many=True,
            ),
        ]

    def all(self, call: Call, unit: PlatformUnit) -> Answer:
        """The oldest first. Written down by the worker, every quarter of an hour."""
        named, limit, now = call.query.get("kind"), read_limit(call), unit.clock.now()
        kind = next((one for one in KINDS if one == named), None)
        if named is not None and kind is None:
            raise invalid_field("/kind", f"The kinds are: {', '.join(KINDS)}.")
        found = unit[ConcernsOfAll].page(now + SOON, kind=kind, after=_place(call), limit=limit + 1)
        cursor = _cursor(found[limit - 1]) if len(found) > limit else None
        return json_answer({"data": [concern_of(one, now) for one in found[:limit]], "next_cursor": cursor})


def concern_of(seen: Seen, now: datetime) -> dict[str, Any]:
    row, tenant = seen.concern, seen.tenant
    document = ConcernDocument(
        tenant_id=tenant.id if tenant else None,
        tenant=tenant.slug if tenant else None,
        tenant_name=tenant.name if tenant else None,
        kind=next(one for one in KINDS if one == row.kind),
        of=row.of_id,
        at=row.at,
        days=(row.at - now).days,
        number=row.number,
    )
    return document.model_dump(mode="json")


def _cursor(seen: Seen) -> str:
    at, *rest = seen.place
    return write_cursor("|".join((at.isoformat(), *rest)))


def _place(call: Call) -> tuple[datetime, str, str, str] | None:
    text = read_cursor(call)
    if text is None:
        return None
    try:
        at, tenant, kind, of = text.split("|")
        return datetime.fromisoformat(at).astimezone(UTC), tenant, kind, of
    except (ValueError, OverflowError) as error:
        raise bad_cursor() from error
