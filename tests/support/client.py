"""Asking an ASGI application as a browser would, from any thread of a test.

All requests of a test process run in one event loop, as those of a server do. Starlette's own client starts a thread and a loop
for each request, which costs more than most of the requests here; it is used where an application starts and ends.
"""

from __future__ import annotations

import asyncio
import threading
from functools import cache
from typing import Any
from urllib.parse import unquote

import httpx2
from starlette.types import ASGIApp, Message

Address = tuple[str, int]


class Client(httpx2.Client):
    """With a jar of cookies of its own. ``client``: the address from which it asks."""

    def __init__(
        self,
        app: ASGIApp,
        base_url: str,
        *,
        client: Address = ("testclient", 50000),
        follow_redirects: bool = True,
        raise_server_exceptions: bool = True,
    ) -> None:
        super().__init__(
            base_url=base_url,
            transport=_Transport(app, client, raise_server_exceptions),
            headers={"user-agent": "testclient"},
            follow_redirects=follow_redirects,
        )


class _Transport(httpx2.BaseTransport):
    def __init__(self, app: ASGIApp, client: Address, raising: bool) -> None:
        self._app = app
        self._client = client
        self._raising = raising

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": unquote(url.path),
            "raw_path": url.raw_path.split(b"?", 1)[0],
            "query_string": url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": self._client,
            "server": (url.raw_host.decode(), url.port or {"http": 80, "https": 443}[url.scheme]),
            "state": {},
        }
        exchange = _Exchange(request.read())
        running = asyncio.run_coroutine_threadsafe(exchange.run(self._app, scope), _loop())
        try:
            running.result()
        except Exception:
            if self._raising:
                raise
            if exchange.status is None:
                exchange.status, exchange.headers, exchange.body = 500, [], []
        assert exchange.status is not None, "the application ended without an answer"
        stream = httpx2.ByteStream(b"".join(exchange.body))
        return httpx2.Response(exchange.status, headers=exchange.headers, stream=stream, request=request)


class _Exchange:
    """One request's messages, both ways."""

    def __init__(self, body: bytes) -> None:
        self._asked: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self._over = asyncio.Event()
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []

    async def run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if self._asked:
            return self._asked.pop()
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            assert self.status is None, "an answer began twice"
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            assert self.status is not None, "an answer's body came before its head"
            assert not self._over.is_set(), "an answer went on after its end"
            self.body.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._over.set()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Lives as long as the process."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="client", daemon=True).start()
    return loop
