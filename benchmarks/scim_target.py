"""Who is asked in benchmarks/scim.py, and over what: one kept connection, and the processor time of whole process families."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from benchmarks.deployment import cpu_of
from tests.support.databases import PostgresServer

MEDIA_TYPE = "application/scim+json"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


@dataclass
class Target:
    """A SCIM server with people in it. ``ids``: those who were there from the beginning, of whom the first half are in
    ``group``. ``database``: the process of the database server beside it, if there is one."""

    name: str
    base: str
    token: str
    pid: int
    ids: Sequence[str] = ()
    group: str = ""
    bulk: bool = True
    sorts: bool = False
    database: int | None = None
    connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def send(self, method: str, path: str, body: Any = None, *, again: bool = True) -> tuple[int, bytes]:
        parts = urlsplit(self.base)
        content = None if body is None else orjson.dumps(body)
        headers = {"authorization": f"Bearer {self.token}", "content-type": MEDIA_TYPE}
        if self.connection is None:
            self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)
        try:
            self.connection.request(method, f"{parts.path}{path}", content, headers)
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except (http.client.RemoteDisconnected, ConnectionError):
            self.connection = None
            if not again:
                raise
            return self.send(method, path, body, again=False)  # the connection had been kept too long

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, content = self.send(method, path, body)
        assert status < 400, f"{self.name}: {method} {path}: {status} {content[:300]!r}"
        return orjson.loads(content) if content else None

    def cpu(self) -> tuple[float, float]:
        """(seconds of the server, seconds of the database beside it)."""
        return cpu_of(self.pid), 0.0 if self.database is None else cpu_of(self.database)


def document(number: int) -> dict[str, Any]:
    name = f"user{number:07}@acme.example"
    return {
        "schemas": [USER],
        "userName": name,
        "externalId": f"ext-{number}",
        "name": {"familyName": f"Family{number % 977}", "givenName": f"Given{number % 491}"},
        "displayName": f"Given{number % 491} Family{number % 977}",
        "active": True,
        "emails": [{"value": name, "type": "work", "primary": True}],
    }


def patch(*operations: Any) -> Any:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}


def fill_over_http(target: Target, users: int) -> None:
    """People and their group, put into a server by its own door."""
    target.ids = [target.ok("POST", "/Users", document(number))["id"] for number in range(users)]
    target.group = target.ok("POST", "/Groups", {"schemas": [GROUP], "displayName": "Everybody"})["id"]
    for start in range(0, users // 2, 500):
        members = [{"value": one} for one in target.ids[start : min(start + 500, users // 2)]]
        target.ok("PATCH", f"/Groups/{target.group}", patch({"op": "add", "path": "members", "value": members}))


def postmaster(folder: Path) -> int:
    """The process of the PostgreSQL server whose data are in that folder."""
    return int((folder / "pg" / "postmaster.pid").read_text().split()[0])


@contextmanager
def jackson(modules: Path, server: PostgresServer, folder: Path, port: int, users: int) -> Iterator[Target]:
    """``modules``: a folder ``node_modules`` that holds @boxyhq/saml-jackson. A page of it has 50 people at most."""
    server._run("CREATE DATABASE jackson OWNER broker_owner")
    url = str(server.urls("jackson").owner).replace(":@/", "@localhost/")  # its parser wants a host; the socket is named anyway
    script = Path(__file__).with_name("scim_jackson_peer.mjs")
    command = ["node", str(script), str(modules.resolve()), str(port), url]
    with running(command, folder / "jackson.log") as process:
        assert process.stdout is not None
        told = next(orjson.loads(line) for line in process.stdout if line.startswith("{"))
        base = f"http://127.0.0.1:{port}{told['path']}"
        target = Target("saml-jackson", base, told["secret"], process.pid, bulk=False, database=postmaster(folder))
        fill_over_http(target, users)
        yield target


@contextmanager
def scim2_server(python: Path, folder: Path, port: int, users: int) -> Iterator[Target]:
    """``python``: a virtual environment that holds scim2-server, which keeps everything in memory."""
    command = [str(python.resolve() / "bin" / "scim2-server"), "--port", str(port), "--bearer-token", "bench"]
    with running(command, folder / "scim2-server.log") as process:
        target = Target("scim2-server", f"http://127.0.0.1:{port}/v2", "bench", process.pid)
        for _ in range(1200):
            with suppress(OSError):
                if target.send("GET", "/ServiceProviderConfig")[0] == 200:
                    break
            time.sleep(0.1)
        fill_over_http(target, users)
        yield target


@contextmanager
def running(command: Sequence[str], log: Path, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    with log.open("w") as said:
        process = subprocess.Popen(command, env=environment or dict(os.environ), stdout=subprocess.PIPE, stderr=said, text=True)
        try:
            yield process
        except BaseException:
            sys.stderr.write(log.read_text()[-2000:])
            raise
        finally:
            process.terminate()
            process.wait(timeout=30)
