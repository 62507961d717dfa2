"""Opening, acknowledging, settling: each with its event in the same transaction."""

from __future__ import annotations

from idbroker.alerts.model import Alert, AlertRecipients, Alerts
from idbroker.alerts.rules import Sign
from idbroker.audit.outbox import Outbox
from idbroker.kernel.errors import Conflict, NotFound
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.storage.unit import TenantUnit


def raise_alert(unit: TenantUnit, sign: Sign) -> Alert | None:
    """Open one; where it is open already, note that the sign came again. The new one, else None.

    Where fewer days are left than when it was told last, it is told again, as if it were new: who acknowledged that a
    certificate ends in 30 days has not heard that it ends tomorrow.

    Raises IntegrityError when another worker opens it in the same moment.
    """
    now, known = unit.clock.now(), unit[Alerts].unsettled(sign.kind, sign.subject)
    if known is not None:
        nearer = sign.is_nearer_than(known.details)
        known.last_at, known.times, known.summary, known.details = now, known.times + 1, sign.summary, dict(sign.details)
        if nearer:
            _tell_again(unit, known)
        return None
    row = Alert(
        tenant_id=unit.scope.tenant,
        id=new_id("alr"),
        kind=sign.kind,
        subject=sign.subject,
        summary=sign.summary,
        details=dict(sign.details),
        opened_at=now,
        last_at=now,
        mail_due_at=now if unit[AlertRecipients].all() else None,
    )
    unit[Alerts].add(row)
    unit[Outbox].record(Event("alert.opened", resource(row), context={"kind": row.kind, "summary": row.summary}))
    return row


def _tell_again(unit: TenantUnit, row: Alert) -> None:
    changes = {"status": Change(row.status, "open")} if row.status != "open" else {}
    row.status, row.acknowledged_at, row.acknowledged_by = "open", None, None
    row.mail_due_at, row.mail_attempts = unit.clock.now() if unit[AlertRecipients].all() else None, 0
    unit[Outbox].record(Event("alert.opened", resource(row), changes, {"kind": row.kind, "summary": row.summary}))


def settle(unit: TenantUnit, row: Alert) -> None:
    """What it told of is over."""
    _move(unit, row, "resolved", "alert.resolved")
    row.settled, row.resolved_at, row.mail_due_at = row.id, unit.clock.now(), None


def acknowledge(unit: TenantUnit, alert_id: str) -> Alert:
    """An admin has seen it. Raises NotFound, or Conflict when it is over."""
    row = unit[Alerts].get(alert_id)
    if row is None:
        raise NotFound("alert")
    if row.status == "resolved":
        raise Conflict("alert_resolved", "What this alert told of is over.")
    if row.status == "open":
        _move(unit, row, "acknowledged", "alert.acknowledged")
        row.acknowledged_at, row.acknowledged_by = unit.clock.now(), unit.scope.actor.id or unit.scope.actor.name
    return row


def resource(row: Alert) -> Resource:
    return Resource("alert", row.id, row.kind)


def _move(unit: TenantUnit, row: Alert, status: str, action: str) -> None:
    event = Event(action, resource(row), {"status": Change(row.status, status)}, {"kind": row.kind})
    row.status = status
    unit[Outbox].record(event)
