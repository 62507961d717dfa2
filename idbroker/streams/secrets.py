"""A stream's secrets: sealed together under the tenant's key, opened for its turn, and never shown again."""

from __future__ import annotations

import json
from collections.abc import Mapping

from idbroker.kernel.event import Resource
from idbroker.keys.envelope import Envelope
from idbroker.storage.unit import TenantUnit
from idbroker.streams.model import LogStream

_PURPOSE = "log-stream:"


class StreamSecrets:
    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope

    def seal(self, unit: TenantUnit, row: LogStream, secrets: Mapping[str, str]) -> None:
        row.secret_names = sorted(secrets)
        text = json.dumps(dict(secrets)).encode()
        row.secrets_sealed = self._envelope.seal(unit, _PURPOSE + row.id, text) if secrets else b""

    def open(self, unit: TenantUnit, row: LogStream) -> dict[str, str]:
        if not row.secrets_sealed:
            return {}
        found: dict[str, str] = json.loads(self._envelope.open(unit, _PURPOSE + row.id, row.secrets_sealed))
        return found


def resource_of(row: LogStream) -> Resource:
    return Resource("log_stream", row.id, row.name)
