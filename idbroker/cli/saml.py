"""``idbroker saml``: the diagnosis of a SAML response."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from idbroker.cli.answers import AsJson, Stop, open_services, operator
from idbroker.connections.model import Connections, Whereabouts
from idbroker.federation.contract import Document, UnverifiedReply
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
    report = protocol.report(config, reply, None)
    typer.echo(json.dumps(report) if as_json else "\n".join(_lines(report)))
    raise typer.Exit(1 if report["verdict"] == "refuse" else 0)


def _lines(report: Document) -> Iterator[str]:
    """The report for a person: verdict, checks, attributes, what was made of them, the message."""
    yield f"verdict: {report['verdict']}" + (f" ({report['code']})" if report["code"] else "")
    for finding in report["findings"]:
        yield f"{MARKS[finding['outcome']]} {finding['stage']:9} {finding['check']}"
        if finding["outcome"] == "fail":
            yield f"     expected: {finding['expected'] or '-'}"
            yield f"     received: {finding['received'] or '-'}"
            yield f"     {finding['advice']}"
    for title, values in (("attributes as received", report["attributes"]), ("as mapped", report["mapped"])):
        yield f"{title}:"
        yield from (f"     {name}: {_shown(value)}" for name, value in values.items())
    yield report["xml"]


def _shown(value: Any) -> str:
    """Control characters out of an attribute could write to the terminal, so they are made visible."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _encoded(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Stop(f"{file} cannot be read: {error.strerror}") from error
    if content.lstrip().startswith(b"<"):
        return base64.b64encode(content).decode()
    return "".join(content.decode("ascii", "replace").split())
