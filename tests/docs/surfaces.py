"""What the program shows to the world, asked of the program itself: its commands and its routes."""

from __future__ import annotations

import base64
from pathlib import Path

import typer.main

from idbroker.app import build, build_services
from idbroker.cli.main import app
from idbroker.settings import Settings
from idbroker.web.route import OpenRoute

MASTER_KEY = base64.b64encode(bytes(32)).decode()


def command_options() -> dict[str, list[str]]:
    """``idbroker tenant create`` → its options, long form, without ``--help``."""
    return dict(_below("idbroker", typer.main.get_command(app)))


def _below(path, command):
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _below(f"{path} {name}", inner)
    else:
        options = [max(p.opts, key=len) for p in command.params if p.param_type_name == "option"]
        yield path, [name for name in options if name != "--help"]


def route_table(folder: Path) -> dict[tuple[str, str], str | None]:
    """(method, path) → the permission that an API key needs; None for a route that proves its caller by itself."""
    settings = Settings(database_url=f"sqlite:///{folder}/routes.db", master_key=MASTER_KEY)
    services = build_services(settings)
    try:
        rows = build(services, run_worker=False).rows
        return {(row.method, row.path): None if isinstance(row, OpenRoute) else str(row.permission) for row in rows}
    finally:
        services.close()
