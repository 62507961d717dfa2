"""Poll-based delivery (RFC 8936): what a receiver has taken, what it could not use, and what waits for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idbroker.apps.model import App
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import invalid_field
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.signals.model import SignalSet, SignalSets, SignalStream
from idbroker.storage.unit import TenantUnit

MOST = 100
"""SETs in one answer."""
MAX_ACKS = 1000
MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class Poll:
    """RFC 8936 2.2, checked."""

    most: int
    immediately: bool
    ack: Sequence[str]
    errors: Mapping[str, str]


def asked(body: Mapping[str, Any]) -> Poll:
    """Raises Invalid."""
    most, immediately = body.get("maxEvents", MOST), body.get("returnImmediately", False)
    ack, errors = body.get("ack", []), body.get("setErrs", {})
    if isinstance(most, bool) or not isinstance(most, int) or most < 0:
        raise invalid_field("/maxEvents", "maxEvents is a number from 0.")
    if not isinstance(immediately, bool):
        raise invalid_field("/returnImmediately", "returnImmediately is true or false.")
    if not isinstance(ack, list) or len(ack) > MAX_ACKS or not all(isinstance(one, str) for one in ack):
        raise invalid_field("/ack", f"ack is a list of at most {MAX_ACKS} jti.")
    if not isinstance(errors, dict) or len(errors) > MAX_ACKS or not all(isinstance(one, dict) for one in errors.values()):
        raise invalid_field("/setErrs", f"setErrs maps at most {MAX_ACKS} jti to objects with err and description.")
    return Poll(min(most, MOST), immediately, ack, {name: _said(one) for name, one in errors.items()})


def settle(unit: TenantUnit, stream: SignalStream, poll: Poll) -> None:
    """RFC 8936 2.4: what is acknowledged or refused is not sent again. What is not this stream's is passed over."""
    now = unit.clock.now()
    for row in unit[SignalSets].named(stream.id, [*poll.ack, *poll.errors]):
        row.attempts, row.finished_at = row.attempts + 1, now
        if row.id in poll.errors:
            row.status, row.tries = "dead", [{"at": rfc3339(now), "error": poll.errors[row.id]}]
            stream.last_failure_at, stream.last_error = now, poll.errors[row.id]
        else:
            row.status, stream.last_success_at = "delivered", now
    unit.session.flush()


def taken(unit: TenantUnit, stream: SignalStream, most: int, app: App) -> tuple[Sequence[SignalSet], bool]:
    """(what is next, whether there is more): RFC 8936 2.3. What is of a tenant that the app has been closed to since it was
    queued is given up on the way, so that it stands before nothing."""
    while True:
        rows = unit[SignalSets].waiting(stream, most + 1)
        shut = [row for row in rows if row.event_tenant != PLATFORM_TRAIL and not app.serves(TenantId(row.event_tenant))]
        if not shut:
            return rows[:most], len(rows) > most
        now = unit.clock.now()
        for row in shut:
            row.status, row.finished_at = "dead", now
            row.tries = [{"at": rfc3339(now), "error": "The app is not open to this tenant any more."}]
        unit.session.flush()


def _said(error: Mapping[str, Any]) -> str:
    return f"{error.get('err')}: {error.get('description')}"[:MAX_ERROR]
