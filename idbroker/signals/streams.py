"""The stream management API's use cases (SSF 8.1): one receiver is one app, in one tenant or in all that it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from idbroker.audit.outbox import Outbox
from idbroker.kernel.addresses import BadAddress, checked_url
from idbroker.kernel.errors import Conflict, NotFound, Refusal, invalid_field
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL, is_id, new_id
from idbroker.keys.envelope import Envelope
from idbroker.outbound.retrying import GIVE_UP_AFTER
from idbroker.signals.model import (
    DISABLED,
    ENABLED,
    PAUSED,
    SignalSet,
    SignalSets,
    SignalStream,
    SignalStreams,
    SignalSubject,
    SignalSubjects,
)
from idbroker.signals.subjects import COMPLEX, MEMBERS, checked_subject, digest_of, is_about, stream_subject
from idbroker.signals.vocabulary import POLL, PUSH, STREAM_UPDATED, SUPPORTED, VERIFICATION
from idbroker.storage.unit import TenantUnit

Status = Literal["enabled", "paused", "disabled"]
STATUSES = (ENABLED, PAUSED, DISABLED)
MAX_STREAMS = 10
MAX_SUBJECTS, MAX_COMPLEX = 10_000, 100
MAX_DESCRIPTION, MAX_REASON, MAX_STATE, MAX_HEADER, MAX_EVENTS = 200, 500, 1024, 4000, 100
MIN_VERIFICATION = timedelta(seconds=30)
HEADER_PURPOSE = "signal-stream-authorization:"
SUPPLIED = ("events_requested", "delivery", "description", "format")
"""By the receiver; ``format`` is ours: how persons are named (it was in the drafts of SSF)."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who asks, as his token proves: the app, at which issuer."""

    app_id: str
    issuer: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """What a receiver supplies, checked. ``header``: None for as it is, empty for none."""

    method: str
    endpoint_url: str | None
    header: str | None
    events_requested: list[str]
    format: str
    description: str | None


class TooOften(Refusal):
    status = 429


