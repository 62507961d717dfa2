"""``idbroker keys``: API keys."""

from __future__ import annotations

from typing import Annotated

import typer

from idbroker.access.admin_roles import AdminRoles, check_grant
from idbroker.access.api_keys import OPERATORS, ApiKeys
from idbroker.access.permissions import OPERATOR, ROLES
from idbroker.audit.outbox import Outbox
from idbroker.cli.answers import Stop, known_tenant, open_services, operator
from idbroker.cli.master_keys import keys_rotate_data, keys_rotate_master
from idbroker.kernel.errors import Invalid
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.scope import TenantScope
from idbroker.storage.unit import TenantUnit

keys_app = typer.Typer(no_args_is_help=True, help="API keys.")


@keys_app.callback()
def keys() -> None:
    """API keys."""


keys_app.command("rotate-master")(keys_rotate_master)
keys_app.command("rotate-data")(keys_rotate_data)


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[str, typer.Option(help="operator or tenant.")],
    tenant: Annotated[str | None, typer.Option(help="Slug or id, with --scope tenant.")] = None,
    role: Annotated[
        str, typer.Option(help=f"With --scope tenant: {', '.join(ROLES)}, or a role of the tenant's own.")
    ] = "admin",
) -> None:
    """Make an API key and print it, alone, on stdout, once."""
    if scope not in ("operator", "tenant"):
        raise Stop("--scope is operator or tenant")
    if (scope == "tenant") != (tenant is not None):
        raise Stop("--tenant goes with --scope tenant, and only with it")
    services = open_services()
    with services.database.platform(operator()) as unit:
        owner = known_tenant(unit, tenant).tenant_id if tenant else None
        if owner is not None:
            with unit.enter(TenantScope(owner, operator())) as inside:
                _check_role(inside, role)
        row, key = unit[ApiKeys].create(name, owner, role if owner else OPERATORS)
        event = Event("api_key.created", Resource("api_key", row.id, name), context={"role": row.role})
        if owner is None:
            unit.own_trail()[Outbox].record(event)
        else:
            with unit.enter(TenantScope(owner, operator())) as inside:
                inside[Outbox].record(event)
    services.close()
    typer.echo(key)


def _check_role(unit: TenantUnit, role: str) -> None:
    """Raises Stop for a role that the tenant has not."""
    try:
        check_grant(unit, role, OPERATOR)
    except Invalid as refusal:
        own = [row.name for row in unit[AdminRoles].page(limit=200)]
        raise Stop(f"--role is one of: {', '.join((*ROLES, *own))}") from refusal
