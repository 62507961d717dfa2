"""Syslog over TLS: RFC 5424 messages, octet-counted (RFC 5425 4.3), a connection for each batch.

The structured data has what a receiver needs to see gaps even where it cuts long messages; the message is the record itself, in
ASCII alone, so that no byte order mark is needed (RFC 5424 6.4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from idbroker.kernel.clock import rfc3339
from idbroker.outbound.fetcher import FetchFailed
from idbroker.streams.contract import Destination, Doors, Record, Reply

DEFAULT_PORT = 6514  # RFC 5425 4.1
LOG_AUDIT = 13  # RFC 5424 6.2.1
NOTICE, WARNING = 5, 4
ENTERPRISE = 32473  # RFC 5612: nobody has a number of ours yet
LAST_COUNTED = 2_147_483_647  # RFC 5424 7.3.1
_PRINTABLE = re.compile(r"[^\x21-\x7e]")
_WARNS = frozenset({"refused", "failed", "parked", "engaged", "reuse_detected", "exceeded", "logout_failed"})


class SyslogSink:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def deliver(self, to: Destination, records: Sequence[Record]) -> Reply:
        data = b"".join(framed(message(to, record)) for record in records)
        settings = to.settings
        try:
            self._doors.tls.send(
                settings["host"], settings.get("port", DEFAULT_PORT), data, authorities=settings.get("ca_certificates")
            )
        except FetchFailed as failure:
            return Reply(failure.public)
        return Reply()


def framed(text: bytes) -> bytes:
    """RFC 5425 4.3: MSG-LEN SP SYSLOG-MSG."""
    return b"%d %s" % (len(text), text)


def message(to: Destination, record: Record) -> bytes:
    """RFC 5424 6: HEADER SP STRUCTURED-DATA SP MSG."""
    fields = record.fields
    action: str = fields["action"]
    severity = WARNING if action.rpartition(".")[2] in _WARNS else NOTICE
    priority = to.settings.get("facility", LOG_AUDIT) * 8 + severity
    head = f"<{priority}>1 {rfc3339(record.at.astimezone(UTC))} idbroker {to.settings.get('app_name', 'idbroker')} - "
    told = {
        "tenant": to.tenant,
        "sequence": record.sequence,
        "id": record.id,
        "action": action,
        "actor": fields["actor"].get("id") or fields["actor"].get("name"),
        "resource": fields["resource"]["id"],
        "prev_hash": fields["prev_hash"],
        "hash": fields["hash"],
    }
    counted = (record.sequence - 1) % LAST_COUNTED + 1 if record.sequence else 1
    data = f'[meta sequenceId="{counted}"]{element(f"audit@{ENTERPRISE}", told)}'
    body = json.dumps(fields, separators=(",", ":"), sort_keys=True)
    return f"{head}{_msgid(action)} {data} {body}".encode()


def element(name: str, parameters: dict[str, Any]) -> str:
    """RFC 5424 6.3: what is None is left out."""
    told = " ".join(f'{key}="{_escaped(str(value))}"' for key, value in parameters.items() if value is not None)
    return f"[{name} {told}]"


def _escaped(value: str) -> str:
    """RFC 5424 6.3.3: these three, and no control characters that would split a line at a receiver's."""
    text = "".join(character if character >= " " and character != "\x7f" else "\ufffd" for character in value)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _msgid(action: str) -> str:
    return _PRINTABLE.sub("_", action)[:32] or "-"
