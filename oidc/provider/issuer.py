"""Which issuer a request is at. The shared one and a tenant's differ in three values, and in nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from idbroker.kernel.errors import NotFound
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.storage.database import Database
from idbroker.tenants.model import Tenant
from idbroker.tenants.registered import read_tenant
from idbroker.web.call import Call

TENANT_PREFIX = "/t/{slug}"
"""Where the routes of the tenants' issuers begin."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """``url`` is the issuer identifier, ``path`` the part of it below the base URL."""

    url: str
    path: str
    owner: TenantId
    """Whose signing keys it has."""
    pinned: TenantId | None = None
    """The one tenant that its tokens are for; None at the shared issuer."""
    slug: str | None = None

    def serves(self, tenant: TenantId) -> bool:
        """Whether this issuer gives tokens for that tenant."""
        return self.pinned in (None, tenant)


class Issuers:
    def __init__(self, database: Database, base_url: str) -> None:
        self._database = database
        self._base_url = base_url.rstrip("/")
        self.shared = Issuer(self._base_url, "", PLATFORM_TRAIL)

    def named(self, url: str, tenant: Tenant) -> Issuer | None:
        """The issuer of that URL, if it is the shared one or that tenant's."""
        known = (self.shared, self.of_tenant(tenant))
        return next((issuer for issuer in known if issuer.url == url), None)

    def of(self, call: Call) -> Issuer:
        """The issuer that the path names. Raises NotFound for a slug that no tenant has."""
        slug = call.path_params.get("slug")
        if slug is None:
            return self.shared
        with self._database.platform(call.actor, read_only=True) as unit:
            tenant = read_tenant(unit, slug)
        if tenant is None or tenant.slug != slug:
            raise NotFound("issuer")
        return self.of_tenant(tenant)

    def of_tenant(self, tenant: Tenant) -> Issuer:
        path = f"/t/{tenant.slug}"
        return Issuer(f"{self._base_url}{path}", path, tenant.tenant_id, tenant.tenant_id, tenant.slug)
