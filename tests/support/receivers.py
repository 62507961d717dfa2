"""Endpoints of the world as a table of answers: what was sent where, and what they say to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from idbroker.outbound.fetcher import Fetched, FetchFailed

Answering = Callable[["Received"], "int | Fetched | Exception"]


@dataclass(frozen=True)
class Received:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receivers:
    """``answers`` by URL: a status, a whole answer, an exception, or what makes one of them of the request; 200 by default."""

    answers: dict[str, Any] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, method: str, url: str, *, body: bytes | None, headers: Mapping[str, str]) -> Fetched:
        got = Received(method, url, dict(headers), body or b"")
        with self.lock:
            self.received.append(got)
        answer = self.answers.get(url, 200)
        if callable(answer):
            answer = answer(got)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Fetched) else Fetched(url, answer, {}, b"so it is")

    def at(self, url: str) -> list[Any]:
        """The events that came to one address, in order."""
        return [one.event for one in self.received if one.url == url]

    def close(self) -> None:
        pass


@dataclass
class Lines:
    """Syslog receivers: what came to which (host, port), or an exception for it."""

    answers: dict[str, Exception] = field(default_factory=dict)
    received: list[tuple[str, int, bytes]] = field(default_factory=list)

    def send(self, host: str, port: int, data: bytes, *, authorities: str | None) -> None:
        self.received.append((host, port, data))
        if host in self.answers:
            raise self.answers[host]


def unreachable() -> FetchFailed:
    return FetchFailed("outbound_timeout", "The other server did not answer in time.")
