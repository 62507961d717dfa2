"""Splunk's HTTP Event Collector: events one after the other in one body, the token in the header.

A channel goes with every request, so that tokens with indexer acknowledgement take them too.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

import orjson

from idbroker.outbound.fetcher import Fetched
from idbroker.streams.contract import Destination, Doors, Record, Reply
from idbroker.streams.sinks.posting import declined, posted, taken

ENDPOINT = "/services/collector/event"


class SplunkSink:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def deliver(self, to: Destination, records: Sequence[Record]) -> Reply:
        url: str = to.settings["url"]
        if urlsplit(url).path in ("", "/"):
            url = url.rstrip("/") + ENDPOINT
        envelope = {
            "host": "idbroker",
            "source": to.settings.get("source", "idbroker"),
            "sourcetype": to.settings.get("sourcetype", "idbroker:audit"),
        }
        if "index" in to.settings:
            envelope["index"] = to.settings["index"]
        lead = orjson.dumps(envelope)[:-1]
        body = b"\n".join(
            b'%s,"time":%.3f,"event":%s}' % (lead, record.at.timestamp(), record.document.encode()) for record in records
        )
        headers = {
            "content-type": "application/json",
            "authorization": f"Splunk {to.secrets['token']}",
            "x-splunk-request-channel": str(uuid.uuid5(uuid.NAMESPACE_OID, to.stream_id)),
        }
        answer = posted(self._doors.sender, url, headers, body)
        if isinstance(answer, Reply):
            return answer
        return taken(answer) if _took(answer) else declined(answer, "The collector did not say that it took the events.")


def _took(answer: Fetched) -> bool:
    """``{"text": "Success", "code": 0}``: something else that answers 200 to everything is no collector."""
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(told, dict) and told.get("code") == 0
