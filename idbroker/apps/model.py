"""SaaS applications as rows: OAuth clients and their hashed secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, false, func, literal_column
from sqlmodel import Field, col, or_, select

from idbroker.kernel.ids import TenantId
from idbroker.kernel.secrets import matches
from idbroker.storage.rows import JsonColumn, PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository

MAX_LIVE_SECRETS = 2


class App(PlatformRow, table=True):
    """One registered application. Field names are those of RFC 7591 where it has one."""

    __tablename__ = "apps"

    id: str = Field(primary_key=True)
    name: str
    redirect_uris: list[str] = Field(sa_type=JsonColumn)
    post_logout_redirect_uris: list[str] = Field(sa_type=JsonColumn)
    grant_types: list[str] = Field(sa_type=JsonColumn)
    token_endpoint_auth_method: str
    id_token_signed_response_alg: str
    backchannel_logout_uri: str | None = None
    initiate_login_uri: str | None = None
    tenants: list[str] | None = Field(default=None, sa_type=JsonColumn)
    jwks: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    jwks_uri: str | None = None
    resources: list[str] = Field(default_factory=list, sa_type=JsonColumn, sa_column_kwargs={"server_default": "[]"})
    """For which resource servers it may ask tokens (RFC 8707)."""
    scope: str = Field(default="", sa_column_kwargs={"server_default": literal_column("''")})
    """What its machine tokens may carry, separated by spaces (RFC 7591 2, RFC 6749 4.4)."""
    require_pushed_authorization_requests: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    dpop_bound_access_tokens: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)

    def serves(self, tenant: TenantId) -> bool:
        """Whether people of that tenant may sign in to this app."""
        return self.tenants is None or tenant in self.tenants

    @property
    def is_public(self) -> bool:
        return self.token_endpoint_auth_method == "none"

    @property
    def has_secret(self) -> bool:
        return self.token_endpoint_auth_method in ("client_secret_basic", "client_secret_post")


class AppSecret(PlatformRow, table=True):
    """One live secret of an app, as a digest."""

    __tablename__ = "app_secrets"

    app_id: str = Field(primary_key=True, foreign_key="apps.id", ondelete="CASCADE")
    id: str = Field(primary_key=True)
    digest: str
    created_at: datetime = Field(sa_type=UtcDateTime)


_SECRETS = select(AppSecret).where(col(AppSecret.app_id) == bindparam("app_id")).order_by(col(AppSecret.id))
"""Made once: it runs at every request for a token, and making it costs as much as running it."""


class Apps(PlatformRepository):
    def add(self, row: App | AppSecret) -> None:
        self.session.add(row)
        self.session.flush()

    def get(self, app_id: str) -> App | None:
        return self.keyed(App, app_id)

    def held(self, app_id: str) -> App | None:
        """The app as it is now, for this transaction alone."""
        statement = select(App).where(App.id == app_id).with_for_update()
        return self.session.execute(statement, execution_options={"populate_existing": True}).scalars().first()

    def page(self, *, text: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[App]:
        statement = select(App).order_by(col(App.id)).limit(limit)
        if text:
            columns = (App.name, App.id)
            statement = statement.where(or_(*(col(column).icontains(text, autoescape=True) for column in columns)))
        if after:
            statement = statement.where(col(App.id) > after)
        return self.session.execute(statement).scalars().all()

    def count(self) -> int:
        return int(self.session.execute(select(func.count()).select_from(App)).scalar_one())

    def secrets(self, app_id: str) -> Sequence[AppSecret]:
        return self.session.execute(_SECRETS, {"app_id": app_id}).scalars().all()

    def secret_matches(self, app_id: str, presented: str) -> bool:
        """Compare with every live secret; the time does not tell which one, nor how nearly."""
        return sum(matches(presented, row.digest) for row in self.secrets(app_id)) > 0

    def delete(self, row: Any) -> None:
        self.session.delete(row)
        self.session.flush()
