"""``idbroker tenant``: tenants and their life cycle."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from idbroker.cli.answers import AsJson, Stop, TenantArgument, known_tenant, open_services, operator, show
from idbroker.kernel.clock import rfc3339
from idbroker.tenants.lifecycle import Status, Tier
from idbroker.tenants.model import Tenant, Tenants

PAGE = 200
tenant_app = typer.Typer(no_args_is_help=True, help="Tenants and their life cycle.")


@tenant_app.command("create")
def tenant_create(
    slug: Annotated[str, typer.Option(help="Lower-case letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="What people call it.")],
    tier: Annotated[str, typer.Option(help="free, growth or enterprise.")] = "free",
    status: Annotated[str, typer.Option(help="prospect, trial or active.")] = "trial",
    region: Annotated[str | None, typer.Option(help="Where its data should be.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a tenant."""
    if tier not in ("free", "growth", "enterprise") or status not in ("prospect", "trial", "active"):
        raise Stop("--tier is free, growth or enterprise; --status is prospect, trial or active")
    checked_tier: Tier = tier  # type: ignore[assignment] # checked above
    checked_status: Status = status  # type: ignore[assignment] # checked above
    services = open_services()
    with services.database.platform(operator()) as unit:
        tenant = services.tenants.create(unit, slug=slug, name=name, tier=checked_tier, status=checked_status, region=region)
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
def tenantshow(tenant: TenantArgument, *, as_json: AsJson = False) -> None:
    """One tenant."""
    with open_services().database.platform(operator(), read_only=True) as unit:
        show([_document(known_tenant(unit, tenant))], as_json=as_json, single=True)


@tenant_app.command("suspend")
def tenant_suspend(
    tenant: TenantArgument,
    reason: Annotated[str, typer.Option(help="Goes into the tenant's trail.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Pause a tenant: nobody signs in."""
    _transition(tenant, "paused", reason, as_json=as_json)


@tenant_app.command("resume")
def tenant_resume(
    tenant: TenantArgument,
    reason: Annotated[str, typer.Option(help="Goes into the tenant's trail.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a paused tenant active again."""
    _transition(tenant, "active", reason, as_json=as_json)


def _transition(slug_or_id: str, to: Status, reason: str, *, as_json: bool) -> None:
    services = open_services()
    with services.database.platform(operator()) as unit:
        tenant = services.tenants.transition(unit, known_tenant(unit, slug_or_id).tenant_id, to, reason)
    show([_document(tenant)], as_json=as_json, single=True)


def _document(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "slug": tenant.slug,
        "name": tenant.name,
        "tier": tenant.tier,
        "status": tenant.status,
        "region": tenant.region,
        "created_at": rfc3339(tenant.created_at),
    }
