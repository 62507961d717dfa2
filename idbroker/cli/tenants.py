"""``idbroker tenant``: tenants and their life cycle."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer
from sqlalchemy.exc import SQLAlchemyError

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
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.scope import TenantScope
from idbroker.storage.cells import HOME, CellAway
from idbroker.tenants.lifecycle import STEPS, Status, Tier
from idbroker.tenants.model import Tenant, Tenants
from idbroker.tenants.move_rows import TenantMoves
from idbroker.tenants.moving import CannotMove, Mover

PAGE = 200
Reason = Annotated[str, typer.Option(help="Goes into the tenant's trail.")]
tenant_app = typer.Typer(no_args_is_help=True, help="Tenants and their life cycle.")


@tenant_app.command("create")
def tenant_create(
    slug: Annotated[str, typer.Option(help="Lower-case letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="What people call it.")],
    tier: Annotated[str, typer.Option(help="free, growth or enterprise.")] = "free",
    status: Annotated[str, typer.Option(help="prospect, trial or active.")] = "trial",
    region: Annotated[str | None, typer.Option(help="Where its data should be.")] = None,
    *,
    cell: Annotated[str | None, typer.Option(help="The cell that holds its data; one of its region without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a tenant."""
    if tier not in ("free", "growth", "enterprise") or status not in ("prospect", "trial", "active"):
        raise Stop("--tier is free, growth or enterprise; --status is prospect, trial or active")
    checked_tier: Tier = tier  # type: ignore[assignment] # checked above
    checked_status: Status = status  # type: ignore[assignment] # checked above
    services = open_services()
    with services.database.platform(operator()) as unit:
        tenant = services.tenants.create(
            unit, slug=slug, name=name, tier=checked_tier, status=checked_status, region=region, cell=cell
        )
    show([_document(tenant)], as_json=as_json, single=True)


@tenant_app.command("list")
def tenant_list(*, as_json: AsJson = False) -> None:
    """All tenants."""
    services, documents, after = open_services(), [], None
    while True:
        with services.database.platform(operator(), read_only=True) as unit:
            page = unit[Tenants].page(after=after, limit=PAGE)
        documents += [_document(tenant) for tenant in page]
        if len(page) < PAGE:
            break
        after = page[-1].id
    show(documents, as_json=as_json)


@tenant_app.command("show")
def tenant_show(tenant: TenantArgument = None, whose: TenantOption = None, *, as_json: AsJson = False) -> None:
    """One tenant."""
    with open_services().database.platform(operator(), read_only=True) as unit:
        found = known_tenant(unit, named_tenant(tenant, whose), erased=True)
        move = unit[TenantMoves].open_of(found.tenant_id)
        state = f"{move.state} to {move.target}" if move is not None else None
        show([{**_document(found), "move": state}], as_json=as_json, single=True)


@tenant_app.command("suspend")
def tenant_suspend(
    tenant: TenantArgument = None,
    whose: TenantOption = None,
    reason: Reason = "by the command line",
    *,
    as_json: AsJson = False,
) -> None:
    """Pause a tenant: nobody signs in."""
    _transition(named_tenant(tenant, whose), "paused", reason, as_json=as_json)


@tenant_app.command("resume")
def tenant_resume(
    tenant: TenantArgument = None,
    whose: TenantOption = None,
    reason: Reason = "by the command line",
    *,
    as_json: AsJson = False,
) -> None:
    """Make a paused tenant active again."""
    _transition(named_tenant(tenant, whose), "active", reason, as_json=as_json)


