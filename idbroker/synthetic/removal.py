"""Erases synthetic tenants. The mark is read anew for each, and there is no other way to be chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from idbroker.app import Services
from idbroker.kernel.errors import Conflict
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.tenants.model import Tenants

PAGE = 200
REASON = "it was synthetic"


@dataclass(frozen=True, slots=True)
class Removed:
    """``left``: why it is still there; None when it is gone."""

    tenant: TenantId
    slug: str
    left: str | None = None


class SyntheticRemoval:
    def __init__(self, services: Services, actor: Actor) -> None:
        self._services = services
        self._actor = actor

    def waiting(self) -> int:
        """How many there are to be removed."""
        with self._services.database.platform(self._actor, read_only=True) as unit:
            return unit[Tenants].count_synthetic()

    def run(self) -> Iterator[Removed]:
        """Each as it is done. Safe to kill and to repeat; what a kill has left of one, the worker finishes."""
        after: str | None = None
        while True:
            with self._services.database.platform(self._actor, read_only=True) as unit:
                page = [(row.tenant_id, row.slug) for row in unit[Tenants].synthetic(after=after, limit=PAGE)]
            for tenant, slug in page:
                yield self._erase(tenant, slug)
            if len(page) < PAGE:
                return
            after = page[-1][0]

    def _erase(self, tenant: TenantId, slug: str) -> Removed:
        with self._services.database.platform(self._actor, read_only=True) as unit:
            row = unit[Tenants].get(tenant)
        if row is None or not row.synthetic:
            return Removed(tenant, slug, "it is not synthetic")
        try:
            self._services.tenant_eraser.erase(TenantScope(tenant, self._actor), REASON, as_owner=True)
        except Conflict as error:  # between two cells
            return Removed(tenant, slug, error.public)
        return Removed(tenant, slug)
