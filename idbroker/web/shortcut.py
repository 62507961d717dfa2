"""The straight way to an address: a dictionary, or a tree of the words between its slashes, instead of a walk through the table
of routes. Two hundred regular expressions, one after the other, took several times what most handlers take."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from idbroker.web.edge import Endpoint

_PARAMETER = re.compile(r"\{([a-z_]+)\}", re.ASCII)


@dataclass
class _Place:
    """Below one beginning of addresses: by the next word, or whatever that word is."""

    words: dict[str, _Place] = field(default_factory=dict)
    anything: _Place | None = None
    endpoint: ASGIApp | None = None
    names: tuple[tuple[str, int], ...] = ()
    """Each parameter, and which word it is."""

    def find(self, path: list[str], at: int = 0) -> _Place | None:
        if at == len(path):
            return self if self.endpoint is not None else None
        below = self.words.get(path[at])
        found = below.find(path, at + 1) if below is not None else None
        if found is None and self.anything is not None and path[at]:
            found = self.anything.find(path, at + 1)
        return found


class Shortcut:
    """In front of an application: what it cannot settle, the wrong method included, is settled there."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self._plain: dict[tuple[str, str], ASGIApp] = {}
        self._trees: dict[str, _Place] = {}
        for route in app.routes:
            if isinstance(route, Route) and isinstance(route.endpoint, Endpoint):
                for method in route.methods or ():
                    self._enter(method, route.path, route.endpoint)

    def _enter(self, method: str, path: str, endpoint: ASGIApp) -> None:
        if "{" not in path:
            self._plain.setdefault((method, path), endpoint)
            return
        words = path.split("/")
        names = [_PARAMETER.fullmatch(word) for word in words]
        if any("{" in word and name is None for word, name in zip(words, names, strict=True)):
            return  # part of a word, or of a kind of its own: the table's business
        place = self._trees.setdefault(method, _Place())
        for word, name in zip(words, names, strict=True):
            if name is None:
                place = place.words.setdefault(word, _Place())
            else:
                place.anything = place.anything or _Place()
                place = place.anything
        if place.endpoint is None:  # as in the table, the first one counts
            place.endpoint, place.names = endpoint, tuple((name[1], at) for at, name in enumerate(names) if name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            method, path = scope["method"], scope["path"]
            endpoint = self._plain.get((method, path))
            if endpoint is not None:
                scope["path_params"] = {}
                await endpoint(scope, receive, send)
                return
            words = path.split("/")
            found = self._trees[method].find(words) if method in self._trees else None
            if found is not None and found.endpoint is not None:
                scope["path_params"] = {name: words[at] for name, at in found.names}
                await found.endpoint(scope, receive, send)
                return
        await self._app(scope, receive, send)
