"""Lists: what was searched for, the page that is shown, and the way to the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from admin_ui.api import Api, Json
from idbroker.web.call import Call

SHOWN = 25


@dataclass(frozen=True)
class Listing:
    """``asked``: the filters as they were given, empty ones left out."""

    rows: list[Json]
    asked: Mapping[str, str]
    next: str | None
    further: bool
    """Whether this is not the first page."""

    @property
    def first(self) -> str:
        return f"?{urlencode(self.asked)}"


def listed(api: Api, call: Call, operation: str, *filters: str, fixed: Mapping[str, str] | None = None) -> Listing:
    """A page of that operation, by the filters that the page's own query has."""
    asked = {name: call.query[name].strip() for name in filters if call.query.get(name, "").strip()}
    cursor = call.query.get("cursor")
    query = {**asked, **(fixed or {}), "limit": str(SHOWN), "cursor": cursor}
    answer = api.run(call, operation, query=query)
    following = answer.get("next_cursor")
    onward = f"?{urlencode({**asked, 'cursor': following})}" if following else None
    return Listing(answer["data"], asked, onward, cursor is not None)
