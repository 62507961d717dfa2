"""Telling Stripe what was used: a meter event for each day that is over, meter and customer, by plain HTTPS.

https://docs.stripe.com/api/billing/meter-event: ``identifier`` counts once, as does the Idempotency-Key. What is about to
be told is written down before: a worker that is killed in between tells exactly the same again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from idbroker.kernel.scope import TenantScope
from idbroker.metering.model import Usage, UsageExport, UsageExports
from idbroker.outbound.fetcher import FetchFailed, Sender
from idbroker.storage.database import Database

BILLER = "stripe"
URL = "https://api.stripe.com/v1/billing/meter_events"
OLDEST = timedelta(days=34)
"""Stripe takes no event that is older than 35 days."""
SETTLED_AFTER = timedelta(hours=1)
"""How long after midnight a day is told of: counts are written within seconds, clocks differ."""


@dataclass(frozen=True, slots=True)
class _Telling:
    customer: str
    meter: str
    day: str
    value: int
    upto: int


class StripeExporter:
    """``events`` maps our meters to the event names of Stripe's; other meters are not told."""

    def __init__(self, database: Database, sender: Sender, key: str, events: Mapping[str, str]) -> None:
        self._database = database
        self._sender = sender
        self._key = key
        self._events = events

    def run(self, scope: TenantScope) -> int:
        """Tell all that has not been told of this tenant. How many events; a failure is noted and tried again next time."""
        told = 0
        for day, meter in self._open(scope):
            telling = self._prepare(scope, day, meter)
            if telling is None:
                continue
            error = self._tell(scope, telling)
            with self._database.tenant(scope) as unit:
                row = unit[UsageExports].held(day, meter)
                if row is not None and error is None:
                    row.sent, row.pending, row.sent_at, row.error = telling.upto, None, unit.clock.now(), None
                elif row is not None:
                    row.error = error
            if error is not None:
                break
            told += 1
        return told

    def _open(self, scope: TenantScope) -> list[tuple[str, str]]:
        with self._database.tenant(scope, read_only=True) as unit:
            customer = unit[UsageExports].customer(BILLER)
            if customer is None:
                return []
            now = unit.clock.now()
            last = (now - SETTLED_AFTER).date() - timedelta(days=1)
            since, until = max(customer.since, (now - OLDEST).date().isoformat()), last.isoformat()
            sent = unit[UsageExports].between(since, until)
            return [
                (row.day, row.meter)
                for row in unit[Usage].days(since, until)
                if row.meter in self._events and _differs(sent.get((row.day, row.meter)), row.quantity)
            ]

    def _prepare(self, scope: TenantScope, day: str, meter: str) -> _Telling | None:
        with self._database.tenant(scope) as unit:
            customer, rolled = unit[UsageExports].customer(BILLER), unit[Usage].day(day, meter)
            if customer is None or rolled is None:
                return None
            row = unit[UsageExports].held(day, meter)
            if row is None:
                row = UsageExport(tenant_id=scope.tenant, day=day, meter=meter, sent=0)
                unit[UsageExports].add(row)
            row.pending = rolled.quantity if row.pending is None else row.pending
            if row.pending <= row.sent:
                row.pending = None
                return None
            return _Telling(customer.customer, meter, day, row.pending - row.sent, row.pending)

    def _tell(self, scope: TenantScope, telling: _Telling) -> str | None:
        """Why it failed; None when it arrived."""
        identifier = f"{scope.tenant}:{telling.meter}:{telling.day}:{telling.upto}"
        end = datetime.combine(date.fromisoformat(telling.day), datetime.max.time(), UTC)
        form = {
            "event_name": self._events[telling.meter],
            "payload[stripe_customer_id]": telling.customer,
            "payload[value]": str(telling.value),
            "identifier": identifier[:100],
            "timestamp": str(int(end.timestamp())),
        }
        headers = {
            "authorization": f"Bearer {self._key}",
            "content-type": "application/x-www-form-urlencoded",
            "idempotency-key": identifier,
        }
        try:
            answer = self._sender.send("POST", URL, body=urlencode(form).encode(), headers=headers)
        except FetchFailed as failure:
            return failure.public
        return None if answer.status == 200 else f"Stripe answered {answer.status}."


def _differs(sent: UsageExport | None, quantity: int) -> bool:
    return sent is None or sent.pending is not None or sent.sent < quantity
