"""What stands in ``deploy/`` against the program: settings that exist, files that are there, two roles and no more."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest

from idbroker.settings import PREFIX, Settings
from tests.docs.pages import ROOT
from tests.docs.surfaces import command_options

DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    yaml = import_module("yaml")
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_every_setting_is_one(compose: dict[str, Any]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name, service in compose["services"].items():
        given = {key for key in service.get("environment", {}) if key.startswith(PREFIX)}
        assert given <= known, name


def test_commands_exist_and_only_migrate_is_the_owner(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if service.get("image") != "idbroker":
            continue
        command = service.get("command", ["serve"])[0]
        assert f"idbroker {command}" in command_options(), name
        assert ("IDBROKER_DATABASE_OWNER_URL" in service["environment"]) == (name == "migrate")
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]


def test_what_the_image_copies_is_there() -> None:
    for line in (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines():
        copied = re.fullmatch(r"COPY (?!--)(.+) \S+", line)
        for name in copied.group(1).split() if copied else ():
            assert (ROOT / name).exists(), name


def test_no_password_is_written_down() -> None:
    for path in DEPLOY.iterdir():
        for found in re.findall(r"(?m)^\s*\w*(?:PASSWORD|KEY): (\S+)", path.read_text(encoding="utf-8")):
            assert found.startswith("${"), (path.name, found)
