"""What a tenant used, by day; the records behind it; and for the operator, what was told to the biller against them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import Field

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import TENANT, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, bad_cursor, listed, read_cursor, read_limit
from idbroker.admin_api.shapes import Body, Document, Time
from idbroker.audit.outbox import Outbox
from idbroker.kernel.errors import NotFound, invalid_field
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.scope import TenantScope
from idbroker.metering.meters import ACTIVE_USERS, METERS
from idbroker.metering.model import Usage, UsageDay, UsageExports
from idbroker.metering.stripe import BILLER
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.route import PlatformRoute, TenantRoute

CSV = "text/csv; charset=utf-8"
PATH = f"{TENANT}/usage"
USUAL, LONGEST = timedelta(days=29), timedelta(days=400)
DATE = {"type": "string", "format": "date"}
SPAN = (
    QueryParameter(name="since", description="The first day, UTC; 29 days before the last one unless given.", schema=DATE),
    QueryParameter(name="until", description="The last day, UTC; today unless given.", schema=DATE),
)
COLUMNS = ("day", "meter", "quantity", "idempotency_key")
MAX_KEY = 200


class UsageDayDocument(Document):
    """The quantity of a day so far. ``idempotency_key`` is the same however often it is read."""

    day: str
    meter: str
    quantity: int
    idempotency_key: str


class UsageDocument(Document):
    """``totals`` are of the span: sums, or the highest day for what is a peak.

    ``months``: how many people were active in each month that the span touches, counted over the whole month so far.
    """

    since: str
    until: str
    data: list[UsageDayDocument]
    totals: dict[str, int]
    months: dict[str, int]
    next_cursor: None = None


class UsageRecordDocument(Document):
    idempotency_key: str
    meter: str
    day: str
    quantity: int
    at: Time


class CustomerBody(Body):
    """``customer`` is the biller's id of the tenant; null: nothing is told about it."""

    customer: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")] | None


class CustomerDocument(Document):
    customer: str | None
    since: str | None


class ReconciledDocument(Document):
    """``recorded`` is what the records come to, ``rolled_up`` what is shown, ``sent`` what the biller was told."""

    day: str
    meter: str
    recorded: int
    rolled_up: int
    sent: int
    difference: int
    sent_at: Time | None
    error: str | None


class ReconciliationDocument(Document):
    """``differences``: how many rows do not agree. Days that are not over have not been told yet."""

    since: str
    until: str
    customer: str | None
    differences: int
    data: list[ReconciledDocument]
    next_cursor: None = None


class UsageCalls:
    def operations(self) -> list[Operation]:
        read, operate = Permission.USAGE_READ, Permission.OPERATE_TENANTS
        customer = f"{PATH}/customer"
        return [
            Operation(
                name="get_usage",
                area="Usage",
                summary="What the tenant used, by day: sign-ins, active people, SCIM, connections, tokens. As CSV on demand.",
                row=TenantRoute(method="GET", path=PATH, handler=self.usage, limit="admin_read", permission=read),
                query=(
                    *SPAN,
                    QueryParameter(
                        name="format", description="json or csv.", schema={"type": "string", "enum": ["json", "csv"]}
                    ),
                ),
                answer=UsageDocument,
                media=(CSV,),
            ),
            Operation(
                name="list_usage_records",
                area="Usage",
                summary="The records that the days are made of, each with its idempotency key; never changed.",
                row=TenantRoute(
                    method="GET", path=f"{PATH}/records", handler=self.records, limit="admin_read", permission=read
                ),
                query=(QueryParameter(name="day", description="Those of one day, UTC.", schema=DATE), *PAGE_QUERY),
                answer=UsageRecordDocument,
                many=True,
            ),
            Operation(
                name="get_usage_customer",
                area="Usage",
                summary="Who the tenant is to the biller, and since when it is told.",
                row=PlatformRoute(method="GET", path=customer, handler=self.customer, limit="admin_read", permission=operate),
                answer=CustomerDocument,
            ),
            Operation(
                name="set_usage_customer",
                area="Usage",
                summary="Say who the tenant is to the biller; usage is told from today on.",
                row=PlatformRoute(method="PUT", path=customer, handler=self.bill, limit="admin_write", permission=operate),
                body=CustomerBody,
                answer=CustomerDocument,
            ),
            Operation(
                name="get_usage_reconciliation",
                area="Usage",
                summary="What was told to the biller, against what was recorded.",
                row=PlatformRoute(
                    method="GET", path=f"{PATH}/reconciliation", handler=self.reconciled, limit="admin_read", permission=operate
                ),
                query=SPAN,
                answer=ReconciliationDocument,
            ),
        ]

    def usage(self, call: Call, unit: TenantUnit) -> Answer:
        since, until = _span(call, unit.clock.now().date())
        wanted = call.query.get("format", "json")
        if wanted not in ("json", "csv"):
            raise invalid_field("/format", "The formats are: json, csv.")
        months = unit[Usage].days(*_whole_months(since, until))
        days = [row for row in months if since <= row.day <= until]
        rows = [_day(unit.scope.tenant, row) for row in days]
        if wanted == "csv":
            name = f'attachment; filename="usage-{unit.scope.tenant}.csv"'
            return Answer(200, _csv(rows), CSV, (("content-disposition", name),))
        active = _active_people(months)
        shown = {"since": since, "until": until, "data": rows, "totals": _totals(days), "months": active, "next_cursor": None}
        return json_answer(shown)

    def records(self, call: Call, unit: TenantUnit) -> Answer:
        limit, after = read_limit(call), read_cursor(call)
        if after is not None and len(after) > MAX_KEY:
            raise bad_cursor()
        day = _date(call, "day")
        rows = unit[Usage].page(day=None if day is None else day.isoformat(), after=after, limit=limit + 1)
        shown = [
            UsageRecordDocument(idempotency_key=row.key, meter=row.meter, day=row.day, quantity=row.quantity, at=row.at)
            for row in rows[:limit]
        ]
        return listed([one.model_dump(mode="json") for one in shown], more=len(rows) > limit, key="idempotency_key")

    def customer(self, call: Call, unit: PlatformUnit) -> Answer:
        with unit.enter(_scope(call, unit)) as inside:
            return _customer(inside)

    def bill(self, call: Call, unit: PlatformUnit) -> Answer:
        body = read_body(call, CustomerBody)
        with unit.enter(_scope(call, unit)) as inside:
            row = inside[UsageExports].customer(BILLER)
            before = None if row is None else row.customer
            inside[UsageExports].set_customer(BILLER, body.customer, inside.clock.now().date().isoformat())
            if before != body.customer:
                told = {"billing_customer": Change(before, body.customer)}
                inside[Outbox].record(Event("tenant.updated", Resource("tenant", inside.scope.tenant), told))
            return _customer(inside)

    def reconciled(self, call: Call, unit: PlatformUnit) -> Answer:
        since, until = _span(call, unit.clock.now().date())
        with unit.enter(_scope(call, unit)) as inside:
            recorded, sent = inside[Usage].recorded(since, until), inside[UsageExports].between(since, until)
            rolled = {(row.day, row.meter): row.quantity for row in inside[Usage].days(since, until)}
            customer = inside[UsageExports].customer(BILLER)
        told_since = None if customer is None else customer.since
        data = []
        for day, meter in sorted({*recorded, *rolled, *sent}):
            row, used = sent.get((day, meter)), recorded.get((day, meter), 0)
            data.append(
                ReconciledDocument(
                    day=day,
                    meter=meter,
                    recorded=used,
                    rolled_up=rolled.get((day, meter), 0),
                    sent=0 if row is None else row.sent,
                    difference=used - (0 if row is None else row.sent),
                    sent_at=None if row is None else row.sent_at,
                    error=None if row is None else row.error,
                )
            )
        today = unit.clock.now().date().isoformat()
        wrong = [
            one
            for one in data
            if one.recorded != one.rolled_up or (row_is_told(one, sent, told_since) and one.difference and one.day < today)
        ]
        shown = ReconciliationDocument(
            since=since,
            until=until,
            customer=None if customer is None else customer.customer,
            differences=len(wrong),
            data=data,
        )
        return json_answer(shown.model_dump(mode="json"))