@tenant_app.command("move")
def tenant_move(
    tenant: TenantArgument = None,
    whose: TenantOption = None,
    *,
    to: Annotated[str | None, typer.Option(help="The cell that the tenant shall live in.")] = None,
    reason: Annotated[str, typer.Option(help="Goes into the tenant's trail.")] = "by the command line",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a move that was stopped.")] = False,
    finish: Annotated[bool, typer.Option("--finish", help="Take the old copy away.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="The same.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Give the move up, or move the tenant back.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Move a tenant to another cell, while it is used."""
    finish = finish or confirm
    if [to is not None, resume, finish, undo].count(True) != 1:
        raise Stop("say one of --to CELL, --resume, --finish and --undo")
    if finish and not yes:
        typer.confirm("The old copy will be removed. Go on?", abort=True, err=True)
    services, scope = _scoped(named_tenant(tenant, whose))
    mover = Mover(services.database, services.trail.store, lambda words: typer.echo(words, err=True))
    try:
        if to is not None:
            mover.begin(scope, to, reason)
        move = mover.undo(scope, reason) if undo else mover.finish(scope) if finish else mover.go_on(scope)
    except (CannotMove, CellAway) as error:
        raise Stop(str(error)) from error
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise Stop(
            f"a database did not do it: {cause}. Nothing is lost; see idbroker doctor, then --resume or --undo"
        ) from error
    finally:
        services.close()
    told = {"tenant": move.tenant, "from": move.source, "to": move.target, "state": move.state}
    show([{**told, **({"receipt": move.receipt} if as_json else {})}], as_json=as_json, single=True)


@tenant_app.command("move-to")
def tenant_move_to(
    tenant: TenantArgument = None,
    state: Annotated[
        str | None, typer.Argument(help="The state of the life cycle: active, past_due, paused, cancelled, deleted ….")
    ] = None,
    whose: TenantOption = None,
    *,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Move a tenant to another state of its life cycle."""
    if whose is not None and state is None:
        tenant, state = None, tenant  # the only word is the state
    named = named_tenant(tenant, whose)
    if state not in STEPS:
        raise Stop(f"the states are: {', '.join(STEPS)}")
    _transition(named, cast("Status", state), reason, as_json=as_json)


@tenant_app.command("freeze")
def tenant_freeze(
    tenant: TenantArgument = None, whose: TenantOption = None, *, reason: Reason, as_json: AsJson = False
) -> None:
    """Let the tenant's own people change nothing for now. They go on signing in."""
    _freeze(named_tenant(tenant, whose), reason, frozen=True, as_json=as_json)


@tenant_app.command("unfreeze")
def tenant_unfreeze(
    tenant: TenantArgument = None, whose: TenantOption = None, *, reason: Reason, as_json: AsJson = False
) -> None:
    """Let the tenant's own people change things again."""
    _freeze(named_tenant(tenant, whose), reason, frozen=False, as_json=as_json)


@tenant_app.command("end-sessions")
def tenant_end_sessions(
    tenant: TenantArgument = None,
    whose: TenantOption = None,
    *,
    reason: Reason,
    connection: Annotated[str | None, typer.Option(help="Only those that began there; it is switched off, too.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """End every session of a tenant at once, or stop one identity provider."""
    if not yes:
        typer.confirm("Everybody who is signed in will be signed out. Go on?", abort=True, err=True)
    services, scope = _scoped(named_tenant(tenant, whose))
    if connection is not None:
        with services.database.tenant(scope) as unit:
            services.connections.switch_off(unit, services.connections.known(unit, connection), reason)
    show([{"sessions": services.closing.end_sessions(scope, reason, connection_id=connection)}], as_json=as_json, single=True)


def _freeze(slug_or_id: str, reason: str, *, frozen: bool, as_json: bool) -> None:
    services, scope = _scoped(slug_or_id)
    with services.database.platform(scope.actor) as unit:
        row = services.closing.freeze(unit, scope, frozen=frozen, reason=reason)
    show([_document(row)], as_json=as_json, single=True)


def _scoped(slug_or_id: str) -> tuple[Services, TenantScope]:
    services, actor = open_services(), operator()
    with services.database.platform(actor, read_only=True) as unit:
        return services, TenantScope(known_tenant(unit, slug_or_id).tenant_id, actor)


def _transition(slug_or_id: str, to: Status, reason: str, *, as_json: bool) -> None:
    services, scope = _scoped(slug_or_id)
    show([_document(services.closing.move(scope, to, reason))], as_json=as_json, single=True)


def _document(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "slug": tenant.slug,
        "name": tenant.name,
        "tier": tenant.tier,
        "status": tenant.status,
        "region": tenant.region,
        "cell": tenant.cell or HOME,
        "created_at": rfc3339(tenant.created_at),
    }
