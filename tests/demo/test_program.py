"""``idbroker demo`` as a program: up in seconds, one line for machines, and a clean end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from idbroker.demo.run import run_demo; sys.exit(run_demo(int(sys.argv[1]), sys.argv[2] == 'json'))"


class Program:
    def __init__(self, port: int, folder: Path, form: str = "json") -> None:
        environment = {
            **os.environ,
            "TMPDIR": str(folder),
            "PYTHONWARNINGS": "error",
            "IDBROKER_DATABASE_URL": "postgresql://production.example/never",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(port), form],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def first_line(self) -> str:
        guard = threading.Timer(40, self.process.kill)
        guard.start()
        line = self.process.stdout.readline()
        guard.cancel()
        assert line, self.process.stderr.read()
        return line

    def end(self, number: int) -> tuple[int, str, str]:
        self.process.send_signal(number)
        rest, errors = self.process.communicate(timeout=20)
        return self.process.returncode, rest, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_comes_up_tells_one_line_and_ends_cleanly(tmp_path, number):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        began = time.monotonic()
        program = Program(port, tmp_path)
        told = json.loads(program.first_line())
        took = time.monotonic() - began
        assert not told["broker"].endswith(f":{port}")
        assert httpx2.get(f"{told['app']}/").status_code == 200
        assert httpx2.get(f"{told['broker']}/readyz").json()["status"] == "ready"
        code, rest, errors = program.end(number)
    assert (code, rest) == (0, "")
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
    assert {login["kind"] for login in told["logins"]} == {"saml", "oidc"}
    assert set(told) >= {"app", "admin", "broker", "logins"}
    # The promise is ten seconds; a machine that runs many tests at once gets some grace.
    assert took < 30


def test_it_tells_people_where_to_go(tmp_path):
    program = Program(0, tmp_path, "text")
    program.first_line()
    lines = [program.process.stdout.readline() for _ in range(7)]
    text = "".join(lines)
    assert "Open  http://127.0.0.1:" in text
    assert "alice@orchard.example" in text
    assert program.end(signal.SIGTERM)[0] == 0
