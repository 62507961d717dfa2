"""Making, changing, testing and resuming streams. One transaction each, with its event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from idbroker.audit.chain import GENESIS, canonical
from idbroker.audit.outbox import Outbox
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, invalid_field
from idbroker.kernel.event import Change, Event
from idbroker.kernel.ids import new_id
from idbroker.outbound.standard_webhooks import new_signing_secret
from idbroker.storage.unit import TenantUnit
from idbroker.streams.contract import Destination, Record, Reply
from idbroker.streams.forms import KINDS, LogStreamForm, StreamType, check
from idbroker.streams.model import LogStream, LogStreams, LogStreamTurn
from idbroker.streams.secrets import StreamSecrets, resource_of
from idbroker.tenants.entitlements import Plans

MAX_STREAMS = 20
TEST_ACTION = "log_stream.test"
TITLES: Mapping[StreamType, str] = {
    "https": "HTTPS",
    "splunk_hec": "Splunk",
    "datadog": "Datadog",
    "elastic": "Elastic",
    "syslog": "Syslog",
    "file": "File",
}


class StreamService:
    """``folder``: whether the operator has named one for streams of the type ``file``, which are the operators' to make."""

    def __init__(self, secrets: StreamSecrets, plans: Plans, *, folder: bool) -> None:
        self._secrets = secrets
        self._plans = plans
        self._folder = folder

    def create(self, unit: TenantUnit, form: LogStreamForm, end: int) -> tuple[LogStream, str | None]:
        """A new stream; ``end`` is where the trail ends. The second value is a signing secret that was made."""
        check(form, form.model_dump(exclude_unset=True))
        if form.type == "file":
            self._check_file(unit)
        has = self._plans.check(unit, "log_streams", lambda: len(unit[LogStreams].page(limit=MAX_STREAMS)))
        if has >= MAX_STREAMS:
            raise Conflict("too_many_log_streams", f"There can be {MAX_STREAMS} log streams. Remove one first.")
        now, secrets, made = unit.clock.now(), form.secrets(), None
        if form.type == "https" and "secret" not in secrets:
            made = secrets["secret"] = new_signing_secret()
        cursor = 0 if form.start == "beginning" else end
        row = LogStream(
            tenant_id=unit.scope.tenant,
            id=new_id("lst"),
            type=form.type,
            name=form.name or TITLES[form.type],
            settings=form.settings(),
            secret_names=[],
            secrets_sealed=b"",
            status=form.status,
            cursor=cursor,
            created_at=now,
            updated_at=now,
        )
        self._secrets.seal(unit, row, secrets)
        unit[LogStreams].add(row)
        unit.session.add(
            LogStreamTurn(stream_id=row.id, tenant_id=unit.scope.tenant, status=row.status, due_at=now, failing=False)
        )
        context = {"type": row.type, "settings": _told(row.settings), "after": cursor}
        unit[Outbox].record(Event("log_stream.created", resource_of(row), context=context))
        return row, made

    def update(self, unit: TenantUnit, stream_id: str, given: Mapping[str, Any], form: LogStreamForm) -> LogStream:
        """Change what is ``given``; ``form`` is the stream as it shall be, with the new secrets alone."""
        row, turn = self._locked(unit, stream_id)
        if given.get("type", row.type) != row.type:
            raise invalid_field("/type", "A stream keeps its type; make another one.")
        if "start" in given:
            raise invalid_field("/start", "Where a stream goes on from is said to …/resume.")
        check(form, {**row.settings, **given}, row.secret_names)
        kept = self._kept_secrets(unit, row, given, form)
        told = {
            name: Change(row.settings.get(name), form.settings().get(name))
            for name in sorted({*row.settings, *form.settings()})
            if row.settings.get(name) != form.settings().get(name)
        }
        if form.name and form.name != row.name:
            told["name"] = Change(row.name, form.name)
            row.name = form.name
        if kept is not None:
            told["secrets"] = Change(None, "changed")
            self._secrets.seal(unit, row, kept)
        row.settings = form.settings()
        if "status" in given and form.status != row.status:
            if form.status == "active":
                self._check_going(unit, row)
            told["status"] = Change(row.status, form.status)
            _set_going(unit, row, turn, form.status)
        if told:
            row.updated_at = unit.clock.now()
            unit[Outbox].record(Event("log_stream.updated", resource_of(row), told))
        turn.due_at = unit.clock.now()
        return row

    def resume(self, unit: TenantUnit, stream_id: str, from_sequence: int | None, end: int) -> LogStream:
        """Go on, whatever held it up; from ``from_sequence`` where one is given, to send again or to leave out."""
        row, turn = self._locked(unit, stream_id)
        if row.status != "active":
            self._check_going(unit, row)
        if from_sequence is not None and not 1 <= from_sequence <= end + 1:
            raise invalid_field("/from_sequence", f"A sequence from 1 to {end + 1} is needed: the next one to come.")
        context = {"status": row.status, "delivered": row.cursor, "from_sequence": from_sequence}
        if from_sequence is not None:
            row.cursor, row.attempting = from_sequence - 1, None
            turn.lease = turn.leased_until = None  # whoever is at it has the last word no more
        _set_going(unit, row, turn, "active")
        unit[Outbox].record(Event("log_stream.resumed", resource_of(row), context=context))
        return row

    def delete(self, unit: TenantUnit, stream_id: str) -> None:
        row, _ = self._locked(unit, stream_id)
        unit[Outbox].record(Event("log_stream.deleted", resource_of(row), context={"delivered": row.cursor}))
        unit[LogStreams].delete(row)

    def destination(self, unit: TenantUnit, stream_id: str) -> tuple[str, Destination]:
        """(type, what its sink needs)."""
        row = self.known(unit, stream_id)
        return row.type, Destination(unit.scope.tenant, row.id, row.settings, self._secrets.open(unit, row))

    def note_test(self, unit: TenantUnit, stream_id: str, reply: Reply) -> None:
        context = {"outcome": "delivered" if reply.problem is None else "failed", "error": reply.problem}
        unit[Outbox].record(Event("log_stream.tested", resource_of(self.known(unit, stream_id)), context=context))

    def known(self, unit: TenantUnit, stream_id: str) -> LogStream:
        row = unit[LogStreams].get(stream_id)
        if row is None:
            raise NotFound("log stream")
        return row

    def _locked(self, unit: TenantUnit, stream_id: str) -> tuple[LogStream, LogStreamTurn]:
        turn = unit[LogStreams].turn(stream_id)
        row = None if turn is None else unit[LogStreams].fresh(stream_id)
        if turn is None or row is None:
            raise NotFound("log stream")
        return row, turn

    def _kept_secrets(
        self, unit: TenantUnit, row: LogStream, given: Mapping[str, Any], form: LogStreamForm
    ) -> dict[str, str] | None:
        """The secrets from now on; None when they stay. Whoever moves a stream to another receiver has to know them."""
        kind, before = KINDS[form.type], self._secrets.open(unit, row)
        moved = any(form.settings().get(name) != row.settings.get(name) for name in kind.where)
        named = {name for name in kind.secrets if name in given}
        missing = sorted(set(before) - named - ({"secret"} if row.type == "https" else set()))
        if moved and missing:
            raise Invalid(
                "With another receiver the secrets have to be given again.",
                [FieldError(f"/{name}", "give it again, or null to take it away") for name in missing],
            )
        if not named:
            return None
        after = {name: value for name, value in before.items() if name not in named} | form.secrets()
        if row.type == "https" and "secret" not in after:
            raise invalid_field("/secret", "A stream of this type always signs.")
        return after

    def _check_file(self, unit: TenantUnit) -> None:
        if unit.scope.actor.type != "operator":
            raise Forbidden("file_streams_are_operators", "Streams into files are made by the operator.")
        if not self._folder:
            raise Conflict("no_log_stream_folder", "There is no folder for files. Set IDBROKER_LOG_STREAM_FOLDER first.")

    def _check_going(self, unit: TenantUnit, row: LogStream) -> None:
        """A tenant that has come down to another tier has as many streams going as that one includes."""

        def count() -> int:
            return sum(one.status == "active" and one.id != row.id for one in unit[LogStreams].page(limit=MAX_STREAMS))

        self._plans.check(unit, "log_streams", count)


