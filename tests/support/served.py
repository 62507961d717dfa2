"""The broker as an operator starts it: a program of its own, asked over HTTP, on the database that a test's world looks at."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from tests.support.databases import Stores
from tests.support.scim_world import MASTER, Directory

ROOT = Path(__file__).parents[2]


class Server:
    def __init__(self, stores: Stores, log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("IDBROKER_")},
            "IDBROKER_DATABASE_URL": stores.urls.database,
            "IDBROKER_MASTER_KEY": base64.b64encode(MASTER).decode(),
            "IDBROKER_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
        }
        if stores.urls.owner:
            environment["IDBROKER_DATABASE_OWNER_URL"] = stores.urls.owner
        command = [sys.executable, "-m", "idbroker.cli", "serve", "--port", str(self.port)]
        with log.open("w") as said:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server did not come up"
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)  # it needs the processor more than this loop does

    def send(self, idp: Directory, method: str, path: str, body: Any) -> bytes | None:
        """The answer's body; None when the server has died under the request."""
        try:
            status, content = self.ask(idp, method, path, body)
        except (OSError, http.client.HTTPException):
            return None
        assert status < 400, content
        return content

    def ask(self, idp: Directory, method: str, path: str, body: Any) -> tuple[int, bytes]:
        """Over a connection of its own. Raises OSError or HTTPException when the server has died."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"authorization": f"Bearer {idp.token}", "content-type": "application/scim+json"}
        with closing(connection):
            connection.request(method, f"/scim/v2{path}", orjson.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def serving(stores: Stores, folder: Path) -> Iterator[Server]:
    server = Server(stores, folder / "server.log")
    try:
        server.wait()
        yield server
    finally:
        server.kill()
