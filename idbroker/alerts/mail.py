"""Alerts by mail: one message for a tenant's due ones, to the addresses that its admins named. Nothing of another tenant is
at hand where a message is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from idbroker.alerts.model import Alert, AlertRecipients, Alerts
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.scope import TenantScope
from idbroker.outbound.mail import Mailer, NotMailed
from idbroker.storage.database import Database

PAUSES = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
CLAIMED = timedelta(minutes=5)

log = structlog.get_logger("idbroker.alerts")


class AlertMail:
    def __init__(self, database: Database, mailer: Mailer, public_url: str) -> None:
        self._database = database
        self._mailer = mailer
        self._public_url = public_url

    def send(self, scope: TenantScope) -> int:
        """How many alerts were mailed."""
        now = self._database.clock.now()
        with self._database.tenant(scope, read_only=True) as unit:
            if not unit[Alerts].to_mail(now, limit=1):
                return 0
        with self._database.tenant(scope) as unit:
            due, recipients = unit[Alerts].to_mail(now), unit[AlertRecipients].all()
            mine = [row for row in due if row.mail_due_at and unit[Alerts].claim_mail(row.id, row.mail_due_at, now + CLAIMED)]
        if not mine:
            return 0
        sent = self._sent(mine, recipients)
        with self._database.tenant(scope) as unit:
            for one in mine:
                row = unit[Alerts].get(one.id)
                if row is not None and row.status != "resolved":
                    _note(row, sent=sent)
        return len(mine) if sent and recipients else 0

    def _sent(self, alerts: Sequence[Alert], recipients: Sequence[str]) -> bool:
        """No transaction is open while the mail server is talked to."""
        if not recipients:
            return True
        subject = alerts[0].summary if len(alerts) == 1 else f"{len(alerts)} alerts"
        try:
            self._mailer.send(recipients, f"[idbroker] {subject}", _text(alerts, self._public_url))
        except NotMailed as error:
            log.warning("not mailed", detail=str(error))
            return False
        return True


def _note(row: Alert, *, sent: bool) -> None:
    row.mail_attempts += 1
    if sent or row.mail_attempts > len(PAUSES):
        row.mail_due_at = None
    elif row.mail_due_at is not None:
        row.mail_due_at = row.mail_due_at - CLAIMED + PAUSES[row.mail_attempts - 1]


def _text(alerts: Sequence[Alert], public_url: str) -> str:
    told = "\n\n".join(f"{rfc3339(row.opened_at)}  {row.kind}\n{row.summary}" for row in alerts)
    return f"{told}\n\n-- \nYour organisation's sign-in service, {public_url}\n"
