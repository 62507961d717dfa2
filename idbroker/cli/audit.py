"""``idbroker audit``: the trail."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from idbroker.audit.export import write_pack
from idbroker.audit.verify import verify_pack
from idbroker.cli.answers import known_tenant, open_services, operator
from idbroker.kernel.scope import TenantScope

audit_app = typer.Typer(no_args_is_help=True, help="The audit trail.")


@audit_app.command("export")
def audit_export(
    tenant: Annotated[str, typer.Option(help="Slug or id.")], out: Annotated[Path, typer.Option(help="The pack to write.")]
) -> None:
    """Write a tenant's whole trail as a pack that can be checked offline."""
    services = open_services()
    with services.database.platform(operator(), read_only=True) as unit:
        owner = known_tenant(unit, tenant).tenant_id
    services.trail.seal(owner)
    with out.open("wb") as file:
        count = write_pack(services.trail, services.notary, TenantScope(owner, operator()), file)
    typer.echo(f"{count} records in {out}")


@audit_app.command("verify")
def audit_verify(
    file: Annotated[Path, typer.Argument(help="A pack made by `audit export`.")],
    key: Annotated[str | None, typer.Option(help="The kid of a key that you know: the pack must lead back to it.")] = None,
) -> None:
    """Check an exported pack offline: no database, no network."""
    verdict = verify_pack(file, key=key)
    typer.echo(str(verdict))
    if verdict.good:
        typer.echo(f"made {verdict.until}, signed with key {verdict.kid}", err=True)
    raise typer.Exit(0 if verdict.good else 1)
