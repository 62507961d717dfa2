"""HTTP servers of the demo, each in a thread of this process, on a loopback port that is bound before anybody is told of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

HOST = "127.0.0.1"
PATIENCE = 20.0


class Taken(OSError):
    """No port could be had."""


def bind(wanted: Iterable[int]) -> socket.socket:
    """A listening socket on the first free one of these ports, else on any."""
    for port in (*wanted, 0):
        with suppress(OSError, OverflowError):
            return socket.create_server((HOST, port), backlog=128)
    raise Taken(f"no port is free on {HOST}")


class Server:
    def __init__(self, listener: socket.socket, app: ASGIApp) -> None:
        config = uvicorn.Config(app, log_config=None, log_level="warning", timeout_graceful_shutdown=1)
        self._listener = listener
        self._server = uvicorn.Server(config)
        # Outside the main thread uvicorn leaves signals alone, so that one Ctrl-C ends all servers together.
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)

    def start(self) -> None:
        """Serve from now on. Raises RuntimeError when the application does not come up."""
        self._thread.start()
        waiting = threading.Event()
        for _ in range(int(PATIENCE / 0.02)):
            if self._server.started:
                return
            if not self._thread.is_alive():
                break
            waiting.wait(0.02)
        raise RuntimeError("a server of the demo did not start; the log above says why")

    def ask_to_stop(self) -> None:
        self._server.should_exit = True

    def join(self) -> None:
        self._thread.join(PATIENCE)
        self._listener.close()
