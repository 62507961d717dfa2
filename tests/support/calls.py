"""Requests as values, for what is asked of them alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idbroker.kernel.scope import new_request_id
from idbroker.web.call import Call


def a_call(*, headers: Mapping[str, str] | None = None, cookies: Mapping[str, str] | None = None, **fields: Any) -> Call:
    """A GET of ``/`` unless the fields say otherwise."""
    given: dict[str, Any] = {
        "request_id": new_request_id(),
        "method": "GET",
        "path": "/",
        "base_url": "https://broker.example.com",
        "path_params": {},
        "raw_query": "",
        "body": b"",
        "client_ip": None,
    }
    return Call(headers=headers or {}, cookies=cookies or {}, **{**given, **fields})
