"""``idbroker tenant export|erase`` and ``idbroker user …``: what is kept of people and organisations, taken away or erased."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from idbroker.app import Services
from idbroker.cli.answers import (
    AsJson,
    Stop,
    TenantArgument,
    TenantOption,
    known_tenant,
    named_tenant,
    open_services,
    operator,
    show,
)
from idbroker.cli.tenants import tenant_app
from idbroker.erasure.receipts import PersonErasure, TenantErasure
from idbroker.exports.document import find_person
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.ids import is_id
from idbroker.kernel.scope import TenantScope
from idbroker.worker import each_tenant

User = Annotated[str | None, typer.Option("--user", help="Only this person, by id.")]
Out = Annotated[Path | None, typer.Option("--out", help="The file to write; stdout unless it is said.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Why = Annotated[str, typer.Option("--reason", help="Stands in the receipt; must not name the person.")]
UserArgument = Annotated[str, typer.Argument(help="The person's id.")]
user_app = typer.Typer(no_args_is_help=True, help="What is kept of one person.")


@tenant_app.command("export")
def tenant_export(tenant: TenantArgument = None, whose: TenantOption = None, user: User = None, out: Out = None) -> None:
    """Write all that is kept of a tenant, or of one of its people, as one JSON document."""
    services = open_services()
    scope = _scope(services, _named(tenant, whose), user)
    services.trail.seal(scope.tenant)
    exporter = services.exporter
    _write(exporter.tenant(scope) if user is None else exporter.person(scope, user), out)


@tenant_app.command("erase")
def tenant_erase(
    tenant: TenantArgument = None,
    whose: TenantOption = None,
    user: User = None,
    reason: Why = "by the command line",
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase a tenant for ever, or with --user one of its people. It cannot be undone."""
    services, named = open_services(), _named(tenant, whose)
    scope = _scope(services, named, user, erased=True)
    if user is not None:
        _erase_person(services, scope, user, reason, yes=yes, as_json=as_json)
        return
    if not yes:
        typer.confirm(f"All that is kept of {named} will be gone for ever. Go on?", abort=True, err=True)
    row = services.tenant_eraser.erase(scope, reason, as_owner=True)
    show([_of_tenant(row)], as_json=as_json, single=True)


@user_app.command("export")
def user_export(user: UserArgument, tenant: TenantOption = None, out: Out = None) -> None:
    """Write all that is kept of a person as one JSON document."""
    tenant_export(tenant, None, user, out)


@user_app.command("erase")
def user_erase(
    user: UserArgument,
    tenant: TenantOption = None,
    reason: Why = "by the command line",
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase a person for ever. It cannot be undone."""
    services = open_services()
    _erase_person(services, _scope(services, tenant, user), user, reason, yes=yes, as_json=as_json)


def _erase_person(services: Services, scope: TenantScope, user: str, reason: str, *, yes: bool, as_json: bool) -> None:
    if not yes:
        typer.confirm(f"All that is kept of {user} will be gone for ever. Go on?", abort=True, err=True)
    row = services.eraser.erase(scope, user, reason)
    show([_of_person(row)], as_json=as_json, single=True)


def _named(tenant: str | None, whose: str | None) -> str | None:
    """None where only the person is said."""
    return None if tenant is None and whose is None else named_tenant(tenant, whose)


def _scope(services: Services, tenant: str | None, user: str | None, *, erased: bool = False) -> TenantScope:
    """Of the tenant that is named, or in which the person is. ``erased``: also of one whose erasure goes on."""
    if tenant is not None:
        with services.database.platform(operator(), read_only=True) as unit:
            return TenantScope(known_tenant(unit, tenant, erased=erased).tenant_id, operator())
    if user is None:
        raise Stop("say whose: a tenant, or --user U")
    found = find_person(services.database, each_tenant(services.database), user) if is_id(user, "usr") else None
    if found is None:
        raise Stop(f"there is nobody with the id “{user}”")
    return TenantScope(found, operator())


def _write(pieces: Iterator[bytes], out: Path | None) -> None:
    if out is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    with out.open("wb") as file:
        file.writelines(pieces)
    typer.echo(f"written to {out}", err=True)


def _of_person(row: PersonErasure) -> dict[str, Any]:
    done = rfc3339(row.completed_at) if row.completed_at else None
    return {"id": row.id, "user_id": row.user_id, "completed_at": done, "stores": json.dumps(row.stores)}


def _of_tenant(row: TenantErasure) -> dict[str, Any]:
    done = rfc3339(row.completed_at) if row.completed_at else None
    return {"tenant_id": row.tenant_id, "completed_at": done, "receipt": json.dumps(row.receipt or {"stores": row.stores})}
