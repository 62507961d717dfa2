"""What becomes an alert: by event of the trail, and by what was counted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from idbroker.connections.timing import notice_level
from idbroker.kernel.clock import rfc3339

Record = Mapping[str, Any]

SILENT_AFTER = timedelta(days=1)
ENDED_SINCE = timedelta(days=30)
"""A directory whose last token ended longer ago is not in use."""
CERTIFICATE, CLIENT_SECRET = "certificate_expiring", "client_secret_expiring"
AT_LEAST_REFUSED = 10
TIMES_THE_USUAL = 3


@dataclass(frozen=True, slots=True)
class Sign:
    """That something is so. ``subject`` tells two of a kind apart; ``summary`` is a sentence for an admin."""

    kind: str
    subject: str
    summary: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def is_nearer_than(self, before: Mapping[str, Any]) -> bool:
        """Whether it tells of an end that fewer days are left to than ``before``, the details as they were."""
        left, were = self.details.get("days"), before.get("days")
        return isinstance(left, int) and isinstance(were, int) and left < were


def _certificate(record: Record) -> Sign:
    context, name = record["context"], _name(record)
    summary = f"A certificate of {name} ends in {context.get('days')} day(s). Sign-ins fail when it has."
    return Sign(CERTIFICATE, f"{record['resource']['id']} {context.get('sha256')}", summary, context)


def _client_secret(record: Record) -> Sign:
    context, name = record["context"], _name(record)
    summary = f"The client secret of {name} ends in {context.get('days')} day(s). Sign-ins fail when it has."
    return Sign(CLIENT_SECRET, f"{record['resource']['id']} {context.get('expires_at')}", summary, context)


def _brake(record: Record) -> Sign:
    summary = f"{_name(record)} wanted to switch off too many people at once. It is held until an admin lets it go on."
    return Sign("brake_pulled", record["resource"]["id"], summary, record["context"])


def _parked(record: Record) -> Sign:
    summary = f"Nothing is delivered to {_name(record)} any more: it has failed for too long."
    return Sign("delivery_parked", record["resource"]["id"], summary, record["context"])


OPENED_BY: Mapping[str, Callable[[Record], Sign]] = {
    "connection.certificate_expiring": _certificate,
    "connection.client_secret_expiring": _client_secret,
    "directory.brake_engaged": _brake,
    "webhook.parked": _parked,
    "webhook.disabled": _parked,
    "log_stream.parked": _parked,
}
"""Action → the alert that it is. Actions that are not recorded yet do no harm here."""

SETTLED_BY: Mapping[str, str] = {
    "directory.brake_released": "brake_pulled",
    "directory.deleted": "brake_pulled",
    "webhook.resumed": "delivery_parked",
    "webhook.deleted": "delivery_parked",
    "log_stream.resumed": "delivery_parked",
    "log_stream.deleted": "delivery_parked",
}
"""Action → the kind of alert that its resource has no more."""


def refusals_rise(last_hour: int, day_before: int) -> Sign | None:
    """``day_before``: in the 24 hours before that hour."""
    usual = day_before / 24
    if last_hour < AT_LEAST_REFUSED or last_hour < TIMES_THE_USUAL * usual:
        return None
    summary = f"{last_hour} sign-ins were refused within an hour; about {usual:.1f} an hour are usual."
    return Sign("refusals_rising", "sign-ins", summary, {"last_hour": last_hour, "day_before": day_before})


def fallen_silent(directory_id: str, name: str, last_request_at: datetime | None, now: datetime) -> Sign | None:
    """A directory that has never spoken is being set up, not silent."""
    if last_request_at is None or now - last_request_at < SILENT_AFTER:
        return None
    summary = f"The directory {name} has asked for nothing for a day. Who leaves meanwhile is not switched off here."
    return Sign("directory_silent", directory_id, summary)


def token_ends(directory_id: str, name: str, ends_at: datetime, now: datetime) -> Sign | None:
    """``ends_at``: the end of the last token that the directory has."""
    days = notice_level(ends_at, now) if ends_at > now else 0
    if days is None or now - ends_at > ENDED_SINCE:
        return None
    summary = (
        f"The last token of the directory {name} ends in {days} day(s)."
        if days
        else f"No token of the directory {name} is good any more."
    )
    details = {"expires_at": rfc3339(ends_at), "days": days}
    return Sign(
        "directory_token_expiring", directory_id, f"{summary} Without one it can tell us of nobody who leaves.", details
    )


def _name(record: Record) -> str:
    return f"{record['resource']['type']} {record['resource']['name'] or record['resource']['id']}".replace("_", " ")
