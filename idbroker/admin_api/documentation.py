"""The description served: as an OpenAPI document for programs, as a plain page for people. Both need no key."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idbroker.admin_api.description import openapi
from idbroker.admin_api.operation import API, Operation
from idbroker.limits.names import UNLIMITED
from idbroker.web.assets import Assets
from idbroker.web.call import Answer, Call
from idbroker.web.headers import page_headers
from idbroker.web.problems import problem
from idbroker.web.route import OpenRoute

TEMPLATES = Path(__file__).parent / "templates"
CACHING = ("cache-control", "public, max-age=300")


class Documentation:
    """Describes the other operations, and itself."""

    def __init__(self, others: Sequence[Operation]) -> None:
        self._others = others
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.globals["asset"] = Assets().url
        self._made: dict[str, tuple[bytes, bytes]] = {}
        self._lock = threading.Lock()

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="get_openapi",
                area="Description",
                summary="This description, as an OpenAPI 3.1 document.",
                row=OpenRoute(
                    method="GET",
                    path=f"{API}/openapi.json",
                    handler=self.document,
                    limit=UNLIMITED,
                    errors=problem,
                    inline=False,
                ),
                media=("application/json",),
            ),
            Operation(
                name="get_docs",
                area="Description",
                summary="This description, as a page.",
                row=OpenRoute(method="GET", path="/api/docs", handler=self.page, limit=UNLIMITED, errors=problem, inline=False),
                media=("text/html",),
            ),
        ]

    def document(self, call: Call) -> Answer:
        body, _ = self._both(call.base_url)
        return _cached(call, body, "application/json")

    def page(self, call: Call) -> Answer:
        _, body = self._both(call.base_url)
        return _cached(call, body, "text/html; charset=utf-8").with_headers(
            *page_headers(leaves=False, https=call.base_url.startswith("https:"))
        )

    def _both(self, base_url: str) -> tuple[bytes, bytes]:
        """Made once: the public URL does not change while the program runs."""
        with self._lock:
            if base_url not in self._made:
                document = openapi([*self._others, *self.operations()], base_url)
                page = self._templates.get_template("docs.html").render(document=document, areas=_by_area(document))
                self._made = {base_url: (orjson.dumps(document), page.encode())}
            return self._made[base_url]


def _by_area(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations under their tags, each with method and path beside it."""
    areas: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            areas.setdefault(operation["tags"][0], []).append({**operation, "method": method.upper(), "path": path})
    return areas


def _cached(call: Call, body: bytes, media_type: str) -> Answer:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = (CACHING, ("etag", tag))
    if tag in call.headers.get("if-none-match", ""):
        return Answer(304, b"", None, headers)
    return Answer(200, body, media_type, headers)
