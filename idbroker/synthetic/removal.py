"""Erases synthetic tenants, page by page. Whoever bears the mark is erased, and there is no other way to be chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from idbroker.app import Services
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
        """Each as it is emptied; what is left of the rows in the files goes after each page. Safe to kill and to repeat; what a
        kill has left, the worker finishes."""
        after: str | None = None
        while True:
            with self._services.database.platform(self._actor, read_only=True) as unit:
                page = {row.tenant_id: row.slug for row in unit[Tenants].synthetic(after=after, limit=PAGE)}
            scopes = [TenantScope(tenant, self._actor) for tenant in page]
            for scope, refused in self._services.tenant_eraser.erase_together(scopes, REASON, as_owner=True):
                yield Removed(scope.tenant, page[scope.tenant], None if refused is None else refused.public)
            if len(page) < PAGE:
                return
            after = scopes[-1].tenant
