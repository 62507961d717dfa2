"""``idbroker apply`` as a person types it."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from idbroker.cli.answers import Stop
from idbroker.cli.main import app
from tests.support.databases import sqlite_urls

TEXT = """
version: 1
tenants:
  acme: {tier: free}
apps:
  Notes: {redirect_uris: [https://notes.example/cb]}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IDBROKER_DATABASE_URL", sqlite_urls(tmp_path).database)
    monkeypatch.setenv("IDBROKER_MASTER_KEY", base64.b64encode(bytes(32)).decode())
    (tmp_path / "broker.yaml").write_text(TEXT)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["apply", "broker.yaml", *words])

    return run


def test_told_made_and_nothing_left_to_do(run, tmp_path: Path) -> None:
    told = run("--dry-run", "--secrets-file", "secrets.jsonl")
    assert (told.exit_code, told.stdout) == (0, "+ tenant acme\n+ app Notes\n")
    assert "2 to create, 0 to change, 0 to remove, 0 unchanged" in told.stderr
    assert not (tmp_path / "secrets.jsonl").exists()
    made = run("--secrets-file", "secrets.jsonl")
    assert made.exit_code == 0, made.exception
    kept = tmp_path / "secrets.jsonl"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    secret = json.loads(kept.read_text())
    assert (secret["kind"], secret["name"]) == ("app", "Notes")
    assert secret["secret"] not in made.stdout + made.stderr
    again = run("--json")
    assert [step["action"] for step in json.loads(again.stdout)] == ["unchanged", "unchanged"]


def test_a_secret_that_nobody_kept_is_told_of(run) -> None:
    assert "app Notes" in run().stderr.splitlines()[-1]


def test_where_secrets_cannot_be_written_nothing_is_made(run, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for place in ("nowhere/secrets", "link"):
        stopped = run("--secrets-file", place)
        assert isinstance(stopped.exception, Stop)
        assert "cannot be written" in str(stopped.exception)
    assert run("--dry-run").stdout.startswith("+ tenant acme")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--url", "http://broker.example"), "https"),
        (("--url", "http://127.0.0.1.evil.example"), "https"),
        (("--url", "file:///etc/passwd"), "https"),
        (("--url", "https://broker.example"), "--key-file"),
        (("--url", "https://broker.example", "--key-file", "nowhere"), "cannot be read"),
    ],
)
def test_a_server_is_named_with_care(run, words: tuple[str, ...], says: str) -> None:
    stopped = run(*words)
    assert isinstance(stopped.exception, Stop)
    assert says in str(stopped.exception)


def test_a_wrong_file_says_where(run, tmp_path: Path) -> None:
    (tmp_path / "broker.yaml").write_text(TEXT.replace("free", "gold"))
    stopped = run()
    assert isinstance(stopped.exception, Stop)
    assert str(stopped.exception).startswith("broker.yaml: line 4: tenants.acme.tier: ")
