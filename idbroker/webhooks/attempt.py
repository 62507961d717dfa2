"""One attempt at one endpoint, and what its answer means."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from idbroker.kernel.clock import rfc3339
from idbroker.outbound.fetcher import FetchFailed, Sender
from idbroker.outbound.standard_webhooks import signed_headers

MAX_ANSWER_KEPT = 500
MAX_RETRY_AFTER = timedelta(hours=1)
GONE = 410
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Outcome:
    """``status`` is None when there was no answer; ``error`` then says why."""

    at: datetime
    milliseconds: int
    status: int | None = None
    answer: str = ""
    error: str | None = None
    retry_after: timedelta | None = None
    unwanted: bool = False
    """Whether the receiver said that it will never take this one, so that there is no use in trying again."""

    @property
    def settled(self) -> bool:
        return self.delivered or self.unwanted

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_the_endpoints(self) -> bool:
        """Whether it says that the endpoint is out of order, rather than that it did not like this one event."""
        return self.status is None or self.status in (429, 502, 503, 504)

    @property
    def problem(self) -> str:
        return self.error or f"The endpoint answered {self.status}."

    def as_document(self) -> dict[str, Any]:
        return {
            "at": rfc3339(self.at),
            "milliseconds": self.milliseconds,
            "status": self.status,
            "answer": self.answer,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way to an endpoint: the same id and body at every attempt."""

    id: str
    body: bytes


def attempt(sender: Sender, url: str, secrets: Sequence[str], message: Message, now: datetime) -> Outcome:
    """POST it, signed for this moment. No redirect is followed; nothing is raised."""
    signed = signed_headers(secrets, message.id, now, message.body)
    return post(sender, url, message.body, {"content-type": "application/json", "accept": "*/*", **signed}, now)


def post(sender: Sender, url: str, body: bytes, headers: Mapping[str, str], now: datetime) -> Outcome:
    """One POST, whatever became of it."""
    begun = time.monotonic()
    try:
        answer = sender.send("POST", url, body=body, headers=headers)
    except FetchFailed as failure:
        return Outcome(now, _since(begun), error=failure.public)
    shown = _UNSTORABLE.sub("\ufffd", answer.body[: MAX_ANSWER_KEPT * 4].decode("utf-8", "replace"))[:MAX_ANSWER_KEPT]
    return Outcome(now, _since(begun), answer.status, shown, retry_after=_retry_after(answer.headers.get("retry-after")))


def _retry_after(text: str | None) -> timedelta | None:
    """RFC 9110 10.2.3 in seconds; dates are rare and clocks differ."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 9):
        return None
    return min(timedelta(seconds=int(text)), MAX_RETRY_AFTER)


def _since(begun: float) -> int:
    return int((time.monotonic() - begun) * 1000)
