"""``idbroker saml``: the diagnosis of a SAML response."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Annotated

import typer

from idbroker.cli.answers import AsJson, Stop, open_services, operator
from idbroker.connections.model import Connections, Whereabouts
from idbroker.federation.contract import UnverifiedReply
from idbroker.kernel.scope import TenantScope

saml_app = typer.Typer(no_args_is_help=True, help="SAML diagnosis.")
MARKS = {"pass": "ok  ", "fail": "FAIL", "skip": "-   "}


@saml_app.callback()
def saml() -> None:
    """SAML diagnosis."""


@saml_app.command("explain")
def saml_explain(
    file: Annotated[Path, typer.Argument(help="The SAMLResponse: XML, or base64 as the browser posted it.")],
    connection: Annotated[str, typer.Option(help="Id of the connection.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Run every check on a SAML response, and say what each found and what to do. Exits 1 when it would be refused."""
    services = open_services()
    with services.database.platform(operator(), read_only=True) as platform:
        owner = platform[Whereabouts].connection(connection)
    if owner is None:
        raise Stop(f"there is no connection “{connection}”")
    with services.database.tenant(TenantScope(owner, operator()), read_only=True) as unit:
        row = unit[Connections].get(connection)
        if row is None or row.type != "saml":
            raise Stop(f"{connection} is not a SAML connection")
        config = services.connections.open(unit, row)
    protocol = services.connections.protocol(row.type)
    reply = UnverifiedReply("POST", protocol.describe(config)["sp"]["acs_url"], {"SAMLResponse": _encoded(file)})
    findings = protocol.explain(config, reply, None)
    if as_json:
        typer.echo(json.dumps([finding.as_document() for finding in findings]))
    else:
        for finding in findings:
            said = (
                f" expected {finding.expected}, received {finding.received}. {finding.advice}"
                if finding.outcome == "fail"
                else ""
            )
            typer.echo(f"{MARKS[finding.outcome]} {finding.stage:9} {finding.check}{said}")
    raise typer.Exit(1 if any(finding.outcome == "fail" for finding in findings) else 0)


def _encoded(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Stop(f"{file} cannot be read: {error.strerror}") from error
    if content.lstrip().startswith(b"<"):
        return base64.b64encode(content).decode()
    return "".join(content.decode("ascii", "replace").split())
