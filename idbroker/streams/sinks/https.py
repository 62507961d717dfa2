"""HTTPS, for whoever writes a receiver: a JSON object with the records as they were sealed, signed as Standard Webhooks says.

``webhook-id`` names the batch by its bounds. A batch that is sent again has the same bounds, so the same id.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from idbroker.outbound.fetcher import Fetched
from idbroker.outbound.standard_webhooks import signed_headers
from idbroker.streams.contract import Destination, Doors, Record, Reply
from idbroker.streams.sinks.posting import posted, taken


class HttpsSink:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def deliver(self, to: Destination, records: Sequence[Record]) -> Reply:
        first, last = records[0].sequence, records[-1].sequence
        name = f"{to.stream_id}.{first}-{last}" if first else f"{to.stream_id}.{records[0].id}"
        frame = {"type": "audit.records", "stream_id": to.stream_id, "tenant_id": to.tenant, "first": first, "last": last}
        # The records go in as the text that their hashes cover, so that the receiver can check them.
        body = orjson.dumps(frame)[:-1] + b',"records":[' + ",".join(one.document for one in records).encode() + b"]}"
        headers = {"content-type": "application/json"}
        headers.update(signed_headers([to.secrets["secret"]], name, self._doors.clock.now(), body))
        if "authorization" in to.secrets:
            headers["authorization"] = to.secrets["authorization"]
        answer = posted(self._doors.sender, to.settings["url"], headers, body)
        return taken(answer) if isinstance(answer, Fetched) else answer