def test_record(unit_tenant: str, stream_id: str, now: datetime) -> Record:
    """A record that never was: of the form of all others, with the sequence 0, outside the chain, and saying so."""
    record_id = new_id("aud")
    document: dict[str, Any] = {
        "id": record_id,
        "sequence": 0,
        "tenant_id": unit_tenant,
        "ts": rfc3339(now),
        "actor": {"type": "system", "id": None, "name": "idbroker", "ip": None, "user_agent": None},
        "action": TEST_ACTION,
        "resource": {"type": "log_stream", "id": stream_id, "name": None},
        "changes": {},
        "context": {"test": True, "message": "This is a test of the log stream. It is not a record of the audit trail."},
        "auth_method": None,
        "session_id": None,
        "request_id": None,
        "prev_hash": GENESIS,
        "hash": GENESIS,
    }
    return Record(0, record_id, now, canonical(document).decode())


def _set_going(unit: TenantUnit, row: LogStream, turn: LogStreamTurn, status: str) -> None:
    row.status = turn.status = status
    row.failures, row.held_until = 0, None
    turn.failing, turn.due_at, turn.wakes = False, unit.clock.now(), turn.wakes + 1


def _told(settings: Mapping[str, Any]) -> dict[str, Any]:
    """For the trail: certificates are long and say nothing to a reader."""
    return {name: ("…" if name == "ca_certificates" else value) for name, value in settings.items()}
