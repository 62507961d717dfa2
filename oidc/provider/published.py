"""A public document: its bytes made once, and a validator, so that whoever has it need not fetch it again (RFC 9110 13.1.2)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from idbroker.web.call import Answer, Call

PUBLIC = (
    ("cache-control", "public, max-age=300"),
    ("access-control-allow-origin", "*"),
    ("cross-origin-resource-policy", "cross-origin"),
)
"""Anybody may read these documents, from any page, and keep them 5 minutes."""


@dataclass(frozen=True, slots=True)
class Published:
    etag: str
    fetched: Answer
    unchanged: Answer

    def answer(self, call: Call) -> Answer:
        """The document, or 304 for who names its validator; a weak comparison (RFC 9110 13.1.2)."""
        known = call.headers.get("if-none-match")
        if known is None:
            return self.fetched
        named = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return self.unchanged if self.etag in named or known.strip() == "*" else self.fetched


def published(document: Any) -> Published:
    body = orjson.dumps(document)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = (*PUBLIC, ("etag", etag))
    return Published(etag, Answer(200, body, "application/json", headers), Answer(304, b"", None, headers))
