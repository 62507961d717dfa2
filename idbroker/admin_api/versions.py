"""Versions of what several people edit: a strong ``ETag`` (RFC 9110 8.8.3) made of what is shown.

Made of the content, so no table has a column for it: whoever changes a row by whatever way changes its tag.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson

from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.preconditions import check_match, is_known

S = TypeVar("S")


def tag_of(document: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> str:
    """``settings``: the part that people write, where the rest (counters, health) moves by itself."""
    whole = _digest(document)
    return f'"{whole}"' if settings is None else f'"{_digest(settings)}.{whole}"'


def tagged(
    document: Mapping[str, Any],
    status: int = 200,
    *,
    settings: Mapping[str, Any] | None = None,
    once: Mapping[str, Any] | None = None,
) -> Answer:
    """The answer with its version. ``once``: what is shown this once and belongs to no version."""
    return json_answer({**document, **(once or {})}, status, ("etag", tag_of(document, settings)))


def check_version(call: Call, document: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> None:
    """Raise VersionGone when the caller goes by another version than this one."""
    if "if-match" in call.headers:
        check_match(call.headers["if-match"], tag_of(document, settings))


def conditional(handler: Callable[[Call, S], Answer]) -> Callable[[Call, S], Answer]:
    """A read that is answered 304 to whoever has it already. What has no version of its own goes by its bytes."""

    def run(call: Call, where: S) -> Answer:
        answer = handler(call, where)
        if answer.status != 200 or answer.stream is not None:
            return answer
        tag = next((value for name, value in answer.headers if name == "etag"), None)
        if tag is None:
            tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
            answer = answer.with_headers(("etag", tag))
        return Answer(304, b"", None, answer.headers) if is_known(call.headers.get("if-none-match"), tag) else answer

    return run


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