class SignalStreamService:
    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope

    def create(self, unit: TenantUnit, party: Party, given: Mapping[str, Any], head: int) -> SignalStream:
        """SSF 8.1.1.1. A new stream of the app, told what comes after ``head``."""
        if len(unit[SignalStreams].of_app(party.app_id)) >= MAX_STREAMS:
            raise Conflict("too_many_streams", f"There can be {MAX_STREAMS} streams of an app. Remove one first.")
        wish, now = _wish(given, None), unit.clock.now()
        row = SignalStream(
            tenant_id=unit.scope.tenant,
            id=new_id("str"),
            app_id=party.app_id,
            pinned=party.pinned,
            method=wish.method,
            events_requested=[],
            created_at=now,
            updated_at=now,
        )
        self._apply(unit, row, wish)
        unit[SignalStreams].add(row, head)
        _record(unit, "signal_stream.created", row, context={"app": row.app_id, "method": row.method})
        return row

    def change(self, unit: TenantUnit, party: Party, given: Mapping[str, Any], *, whole: bool) -> SignalStream:
        """SSF 8.1.1.3, and 8.1.1.4 when it is the ``whole`` of what the receiver supplies. Raises NotFound, Invalid."""
        row = self.known(unit, party, given.get("stream_id"))
        _check_supplied_by_us(document(row, party.issuer), given)
        before = {name: getattr(row, name) for name in ("method", "endpoint_url", "events_requested", "format", "description")}
        self._apply(unit, row, _wish(given, None if whole else row))
        told = {name: Change(value, getattr(row, name)) for name, value in before.items() if getattr(row, name) != value}
        row.updated_at = unit.clock.now()
        if told:
            _record(unit, "signal_stream.updated", row, told)
        unit.session.flush()
        unit[SignalStreams].wake([row.id])
        return row

    def delete(self, unit: TenantUnit, row: SignalStream) -> None:
        _record(unit, "signal_stream.deleted", row)
        unit[SignalStreams].delete(row)

    def set_status(self, unit: TenantUnit, row: SignalStream, status: str, reason: str | None, *, told: bool) -> None:
        """SSF 8.1.2. ``told``: the receiver did not ask for it, so that the stream says so itself (SSF 8.1.5)."""
        before, queue = row.status, unit[SignalStreams].queue(row.id)
        row.status, row.reason, row.updated_at = status, reason, unit.clock.now()
        if before != status:
            _record(unit, "signal_stream.status_changed", row, {"status": Change(before, status)}, {"reason": reason})
        if status == DISABLED:
            unit[SignalSets].drop_waiting(row.id)
        if queue is not None:
            queue.filling = status != DISABLED
        if status == ENABLED:
            row.failures, row.held_until = 0, None
            if queue is not None and row.method == PUSH:
                queue.due_at, queue.wakes, queue.failing = unit.clock.now(), queue.wakes + 1, False
        if told and before != status:
            claims = {"status": status, **({} if reason is None else {"reason": reason})}
            self.put_control(unit, row, STREAM_UPDATED, claims)
        unit.session.flush()

    def verify(self, unit: TenantUnit, row: SignalStream, state: Any) -> None:
        """SSF 8.1.4.2. Raises TooOften, Invalid."""
        if state is not None and (not isinstance(state, str) or len(state) > MAX_STATE):
            raise invalid_field("/state", f"state is a text of at most {MAX_STATE} characters.")
        if row.status == DISABLED:
            raise invalid_field("/stream_id", "The stream is disabled; nothing goes out on it.")
        now = unit.clock.now()
        if row.verified_at is not None and now - row.verified_at < MIN_VERIFICATION:
            raise TooOften("verification_too_often", f"Ask once in {MIN_VERIFICATION.seconds} seconds at most.")
        row.verified_at = now
        self.put_control(unit, row, VERIFICATION, {} if state is None else {"state": state})

    def add_subject(self, unit: TenantUnit, row: SignalStream, value: Any) -> None:
        """SSF 8.1.3.2: everybody is on the stream but those who were taken off. Whether anybody has the name is not told."""
        subject = checked_subject(value)
        removed = unit[SignalSubjects].get(row.id, digest_of(subject))
        if removed is not None:
            unit[SignalSubjects].remove(removed)
            _record(unit, "signal_stream.subject_added", row, context={"format": subject["format"]})

    def remove_subject(self, unit: TenantUnit, row: SignalStream, value: Any) -> None:
        """SSF 8.1.3.3. The stream itself stays whatever is asked (8.1.4.1)."""
        subject = checked_subject(value)
        digest, is_complex = digest_of(subject), subject["format"] == COMPLEX
        if subject == stream_subject(row.id) or unit[SignalSubjects].get(row.id, digest) is not None:
            return
        if unit[SignalSubjects].is_full(row.id, MAX_COMPLEX if is_complex else MAX_SUBJECTS, is_complex=is_complex):
            raise Conflict("too_many_subjects", "Too many subjects were taken off this stream.")
        taken = SignalSubject(
            tenant_id=row.tenant_id,
            stream_id=row.id,
            digest=digest,
            subject=subject,
            is_complex=is_complex,
            created_at=unit.clock.now(),
        )
        unit[SignalSubjects].add(taken)
        _record(unit, "signal_stream.subject_removed", row, context={"format": subject["format"]})

    def known(self, unit: TenantUnit, party: Party, stream_id: Any) -> SignalStream:
        """The app's own stream at that issuer. Raises NotFound, Invalid."""
        if not isinstance(stream_id, str):
            raise invalid_field("/stream_id", "stream_id is missing.")
        row = unit[SignalStreams].get(stream_id) if is_id(stream_id, "str") else None
        if row is None or row.app_id != party.app_id or row.pinned is not party.pinned:
            raise NotFound("stream")
        return row

    def header(self, unit: TenantUnit, row: SignalStream) -> str | None:
        """The authorization header that the receiver wants with every push."""
        sealed = row.authorization_sealed
        return None if sealed is None else self._envelope.open(unit, HEADER_PURPOSE + row.id, sealed).decode()

    def put_control(self, unit: TenantUnit, row: SignalStream, event: str, claims: Mapping[str, Any]) -> None:
        """An event of the stream itself; it goes before what waits."""
        now, set_id = unit.clock.now(), new_id("set")
        issued = {"iat": int(now.timestamp()), "txn": set_id, "sub_id": stream_subject(row.id), "events": {event: dict(claims)}}
        unit[SignalSets].add(
            SignalSet(
                tenant_id=row.tenant_id,
                id=set_id,
                stream_id=row.id,
                event_tenant=row.tenant_id,
                subject=row.id,
                type=event,
                position=0,
                control=True,
                claims=issued,
                due_at=now,
                give_up_at=now + GIVE_UP_AFTER,
                created_at=now,
            )
        )
        unit.session.flush()
        unit[SignalStreams].wake([row.id])

    def _apply(self, unit: TenantUnit, row: SignalStream, wish: Wish) -> None:
        row.method, row.endpoint_url = wish.method, wish.endpoint_url
        row.events_requested, row.format, row.description = wish.events_requested, wish.format, wish.description
        if wish.header == "":
            row.authorization_sealed = None
        elif wish.header is not None:
            if unit.scope.tenant == PLATFORM_TRAIL:
                self._envelope.prepare(unit)
            row.authorization_sealed = self._envelope.seal(unit, HEADER_PURPOSE + row.id, wish.header.encode())


