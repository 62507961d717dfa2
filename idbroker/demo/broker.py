"""The broker of the demo: the same program as ``idbroker serve``, on SQLite in a folder that goes away with it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pydantic import SecretStr
from starlette.types import ASGIApp

from idbroker.access.api_keys import ApiKeys
from idbroker.admin_api.operators import LOGIN_PATH
from idbroker.admins.operators import OperatorService
from idbroker.app import build, build_services
from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.scope import SYSTEM
from idbroker.outbound.fetcher import GuardedFetcher
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


@contextmanager
def running_broker(settings: Settings) -> Iterator[tuple[ASGIApp, str, str]]:
    """(what answers HTTP, an operator's API key, a link that signs an operator into the pages, once)."""
    with (
        closing(GuardedFetcher(settings.outbound_allow)) as fetcher,
        closing(build_services(settings, fetcher=fetcher)) as services,
    ):
        with services.database.platform(SYSTEM) as unit:
            row, key = unit[ApiKeys].create("demo", None, "operator")
            unit.own_trail()[Outbox].record(Event("api_key.created", Resource("api_key", row.id, row.name)))
            _, secret = OperatorService().invite(unit, "operator@demo.example")
        yield build(services, run_worker=True).asgi, key, f"{settings.public_url}{LOGIN_PATH}/{secret}"
