"""Apps from the shell: pushing people and groups to their SCIM endpoints anew."""

from __future__ import annotations

from typing import Annotated

import typer

from idbroker.cli.answers import AsJson, known_tenant, open_services, operator, show
from idbroker.kernel.scope import TenantScope

apps_app = typer.Typer(no_args_is_help=True, help="SaaS applications.")


@apps_app.callback()
def _family() -> None:
    """A family of commands, of however many."""


@apps_app.command("scim-resync")
def scim_resync(
    app: Annotated[str, typer.Argument(help="The app's client id.")],
    tenant: Annotated[str | None, typer.Option(help="Slug or id; every tenant that the app serves without it.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Push every user and group to the app's SCIM endpoint anew. The worker does it; this only asks for it."""
    services = open_services()
    with services.database.platform(operator()) as unit:
        tenants = services.outbound_scim.tenants(unit, app) if tenant is None else [known_tenant(unit, tenant).tenant_id]
        counts = [services.outbound_scim.resync(unit, TenantScope(one, unit.actor), app) for one in tenants]
    show([{"tenant": one, "resources": count} for one, count in zip(tenants, counts, strict=True)], as_json=as_json)
