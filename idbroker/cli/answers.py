"""What the commands share: who acts, opening the services, showing an answer, stopping with a sentence."""

from __future__ import annotations

import getpass
import json
from typing import Annotated, Any

import typer

from idbroker.app import Services, build_services
from idbroker.kernel.scope import Actor
from idbroker.settings import load_settings
from idbroker.storage.unit import PlatformUnit
from idbroker.telemetry.logs import set_up_logs
from idbroker.tenants.model import Tenant, Tenants

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
TenantArgument = Annotated[str | None, typer.Argument(help="Slug or id.")]
TenantOption = Annotated[str | None, typer.Option("--tenant", help="Slug or id.")]


class Stop(Exception):
    """A command cannot do what it was asked. The message says why and what to do."""


def open_services() -> Services:
    set_up_logs("console")
    return build_services(load_settings())


def operator() -> Actor:
    return Actor(type="operator", name=f"{getpass.getuser()} (command line)")


def named_tenant(argument: str | None, option: str | None) -> str:
    """The tenant that was said in either way: ``show acme``, ``show --tenant acme``. Raises Stop when it was not, or twice."""
    if (argument is None) == (option is None):
        raise Stop("say which tenant, once: its slug or id, or --tenant T")
    return str(argument or option)


def known_tenant(unit: PlatformUnit, slug_or_id: str, *, erased: bool = False) -> Tenant:
    """Raises Stop when there is none; an erased one is there for whoever asks for it."""
    tenant = unit[Tenants].find(slug_or_id, erased=erased)
    if tenant is None:
        raise Stop(f"there is no tenant “{slug_or_id}”. See: idbroker tenant list")
    return tenant


def show(documents: list[dict[str, Any]], *, as_json: bool, single: bool = False) -> None:
    """One line per document, or JSON."""
    if as_json:
        typer.echo(json.dumps(documents[0] if single else documents))
        return
    for document in documents:
        typer.echo("  ".join(str(value) for value in document.values() if value is not None))
