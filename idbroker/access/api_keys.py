"""API keys: ``idbk_<id>_<secret>``. The id finds the row, the secret is compared with its digest.

The principal that a key proves is the only thing that the faces of administration go by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlmodel import Field, col, select

from idbroker.access.permissions import OPERATOR, ROLES, Permission, Role
from idbroker.kernel.ids import KeyId, TenantId, is_id, new_id
from idbroker.kernel.scope import ActorType
from idbroker.kernel.secrets import digest, matches, new_secret
from idbroker.storage.rows import PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository

PREFIX = "idbk"


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
    def create(self, name: str, tenant: TenantId | None, role: Role | Literal["operator"]) -> tuple[ApiKey, str]:
        """Make a key. The second value is the whole key; it is not stored and cannot be shown again.

        Raises ValueError for a role that does not fit: an operator's key has no tenant, a tenant's key one of the roles.
        """
        if role != "operator" if tenant is None else role not in ROLES:
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
        return Principal(KeyId(row.id), row.name, TenantId(row.tenant_id), ROLES[cast("Role", row.role)])

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
