"""Lists in pages: ``?limit=&cursor=`` in, ``{"data", "next_cursor"}`` out. A cursor is opaque to its bearer."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from idbroker.admin_api.operation import QueryParameter
from idbroker.admin_api.shapes import Document
from idbroker.kernel.errors import Invalid, NotFound, invalid_field
from idbroker.kernel.ids import is_id
from idbroker.web.call import Answer, Call, json_answer

R = TypeVar("R")
DEFAULT_LIMIT = 50
MAX_LIMIT = 200

PAGE_QUERY = (
    QueryParameter(
        name="limit",
        description="How many at most.",
        schema={"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    QueryParameter(name="cursor", description="The `next_cursor` of the page before."),
)

MAX_TEXT = 200
TEXT_QUERY = QueryParameter(name="q", description="Text in names and addresses, whatever the case.")


@dataclass(frozen=True, slots=True)
class Page:
    """``after`` is the last id of the page before. One row more than ``limit`` is fetched, to know whether there is more."""

    limit: int
    after: str | None

    @property
    def fetch(self) -> int:
        return self.limit + 1


def page_of(call: Call, prefix: str) -> Page:
    """The page that the query asks for, in a list of ids with that prefix. Raises Invalid."""
    after = read_cursor(call)
    if after is not None and not is_id(after, prefix):
        raise bad_cursor()
    return Page(read_limit(call), after)


def read_limit(call: Call) -> int:
    text = call.query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        raise invalid_field("/limit", f"limit is a number from 1 to {MAX_LIMIT}.")
    return int(text)


def read_text(call: Call) -> str | None:
    """What is searched for, None for nothing. Raises Invalid."""
    text = call.query.get("q", "").strip()
    if len(text) > MAX_TEXT:
        raise invalid_field("/q", f"q has at most {MAX_TEXT} characters.")
    return text or None


def read_cursor(call: Call) -> str | None:
    """What ``write_cursor`` was given. Raises Invalid for what it never wrote."""
    text = call.query.get("cursor")
    if text is None:
        return None
    try:
        value = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise bad_cursor() from error
    if write_cursor(value) != text:
        raise bad_cursor()
    return value


def write_cursor(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).rstrip(b"=").decode()


def bad_cursor() -> Invalid:
    return invalid_field("/cursor", "This is no cursor of this list. Take next_cursor as it came, or start without one.")


def listing(rows: Sequence[R], page: Page, show: Callable[[R], Document]) -> Answer:
    """A page of rows that bear an ``id``; ``rows`` are ``page.fetch`` at most."""
    return listed([show(row).model_dump(mode="json") for row in rows[: page.limit]], more=len(rows) > page.limit)


def listed(documents: Sequence[dict[str, Any]], *, more: bool, key: str = "id") -> Answer:
    """A page of documents; ``key`` is the member that the cursor to the next page is made of."""
    cursor = write_cursor(str(documents[-1][key])) if more and documents else None
    return json_answer({"data": list(documents), "next_cursor": cursor})


def path_id(call: Call, name: str, prefix: str, what: str | None = None) -> str:
    """The id in the path. What has not the shape of one does not exist."""
    text = call.path_params[name]
    if not is_id(text, prefix):
        raise NotFound(what or name)
    return text
