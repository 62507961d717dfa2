"""``idbroker admin``: into the administration's pages."""

from __future__ import annotations

from typing import Annotated

import typer

from idbroker.admin_api.operators import LOGIN_PATH
from idbroker.admins.operator_tenant import OperatorTenants
from idbroker.admins.operators import OperatorService
from idbroker.cli.answers import Stop, known_tenant, open_services, operator

admin_app = typer.Typer(no_args_is_help=True, help="The administration's pages.")


@admin_app.callback()
def admin() -> None:
    """The administration's pages."""


@admin_app.command("login-link")
def login_link(email: Annotated[str, typer.Option(help="Whose. Somebody who is no operator yet becomes one.")]) -> None:
    """Print a link that signs an operator in, once, within 15 minutes."""
    services = open_services()
    with services.database.platform(operator()) as unit:
        _, secret = OperatorService().invite(unit, email)
    services.close()
    typer.echo(f"{services.settings.public_url}{LOGIN_PATH}/{secret}")


@admin_app.command("operator-tenant")
def operator_tenant(
    tenant: Annotated[str | None, typer.Option(help="Slug or id of the tenant through which operators may sign in.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Through none.")] = False,
) -> None:
    """Name the tenant whose identity provider operators may sign in with; without an option, say which it is.

    Whoever administers that tenant can sign in as any operator.
    """
    if tenant is not None and off:
        raise Stop("--tenant and --off contradict each other")
    services = open_services()
    with services.database.platform(operator()) as unit:
        if tenant is not None or off:
            unit[OperatorTenants].name(known_tenant(unit, tenant) if tenant is not None else None)
        named = unit[OperatorTenants].named()
    services.close()
    if named is None:
        typer.echo("Operators sign in with links and passkeys alone.")
    else:
        typer.echo(f"Operators may sign in through {named.name} ({named.slug}, {named.status}).")
