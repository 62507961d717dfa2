"""API keys: ``idbk_<id>_<secret>``. The id finds the row, the secret is compared with its digest.

The principal that a key proves is the only thing that the faces of administration go by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Field, col, select

from idbroker.access.admin_roles import permissions_of
from idbroker.access.permissions import OPERATOR, ROLES, Permission
from idbroker.kernel.ids import KeyId, TenantId, is_id, new_id
from idbroker.kernel.scope import SYSTEM, ActorType, TenantScope
from idbroker.kernel.secrets import digest, matches, new_secret
from idbroker.storage.rows import PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository

PREFIX = "idbk"
OPERATORS = "operator"
"""The role of an operator's key."""


class ApiKey(PlatformRow, table=True):
    """A key of an operator (``tenant_id`` is None) or of one tenant."""

    __tablename__ = "api_keys"

    id: str = Field(primary_key=True)
    name: str
    tenant_id: str | None = Field(default=None, index=True)
    role: str
    secret_digest: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who administers, proven. ``tenant`` is None for an operator, who reaches every tenant.

    ``key`` is the id of what proved him: an API key, an operator, a tenant's admin, a setup link.
    """

    key: KeyId
    name: str
    tenant: TenantId | None
    permissions: frozenset[Permission]
    acts_as: ActorType | None = None
    """As the trail names him, where that does not follow from the tenant."""

    @property
    def actor_type(self) -> ActorType:
        return self.acts_as or ("operator" if self.tenant is None else "user")


class ApiKeys(PlatformRepository):
    def create(self, name: str, tenant: TenantId | None, role: str) -> tuple[ApiKey, str]:
        """Make a key. The second value is the whole key; it is not stored and cannot be shown again.

        An operator's key has no tenant and the role ``operator``; whether a tenant has the role is the caller's to check.
        Raises ValueError for an operator's key of a tenant, and the other way round.
        """
        if (role == OPERATORS) != (tenant is None):
            raise ValueError(f"{role} is no role of {'an operator' if tenant is None else 'a tenant'}’s key")
        secret = new_secret()
        row = ApiKey(
            id=new_id("key"), name=name, tenant_id=tenant, role=role, secret_digest=digest(secret), created_at=self.now()
        )
        self.session.add(row)
        return row, f"{PREFIX}_{row.id.removeprefix('key_')}_{secret}"

    def authenticate(self, presented: str) -> Principal | None:
        """The principal that the key proves; None for anything else, with no hint why."""
        prefix, _, rest = presented.partition("_")
        body, _, secret = rest.partition("_")
        key_id = f"key_{body}"
        row = self.keyed(ApiKey, key_id) if prefix == PREFIX and is_id(key_id, "key") else None
        # The digest is compared in every case, so that an unknown id costs the same as a wrong secret.
        good = matches(secret, row.secret_digest if row else digest(""))
        if row is None or not good or row.revoked_at is not None:
            return None
        if row.tenant_id is None:
            return Principal(KeyId(row.id), row.name, None, OPERATOR)
        tenant = TenantId(row.tenant_id)
        permissions = ROLES.get(row.role)
        if permissions is None:
            with self.unit.enter(TenantScope(tenant, SYSTEM)) as inside:
                permissions = permissions_of(inside, row.role)
        return Principal(KeyId(row.id), row.name, tenant, permissions)

    def page(
        self, tenant: TenantId | None, *, text: str | None = None, after: str | None = None, limit: int = 50
    ) -> Sequence[ApiKey]:
        statement = select(ApiKey).where(col(ApiKey.tenant_id) == tenant if tenant else col(ApiKey.tenant_id).is_(None))
        if text:
            statement = statement.where(col(ApiKey.name).icontains(text, autoescape=True))
        if after:
            statement = statement.where(col(ApiKey.id) > after)
        return self.session.execute(statement.order_by(col(ApiKey.id)).limit(limit)).scalars().all()

    def get(self, key_id: str) -> ApiKey | None:
        return self.keyed(ApiKey, key_id)

    def live_with(self, tenant: TenantId, role: str) -> int:
        """How many keys of the tenant that still work have the role."""
        statement = select(func.count()).where(
            ApiKey.tenant_id == tenant, ApiKey.role == role, col(ApiKey.revoked_at).is_(None)
        )
        return self.session.execute(statement).scalar_one()
