"""Which endpoint an address leads to: past the table of routes, and yet the one that the table names."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from idbroker.limits.names import UNLIMITED
from idbroker.web.call import Answer
from idbroker.web.edge import Endpoint
from idbroker.web.problems import problem
from idbroker.web.route import OpenRoute
from idbroker.web.shortcut import Shortcut

TABLE = [
    ("GET", "/things"),
    ("POST", "/things/.search"),
    ("GET", "/things/{id}"),
    ("PUT", "/things/{id}"),
    ("GET", "/things/{id}/parts"),
    ("GET", "/things/{thing}/parts/{part}"),
    ("GET", "/things/fixed/parts/{part}"),
    ("GET", "/{slug}/metadata"),
    ("GET", "/files/{name:path}"),
    ("GET", "/half-{word}/x"),
]
CASES = [
    ("GET", "/things", "/things", {}),
    ("POST", "/things/.search", "/things/.search", {}),
    ("GET", "/things/.search", "/things/{id}", {"id": ".search"}),
    ("GET", "/things/a%2Fb", "/things/{id}", {"id": "a%2Fb"}),
    ("PUT", "/things/1", "/things/{id}", {"id": "1"}),
    ("GET", "/things/1/parts", "/things/{id}/parts", {"id": "1"}),
    ("GET", "/things/1/parts/2", "/things/{thing}/parts/{part}", {"thing": "1", "part": "2"}),
    ("GET", "/things/fixed/parts", "/things/{id}/parts", {"id": "fixed"}),
    ("GET", "/things/metadata", "/things/{id}", {"id": "metadata"}),
    ("GET", "/others/metadata", "/{slug}/metadata", {"slug": "others"}),
    ("GET", "/files/a/b", "/files/{name:path}", {"name": "a/b"}),
    ("GET", "/half-way/x", "/half-{word}/x", {"word": "way"}),
    ("GET", "/things/", None, {}),
    ("GET", "/things//parts", None, {}),
    ("DELETE", "/things/1", None, {}),
    ("PATCH", "/things", None, {}),
    ("GET", "", None, {}),
]


class Told(Endpoint):
    """Says where the request has come to."""

    def __init__(self, path: str, methods: dict[str, OpenRoute], arrived: list[Any]) -> None:
        super().__init__(None, methods)  # type: ignore[arg-type] # never asked
        self._path, self._arrived = path, arrived

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._arrived.append((self._path, dict(scope["path_params"])))


def row(method: Any, path: str) -> OpenRoute:
    return OpenRoute(method=method, path=path, handler=lambda call: Answer(200), limit=UNLIMITED, errors=problem, inline=True)


@pytest.mark.parametrize(("method", "path", "wanted", "parameters"), CASES)
def test_an_address_leads_where_the_table_says(method: str, path: str, wanted: str | None, parameters: dict[str, str]) -> None:
    arrived: list[Any] = []
    by_path: dict[str, dict[str, OpenRoute]] = {}
    for one, where in TABLE:
        by_path.setdefault(where, {})[one] = row(one, where)
    app = Starlette(routes=[Route(p, Told(p, rows, arrived), methods=list(rows)) for p, rows in by_path.items()])

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    for asked in (app, Shortcut(app)):
        arrived.clear()
        sent: list[Any] = []
        scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b"", "root_path": ""}
        asyncio.run(asked(scope, receive, send))
        assert arrived == ([] if wanted is None else [(wanted, parameters)])
        assert bool(sent) is (wanted is None)  # Starlette's own 404 or 405
