"""``idbroker admin``: into the administration's pages."""

from __future__ import annotations

from typing import Annotated

import typer

from idbroker.admin_api.operators import LOGIN_PATH
from idbroker.admins.operators import OperatorService
from idbroker.cli.answers import open_services, operator

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
