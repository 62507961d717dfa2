"""A batch by HTTP: what is the same of every receiver that is posted to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from idbroker.outbound.fetcher import Fetched, FetchFailed, Sender
from idbroker.streams.contract import Reply

MAX_ANSWER_KEPT = 300
MAX_RETRY_AFTER = timedelta(hours=1)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def posted(sender: Sender, url: str, headers: Mapping[str, str], body: bytes) -> Fetched | Reply:
    """The answer when its status is 2xx, else what it means. No redirect is followed; nothing is raised."""
    try:
        answer = sender.send("POST", url, body=body, headers={"accept": "*/*", **headers})
    except FetchFailed as failure:
        return Reply(failure.public)
    if 200 <= answer.status < 300:
        return answer
    return declined(answer, f"The receiver answered {answer.status}.")


def declined(answer: Fetched, problem: str) -> Reply:
    return Reply(problem, answer.status, shown(answer.body), _retry_after(answer.headers.get("retry-after")))


def taken(answer: Fetched) -> Reply:
    return Reply(None, answer.status, shown(answer.body))


def shown(body: bytes) -> str:
    """The beginning of an answer, as text that can be kept."""
    return _UNSTORABLE.sub("\ufffd", body[: MAX_ANSWER_KEPT * 4].decode("utf-8", "replace"))[:MAX_ANSWER_KEPT]


def _retry_after(text: str | None) -> timedelta | None:
    """RFC 9110 10.2.3 in seconds; dates are rare and clocks differ."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 9):
        return None
    return min(timedelta(seconds=int(text)), MAX_RETRY_AFTER)
