"""The program: its families of commands, and what happens when one fails."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from sqlalchemy.exc import OperationalError

from idbroker.cli.admin import admin_app
from idbroker.cli.answers import Stop
from idbroker.cli.api_keys import keys_app
from idbroker.cli.apps import apps_app
from idbroker.cli.audit import audit_app
from idbroker.cli.declaring import declaring_app
from idbroker.cli.personal_data import user_app
from idbroker.cli.saml import saml_app
from idbroker.cli.server import app as server_app
from idbroker.cli.signing_keys import signing_app
from idbroker.cli.synthetic import tenant_synth
from idbroker.cli.tenants import tenant_app
from idbroker.kernel.errors import Refusal
from idbroker.settings import BadSettings
from idbroker.storage.schema import SchemaBehind

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="The B2B identity broker.")
app.add_typer(server_app)
app.add_typer(declaring_app)
app.add_typer(admin_app, name="admin")
app.add_typer(keys_app, name="keys")
tenant_app.command("synth")(tenant_synth)
app.add_typer(tenant_app, name="tenant")
app.add_typer(user_app, name="user")
app.add_typer(signing_app, name="signing-keys")
app.add_typer(apps_app, name="apps")
app.add_typer(audit_app, name="audit")
app.add_typer(saml_app, name="saml")


def main() -> None:
    """Entry point: errors that a person can do something about are one line on stderr, and a non-zero exit."""
    try:
        app()
    except (Stop, BadSettings, SchemaBehind, LookupError) as error:
        _fail(str(error))
    except Refusal as refusal:
        _fail(refusal.public)
    except OperationalError as error:
        _fail(f"the database cannot be used: {error.orig}")


def _fail(message: str) -> NoReturn:
    print(f"idbroker: {message}", file=sys.stderr)
    sys.exit(1)
