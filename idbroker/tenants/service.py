"""What can be done to a tenant. One transaction each, with its event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError

from idbroker.audit.outbox import Outbox
from idbroker.kernel.errors import Conflict, NotFound, invalid_field
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.lifecycle import Status, Tier, check_step
from idbroker.tenants.model import SLUG, Tenant, Tenants
from idbroker.tenants.placement import check_region, placed
from idbroker.tenants.quotas import TenantQuotas

RESERVED_SLUGS = frozenset({"platform", "admin", "api", "www", "login", "sso"})


class TenantService:
    """``quotas`` are told of what changes; None where nothing is limited."""

    def __init__(self, envelope: Envelope, quotas: TenantQuotas | None = None) -> None:
        self._envelope = envelope
        self._quotas = quotas

    def create(
        self,
        unit: PlatformUnit,
        *,
        slug: str,
        name: str,
        tier: Tier,
        status: Status = "trial",
        region: str | None = None,
        cell: str | None = None,
        synthetic: bool = False,
    ) -> Tenant:
        """A new tenant with its data key, in that cell or in one of its region. Raises Invalid for a bad slug or place,
        Conflict for a slug that is taken."""
        if not SLUG.fullmatch(slug) or slug in RESERVED_SLUGS:
            raise invalid_field("/slug", "A slug has 1 to 63 lower-case letters, digits and inner hyphens; some are reserved.")
        now = unit.clock.now()
        tenant_id = new_id("tnt")
        place = placed(unit.cells, TenantId(tenant_id), cell, region)
        tenant = Tenant(
            id=tenant_id,
            slug=slug,
            name=name,
            tier=tier,
            region=place.region,
            cell=place.cell,
            status=status,
            status_since=now,
            synthetic=synthetic,
            created_at=now,
            updated_at=now,
        )
        try:
            unit[Tenants].add(tenant)
        except IntegrityError as error:
            raise Conflict("slug_taken", "There is a tenant with this slug already.") from error
        unit.transaction.cells_first = True
        with unit.enter(TenantScope(tenant.tenant_id, unit.actor)) as inside:
            self._envelope.prepare(inside)
            context: dict[str, Any] = {"slug": slug, "tier": tier, "status": status}
            if tenant.cell is not None:
                context["cell"] = tenant.cell
            if synthetic:
                context["synthetic"] = True
            inside[Outbox].record(Event("tenant.created", _resource(tenant), context=context))
        return tenant

    def update(self, unit: PlatformUnit, tenant_id: TenantId, changes: Mapping[str, Any]) -> Tenant:
        """Change name, tier, region or limits. Raises Invalid for a region in which the tenant's cell is not."""
        tenant = _known(unit, tenant_id)
        if "region" in changes:
            check_region(unit.cells, tenant, changes["region"])
        told = {
            field: Change(getattr(tenant, field), value) for field, value in changes.items() if getattr(tenant, field) != value
        }
        if told:
            for field, change in told.items():
                setattr(tenant, field, change.after)
            tenant.updated_at = unit.clock.now()
            with unit.enter(TenantScope(tenant_id, unit.actor)) as inside:
                inside[Outbox].record(Event("tenant.updated", _resource(tenant), told))
            if self._quotas is not None:
                self._quotas.changed(tenant)
        return tenant

    def transition(self, unit: PlatformUnit, tenant_id: TenantId, to: Status, reason: str) -> Tenant:
        """Move to another state. Raises Conflict, naming the legal steps, when there is no such step."""
        tenant, now = _known(unit, tenant_id), unit.clock.now()
        check_step(tenant.status, to, tenant.status_since, now)
        change = Change(tenant.status, to)
        tenant.status = to
        tenant.status_since = tenant.updated_at = now
        with unit.enter(TenantScope(tenant_id, unit.actor)) as inside:
            inside[Outbox].record(
                Event("tenant.transitioned", _resource(tenant), {"status": change}, context={"reason": reason})
            )
        return tenant

    def freeze(self, unit: PlatformUnit, tenant_id: TenantId, *, frozen: bool, reason: str) -> Tenant:
        """Let the tenant's own people change nothing, or change things again."""
        tenant = _known(unit, tenant_id)
        if (tenant.frozen_at is not None) is not frozen:
            tenant.frozen_at = unit.clock.now() if frozen else None
            with unit.enter(TenantScope(tenant_id, unit.actor)) as inside:
                action = "tenant.frozen" if frozen else "tenant.unfrozen"
                inside[Outbox].record(Event(action, _resource(tenant), context={"reason": reason}))
        return tenant


def _known(unit: PlatformUnit, tenant_id: TenantId) -> Tenant:
    tenant = unit[Tenants].get(tenant_id)
    if tenant is None:
        raise NotFound("tenant")
    return tenant


def _resource(tenant: Tenant) -> Resource:
    return Resource("tenant", tenant.id, tenant.name)
