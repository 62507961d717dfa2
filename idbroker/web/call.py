"""A request and an answer as plain values: what handlers see instead of a framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from idbroker.access.api_keys import Principal
from idbroker.kernel.errors import Invalid, Refusal
from idbroker.kernel.ids import RequestId
from idbroker.kernel.scope import Actor
from idbroker.web.meter import UNMETERED, Meter

MAX_FIELDS = 200


class BadRequest(Refusal):
    """The request is not well-formed."""

    status = 400


class Params(Mapping[str, str]):
    """Query or form parameters. A repeated name is kept as such and refused when it is read (RFC 6749 3.1)."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        self.repeated: set[str] = set()
        for name, value in pairs:
            if name in self._values:
                self.repeated.add(name)
            self._values[name] = value

    def __getitem__(self, name: str) -> str:
        if name in self.repeated:
            raise BadRequest("repeated_parameter", f"The parameter “{name[:40]}” came more than once.")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def parse_params(text: str) -> Params:
    """``application/x-www-form-urlencoded``. Raises BadRequest for what is not that, too many fields, or control characters."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise BadRequest("bad_parameters", "The parameters of this request cannot be read.", detail=str(error)) from error
    if any("\x00" in name or "\x00" in value for name, value in pairs):
        raise BadRequest("bad_parameters", "The parameters of this request cannot be read.", detail="NUL in a parameter")
    return Params(pairs)


@dataclass(frozen=True)
class Call:
    """One request, read whole. Header names are lower-case. ``principal`` is set once a key has been proven."""

    request_id: RequestId
    method: str
    path: str
    base_url: str
    path_params: Mapping[str, str]
    raw_query: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: bytes
    client_ip: str | None
    principal: Principal | None = None
    meter: Meter = UNMETERED
    """What the request is charged to; whoever proves its credential says so there."""

    @cached_property
    def query(self) -> Params:
        return parse_params(self.raw_query)

    @cached_property
    def form(self) -> Params:
        """Raises BadRequest unless the body is a form."""
        if self.content_type != "application/x-www-form-urlencoded":
            raise BadRequest("not_a_form", "A form was expected here.", detail=self.content_type, status=415)
        try:
            return parse_params(self.body.decode("ascii"))
        except UnicodeDecodeError as error:
            raise BadRequest("bad_parameters", "The parameters of this request cannot be read.") from error

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises BadRequest, or Invalid when it is JSON but no object."""
        if self.content_type not in ("application/json", ""):
            raise BadRequest("not_json", "The body must be application/json.", status=415)
        try:
            value = orjson.loads(self.body or b"{}")
        except orjson.JSONDecodeError as error:
            raise BadRequest("bad_json", "The body is not JSON.", detail=str(error)) from error
        if not isinstance(value, dict):
            raise Invalid("The body must be a JSON object.")
        if b"\\u0000" in self.body and _holds_nul(value):
            raise Invalid("The body holds a NUL character.")
        return value

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def user_agent(self) -> str | None:
        return self.headers.get("user-agent")

    @property
    def actor(self) -> Actor:
        """Whoever calls, as the trail names him: the key's owner, or a visitor."""
        agent = (self.user_agent or "")[:400] or None
        if self.principal is None:
            return Actor(type="visitor", ip=self.client_ip, user_agent=agent)
        return Actor(
            type=self.principal.actor_type, id=self.principal.key, name=self.principal.name, ip=self.client_ip, user_agent=agent
        )


def _holds_nul(value: Any) -> bool:
    """Whether a NUL stands anywhere in a JSON value. Without recursion: bodies nest deeper than Python calls."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str) and "\x00" in part:
            return True
        if isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            waiting += part
    return False


@dataclass(frozen=True)
class Answer:
    """What goes back. ``headers`` may repeat a name (Set-Cookie). ``stream``: the body in pieces, made as they are read."""

    status: int = 200
    body: bytes = b""
    media_type: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=())
    stream: Iterator[bytes] | None = None

    def with_headers(self, *more: tuple[str, str]) -> Answer:
        return replace(self, headers=(*self.headers, *more))


def json_answer(document: Any, status: int = 200, *headers: tuple[str, str], media_type: str = "application/json") -> Answer:
    return Answer(status, orjson.dumps(document), media_type, headers)


def redirect(location: str, *headers: tuple[str, str], status: int = 303) -> Answer:
    """303 by default, so that a POST never travels on (RFC 9700 4.12)."""
    return Answer(status, b"", None, (("location", location), *headers))
