"""Registering and changing applications. The rules are those of OAuth 2.1 and OpenID Connect registration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from idbroker.apps.model import MAX_LIVE_SECRETS, App, Apps, AppSecret
from idbroker.audit.outbox import Outbox
from idbroker.kernel.addresses import BadAddress, checked_url
from idbroker.kernel.errors import Conflict, NotFound, invalid_field
from idbroker.kernel.event import Change, Event, Resource
from idbroker.kernel.ids import new_id
from idbroker.kernel.secrets import digest, new_secret
from idbroker.storage.unit import PlatformUnit

AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]
Url = Annotated[str, Field(max_length=2048)]


class AppForm(BaseModel):
    """What an operator says of an app. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    redirect_uris: Annotated[list[Url], Field(min_length=1, max_length=100)]
    post_logout_redirect_uris: Annotated[list[Url], Field(max_length=100)] = []
    grant_types: list[Literal["authorization_code"]] = ["authorization_code"]
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"
    id_token_signed_response_alg: Literal["RS256", "ES256", "EdDSA"] = "RS256"
    backchannel_logout_uri: Url | None = None
    initiate_login_uri: Url | None = None
    tenants: Literal["all"] | list[str] = "all"

    @field_validator("redirect_uris", "post_logout_redirect_uris")
    @classmethod
    def _checked_all(cls, urls: list[str]) -> list[str]:
        return [_checked(url) for url in urls]

    @field_validator("backchannel_logout_uri", "initiate_login_uri")
    @classmethod
    def _checked_one(cls, url: str | None) -> str | None:
        return url if url is None else _checked(url)


def _checked(url: str) -> str:
    try:
        return checked_url(url)
    except BadAddress as error:
        raise ValueError(str(error)) from error


class AppService:
    def create(self, unit: PlatformUnit, form: AppForm) -> tuple[App, str | None]:
        """Register. The second value is the secret, shown once; None for a public client."""
        now = unit.clock.now()
        app = App(id=new_id("app"), created_at=now, updated_at=now, **_columns(form))
        unit[Apps].add(app)
        _record(unit, "app.created", app)
        return app, None if app.is_public else self._new_secret(unit, app)

    def update(self, unit: PlatformUnit, app_id: str, form: AppForm, given: Sequence[str]) -> App:
        """Change the fields that were ``given``."""
        app = self.known(unit, app_id)
        wanted = _columns(form)
        told = {name: Change(getattr(app, name), wanted[name]) for name in given if getattr(app, name) != wanted[name]}
        for name, change in told.items():
            setattr(app, name, change.after)
        if told:
            app.updated_at = unit.clock.now()
            _record(unit, "app.updated", app, told)
        return app

    def delete(self, unit: PlatformUnit, app_id: str) -> None:
        app = self.known(unit, app_id)
        _record(unit, "app.deleted", app)
        for secret in unit[Apps].secrets(app_id):
            unit[Apps].delete(secret)
        unit[Apps].delete(app)

    def add_secret(self, unit: PlatformUnit, app_id: str) -> str:
        """A further secret, so that the old one can be retired at leisure. Two can be live."""
        app = self.known(unit, app_id)
        if app.is_public:
            raise invalid_field("/token_endpoint_auth_method", "A public client has no secret.")
        if len(unit[Apps].secrets(app_id)) >= MAX_LIVE_SECRETS:
            raise Conflict("too_many_secrets", "Two secrets are live already; remove one first.")
        _record(unit, "app.updated", app, {"secrets": Change(None, "added")})
        return self._new_secret(unit, app)

    def remove_secret(self, unit: PlatformUnit, app_id: str, secret_id: str) -> None:
        """Retire a secret; whoever still presents it is refused from now on."""
        app = self.known(unit, app_id)
        row = next((one for one in unit[Apps].secrets(app_id) if one.id == secret_id), None)
        if row is None:
            raise NotFound("secret")
        unit[Apps].delete(row)
        _record(unit, "app.updated", app, {"secrets": Change(None, "removed")})

    def known(self, unit: PlatformUnit, app_id: str) -> App:
        app = unit[Apps].get(app_id)
        if app is None:
            raise NotFound("app")
        return app

    def _new_secret(self, unit: PlatformUnit, app: App) -> str:
        secret = new_secret()
        unit[Apps].add(AppSecret(app_id=app.id, id=new_id("key"), digest=digest(secret), created_at=unit.clock.now()))
        return secret


def _columns(form: AppForm) -> dict[str, Any]:
    values = form.model_dump()
    if values["tenants"] == "all":
        values["tenants"] = None
    return values


def _record(unit: PlatformUnit, action: str, app: App, changes: dict[str, Change] | None = None) -> None:
    unit.own_trail()[Outbox].record(Event(action, Resource("app", app.id, app.name), changes or {}))
