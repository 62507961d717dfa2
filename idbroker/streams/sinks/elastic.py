"""Elasticsearch's bulk call: each record is created under its own id, so that one that comes twice stands there once.

The whole batch counts only when every record of it is in: those that are there already (409) are.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import orjson

from idbroker.streams.contract import Destination, Doors, Record, Reply
from idbroker.streams.sinks.posting import declined, posted, taken

DEFAULT_INDEX = "idbroker-audit"
ALREADY_THERE = 409
FILTER = "filter_path=errors,items.create.status,items.create.error.type,items.create.error.reason"


class ElasticSink:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def deliver(self, to: Destination, records: Sequence[Record]) -> Reply:
        base = to.settings["url"].rstrip("/")
        url = f"{base}/{to.settings.get('index', DEFAULT_INDEX)}/_bulk?{FILTER}"
        lines: list[bytes] = []
        for record in records:
            lines.append(orjson.dumps({"create": {"_id": record.id}}))
            lines.append(b'{"@timestamp":%s,%s' % (orjson.dumps(record.fields["ts"]), record.document.encode()[1:]))
        headers = {"content-type": "application/x-ndjson", **_credentials(to)}
        answer = posted(self._doors.sender, url, headers, b"\n".join(lines) + b"\n")
        if isinstance(answer, Reply):
            return answer
        problem = _problem(answer.body)
        return taken(answer) if problem is None else declined(answer, problem)


def _credentials(to: Destination) -> dict[str, str]:
    if "api_key" in to.secrets:
        return {"authorization": f"ApiKey {to.secrets['api_key']}"}
    if "password" in to.secrets:
        pair = f"{to.settings['username']}:{to.secrets['password']}"
        return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    return {}


def _problem(body: bytes) -> str | None:
    """The first item that is not in, as Elasticsearch words it."""
    try:
        told = orjson.loads(body)
        if told["errors"] is False:
            return None
        items: list[Any] = [item["create"] for item in told["items"]]
        wrong = [item for item in items if not (200 <= item["status"] < 300 or item["status"] == ALREADY_THERE)]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "The receiver did not answer as Elasticsearch does."
    if not wrong:
        return None
    error = wrong[0].get("error") or {}
    reason = str(error.get("reason", "")).replace("\x00", "")[:200] if isinstance(error, dict) else ""
    return f"{len(wrong)} record(s) were not taken ({wrong[0]['status']}): {reason or 'no reason was given'}."
