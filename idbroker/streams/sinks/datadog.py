"""Datadog's intake of logs (v2): an array of entries, each record's members beside Datadog's own attributes."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from idbroker.outbound.fetcher import Fetched
from idbroker.streams.contract import Destination, Doors, Record, Reply
from idbroker.streams.sinks.posting import posted, taken

DEFAULT_SITE = "datadoghq.com"


class DatadogSink:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def deliver(self, to: Destination, records: Sequence[Record]) -> Reply:
        """``url`` in place of the site is for a proxy or an Observability Pipelines worker."""
        site = to.settings.get("site", DEFAULT_SITE)
        url = to.settings.get("url", f"https://http-intake.logs.{site}/api/v2/logs")
        own = {
            "ddsource": "idbroker",
            "service": to.settings.get("service", "idbroker"),
            "ddtags": ",".join(to.settings.get("tags", ())),
        }
        entries = [
            {
                **own,
                "timestamp": record.fields["ts"],
                "message": f"{record.fields['action']} #{record.sequence}",
                "audit": record.fields,
            }
            for record in records
        ]
        headers = {"content-type": "application/json", "dd-api-key": to.secrets["api_key"]}
        answer = posted(self._doors.sender, url, headers, orjson.dumps(entries))
        return taken(answer) if isinstance(answer, Fetched) else answer
