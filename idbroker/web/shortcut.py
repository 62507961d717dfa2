"""The straight way to an address that has no parameter in it: a dictionary instead of a walk through the table of routes."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from idbroker.web.edge import Endpoint


class Shortcut:
    """In front of an application: what it cannot settle, the wrong method included, is settled there."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        plain = [route for route in app.routes if isinstance(route, Route) and "{" not in route.path]
        self._known: dict[tuple[str, str], ASGIApp] = {
            (method, route.path): route.endpoint
            for route in plain
            for method in route.methods or ()
            if isinstance(route.endpoint, Endpoint)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._known.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["path_params"] = {}
        await found(scope, receive, send)
