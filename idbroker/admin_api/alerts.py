"""Alerts: what is open, what an admin has seen, who gets mail of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import TENANT, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, listing, page_of, path_id
from idbroker.admin_api.shapes import Body, Document, Time, shown
from idbroker.admin_api.versions import check_version, tagged
from idbroker.alerts.model import MAX_RECIPIENTS, AlertRecipients, Alerts
from idbroker.alerts.service import acknowledge
from idbroker.audit.outbox import Outbox
from idbroker.kernel.addresses import BadAddress, normal_email
from idbroker.kernel.errors import NotFound, invalid_field
from idbroker.kernel.event import Change, Event, Resource
from idbroker.storage.unit import TenantUnit
from idbroker.web.call import Answer, Call
from idbroker.web.preconditions import VersionGone
from idbroker.web.route import TenantRoute

PATH = f"{TENANT}/alerts"
ONE = f"{PATH}/{{alert}}"
RECIPIENTS = f"{TENANT}/alert-recipients"
STATUSES = ("open", "acknowledged", "resolved")
STATUS_QUERY = QueryParameter(
    name="status",
    description="Only these; without it, all that are not resolved.",
    schema={"type": "string", "enum": list(STATUSES)},
)


class AlertDocument(Document):
    """``times``: how often the sign came while it was open."""

    id: str
    kind: str
    status: Literal["open", "acknowledged", "resolved"]
    summary: str
    details: dict[str, Any]
    times: int
    opened_at: Time
    last_at: Time
    acknowledged_at: Time | None
    acknowledged_by: str | None
    resolved_at: Time | None


class Recipients(Body):
    emails: Annotated[list[Annotated[str, StringConstraints(max_length=320)]], Field(max_length=MAX_RECIPIENTS)]


class RecipientsDocument(Document):
    emails: list[str]


class AlertCalls:
    def operations(self) -> list[Operation]:
        read, write = Permission.AUDIT_READ, Permission.TENANT_WRITE
        return [
            Operation(
                name="list_alerts",
                area="Alerts",
                summary="What needs an admin's eye, newest first.",
                row=TenantRoute(method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read),
                query=(STATUS_QUERY, *PAGE_QUERY),
                answer=AlertDocument,
                many=True,
            ),
            Operation(
                name="get_alert",
                area="Alerts",
                summary="One alert.",
                row=TenantRoute(method="GET", path=ONE, handler=self.get, limit="admin_read", permission=read),
                answer=AlertDocument,
            ),
            Operation(
                name="acknowledge_alert",
                area="Alerts",
                summary="Somebody has seen it and sees to it. It stays until what it tells of is over.",
                row=TenantRoute(
                    method="POST", path=f"{ONE}/acknowledge", handler=self.acknowledge, limit="admin_write", permission=write
                ),
                answer=AlertDocument,
                problems=(409,),
            ),
            Operation(
                name="get_alert_recipients",
                area="Alerts",
                summary="Who gets alerts by mail, where the operator has configured it.",
                row=TenantRoute(method="GET", path=RECIPIENTS, handler=self.recipients, limit="admin_read", permission=read),
                answer=RecipientsDocument,
            ),
            Operation(
                name="set_alert_recipients",
                area="Alerts",
                summary="Say who gets alerts by mail.",
                row=TenantRoute(method="PUT", path=RECIPIENTS, handler=self.tell, limit="admin_write", permission=write),
                body=Recipients,
                versioned=True,
                answer=RecipientsDocument,
            ),
        ]

    def all(self, call: Call, unit: TenantUnit) -> Answer:
        status = call.query.get("status")
        if status is not None and status not in STATUSES:
            raise invalid_field("/status", f"The statuses are: {', '.join(STATUSES)}.")
        page = page_of(call, "alr")
        rows = unit[Alerts].newest((status,) if status else STATUSES[:2], after=page.after, limit=page.fetch)
        return listing(rows, page, AlertDocument.model_validate)

    def get(self, call: Call, unit: TenantUnit) -> Answer:
        row = unit[Alerts].get(path_id(call, "alert", "alr"))
        if row is None:
            raise NotFound("alert")
        return shown(AlertDocument.model_validate(row))

    def acknowledge(self, call: Call, unit: TenantUnit) -> Answer:
        return shown(AlertDocument.model_validate(acknowledge(unit, path_id(call, "alert", "alr"))))

    def recipients(self, call: Call, unit: TenantUnit) -> Answer:
        return tagged(_recipients(unit))

    def tell(self, call: Call, unit: TenantUnit) -> Answer:
        emails = [_address(number, text) for number, text in enumerate(read_body(call, Recipients).emails)]
        check_version(call, _recipients(unit))
        before = unit[AlertRecipients].all()
        if unit[AlertRecipients].replace(emails) != len(before) and "if-match" in call.headers:
            raise VersionGone  # another writer was here since the look above
        after = unit[AlertRecipients].all()
        if after != before:
            resource = Resource("tenant", unit.scope.tenant)
            unit[Outbox].record(Event("tenant.updated", resource, {"alert_recipients": Change(before, after)}))
        return tagged(_recipients(unit))


def _recipients(unit: TenantUnit) -> dict[str, Any]:
    return RecipientsDocument(emails=unit[AlertRecipients].all()).model_dump(mode="json")


def _address(number: int, text: str) -> str:
    try:
        return normal_email(text)
    except BadAddress as error:
        raise invalid_field(f"/emails/{number}", f"{error}.") from error