def document(row: SignalStream, issuer: str) -> dict[str, Any]:
    """The stream's configuration (SSF 8.1.1). The authorization header is a secret, and not given back."""
    address = row.endpoint_url if row.method == PUSH else f"{issuer}/ssf/streams/{row.id}/poll"
    found = {
        "stream_id": row.id,
        "iss": issuer,
        "aud": row.app_id,
        "events_supported": list(SUPPORTED),
        "events_requested": list(row.events_requested),
        "events_delivered": [event for event in SUPPORTED if event in row.events_requested],
        "delivery": {"method": row.method, "endpoint_url": address},
        "min_verification_interval": MIN_VERIFICATION.seconds,
        "format": row.format,
    }
    return found if row.description is None else {**found, "description": row.description}


def status_document(row: SignalStream) -> dict[str, Any]:
    """SSF 8.1.2.1."""
    found = {"stream_id": row.id, "status": row.status}
    return found if row.reason is None else {**found, "reason": row.reason}


def checked_status(given: Mapping[str, Any]) -> tuple[Status, str | None]:
    """SSF 8.1.2.2. Raises Invalid."""
    status, reason = given.get("status"), given.get("reason")
    if status not in STATUSES:
        raise invalid_field("/status", f"status is one of: {', '.join(STATUSES)}.")
    if reason is not None and not (isinstance(reason, str) and len(reason) <= MAX_REASON):
        raise invalid_field("/reason", f"reason is a text of at most {MAX_REASON} characters.")
    return status, reason


def _check_supplied_by_us(ours: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """SSF 8.1.1.3: what we supply may stand in a request, as it is."""
    for name, value in ours.items():
        if name in given and name not in SUPPLIED and given[name] != value:
            raise invalid_field(f"/{name}", "This is the transmitter's to supply, and differs from what it is.")


def _wish(given: Mapping[str, Any], kept: SignalStream | None) -> Wish:
    """What the receiver supplies; what is missing stays as it is ``kept``, else is as if it was never said."""
    method, endpoint, header = _delivery(given.get("delivery"), kept)
    if "delivery" not in given and kept is not None:
        method, endpoint, header = kept.method, kept.endpoint_url, None
    return Wish(
        method=method,
        endpoint_url=endpoint,
        header=header,
        events_requested=_events(given.get("events_requested", kept.events_requested if kept else [])),
        format=_format(given.get("format", kept.format if kept else "iss_sub")),
        description=_description(given.get("description", kept.description if kept else None)),
    )


def _delivery(value: Any, kept: SignalStream | None) -> tuple[str, str | None, str | None]:
    """(method, address, authorization header) of ``delivery`` (SSF 6.1). Poll when nothing is said (8.1.1.1)."""
    if value is None:
        return POLL, None, ""
    if not isinstance(value, dict) or value.get("method") not in (PUSH, POLL):
        raise invalid_field("/delivery/method", f"The delivery methods are {PUSH} and {POLL}.")
    if value["method"] == POLL:
        return POLL, None, ""
    endpoint = value.get("endpoint_url")
    try:
        checked = checked_url(endpoint if isinstance(endpoint, str) else "")
    except BadAddress as error:
        raise invalid_field("/delivery/endpoint_url", str(error)) from error
    header = value.get("authorization_header")
    if header is None:  # it is never shown, so a receiver that sends back what it read does not mean to take it away
        same = kept is not None and kept.endpoint_url == checked
        return PUSH, checked, None if same else ""
    if not isinstance(header, str) or not 0 < len(header) <= MAX_HEADER or not header.isascii() or not header.isprintable():
        raise invalid_field("/delivery/authorization_header", "This cannot be a header's value.")
    return PUSH, checked, header


def _events(value: Any) -> list[str]:
    """SSF 8.1.1: what is not understood is ignored, and still told as requested."""
    if not isinstance(value, list) or len(value) > MAX_EVENTS or not all(isinstance(v, str) and len(v) <= 500 for v in value):
        raise invalid_field("/events_requested", f"events_requested is a list of at most {MAX_EVENTS} URIs.")
    return list(dict.fromkeys(value))


def _format(value: Any) -> str:
    if not isinstance(value, str) or value not in MEMBERS:
        raise invalid_field("/format", f"format is one of: {', '.join(MEMBERS)}.")
    return value


def _description(value: Any) -> str | None:
    """SSF 8.1.1: it may be cut."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid_field("/description", "description is a text.")
    return "".join(character for character in value if character.isprintable())[:MAX_DESCRIPTION]


def taken_off(rows: Sequence[SignalSubject], names: Mapping[str, Any]) -> bool:
    return any(is_about(row.subject, names) for row in rows)


def _record(
    unit: TenantUnit,
    action: str,
    row: SignalStream,
    changes: Mapping[str, Change] | None = None,
    context: Mapping[str, Any] | None = None,
) -> None:
    unit[Outbox].record(Event(action, resource(row), dict(changes or {}), context=dict(context or {})))


def resource(row: SignalStream) -> Resource:
    return Resource("signal_stream", row.id, row.description)
