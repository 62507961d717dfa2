"""The broker of the demo: the same program as ``idbroker serve``, on SQLite in a folder that goes away with it."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

from pydantic import SecretStr
from starlette.types import ASGIApp

from idbroker.access.api_keys import ApiKeys
from idbroker.app import Services, build, build_services
from idbroker.kernel.scope import SYSTEM
from idbroker.settings import Settings


def demo_settings(folder: Path, public_url: str) -> Settings:
    """Nothing is taken from the environment: whatever runs in production on this machine stays untouched."""
    untouched = {name: field.get_default() for name, field in Settings.model_fields.items()}
    ours = {
        "public_url": public_url,
        "database_url": SecretStr(f"sqlite:///{folder / 'demo.db'}"),
        "master_key": SecretStr(base64.b64encode(secrets.token_bytes(32)).decode()),
        "outbound_allow": "127.0.0.0/8",
        "log_format": "console",
    }
    return Settings(**{**untouched, **ours})


def start_broker(settings: Settings) -> tuple[Services, ASGIApp, str]:
    """(the services to close at the end, what answers HTTP, an operator's API key)."""
    services = build_services(settings)
    with services.database.platform(SYSTEM) as unit:
        _, key = unit[ApiKeys].create("demo", None, "operator")
    return services, build(services, run_worker=True).asgi, key