def row_is_told(one: ReconciledDocument, sent: dict[tuple[str, str], Any], since: str | None) -> bool:
    """Whether the biller hears of that meter at all: of one that was never told, nothing is missing there."""
    return since is not None and one.day >= since and any(meter == one.meter for _, meter in sent)


def _customer(unit: TenantUnit) -> Answer:
    row = unit[UsageExports].customer(BILLER)
    shown = CustomerDocument(customer=None if row is None else row.customer, since=None if row is None else row.since)
    return json_answer(shown.model_dump(mode="json"))


def _scope(call: Call, unit: PlatformUnit) -> TenantScope:
    tenant = unit[Tenants].find(call.path_params["tenant"])
    if tenant is None:
        raise NotFound("tenant")
    return TenantScope(tenant.tenant_id, call.actor, call.request_id)


def _span(call: Call, today: date) -> tuple[str, str]:
    until = _date(call, "until") or today
    since = _date(call, "since") or until - USUAL
    if since > until:
        raise invalid_field("/since", "since is after until.")
    if until - since > LONGEST:
        raise invalid_field("/since", f"At most {LONGEST.days} days at a time.")
    return since.isoformat(), until.isoformat()


def _whole_months(since: str, until: str) -> tuple[str, str]:
    """Somebody is counted on the first day of the month on which he signs in: a part of a month knows nothing of the rest."""
    return f"{since[:7]}-01", f"{until[:7]}-31"  # days are compared as text


def _active_people(days: Iterable[UsageDay]) -> dict[str, int]:
    """By month."""
    months: dict[str, int] = {}
    for row in days:
        if row.meter == ACTIVE_USERS:
            months[row.day[:7]] = months.get(row.day[:7], 0) + row.quantity
    return months


def _date(call: Call, name: str) -> date | None:
    text = call.query.get(name)
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
        if found.isoformat() != text or found.year < 2000:
            raise ValueError(text)
    except ValueError as error:
        raise invalid_field(f"/{name}", f"{name} is a day, e.g. 2026-11-27.") from error
    return found


def _day(tenant: str, row: UsageDay) -> dict[str, Any]:
    key = f"{tenant}:{row.meter}:{row.day}"
    return UsageDayDocument(day=row.day, meter=row.meter, quantity=row.quantity, idempotency_key=key).model_dump(mode="json")


def _totals(days: Iterable[UsageDay]) -> dict[str, int]:
    totals = dict.fromkeys(METERS, 0)
    for row in days:
        if row.meter in totals:
            peak = METERS[row.meter].kind == "peak"
            totals[row.meter] = max(totals[row.meter], row.quantity) if peak else totals[row.meter] + row.quantity
    return totals


def _csv(rows: Iterable[dict[str, Any]]) -> bytes:
    """Nothing in it is anybody's text, so that no cell can be a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([row[name] for name in COLUMNS] for row in rows)
    return text.getvalue().encode()
