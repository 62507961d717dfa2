"""Registering and changing applications. The rules are those of OAuth 2.1 and OpenID Connect registration."""

from __future__ import annotations

import json
import re
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

AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
GrantType = Literal[
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:token-exchange",
]
NOT_FOR_PUBLIC = frozenset({"client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"})
"""Grants by which an app is given something for being itself: it must be able to prove that."""

ABOUT_PEOPLE = frozenset({"openid", "email", "profile", "groups", "offline_access"})
"""Scopes that a person's sign-in grants."""

Url = Annotated[str, Field(max_length=2048)]
MAX_JWKS = 20_000


class AppForm(BaseModel):
    """What an operator says of an app. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    redirect_uris: Annotated[list[Url], Field(max_length=100)] = []
    post_logout_redirect_uris: Annotated[list[Url], Field(max_length=100)] = []
    grant_types: Annotated[list[GrantType], Field(min_length=1, max_length=10)] = ["authorization_code"]
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"
    id_token_signed_response_alg: Literal["RS256", "ES256", "EdDSA"] = "RS256"
    backchannel_logout_uri: Url | None = None
    initiate_login_uri: Url | None = None
    tenants: Literal["all"] | list[str] = "all"
    jwks: dict[str, Any] | None = None
    jwks_uri: Url | None = None
    resources: Annotated[list[Url], Field(max_length=100)] = []
    scope: Annotated[str, Field(max_length=2000)] = ""
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False

    @field_validator("redirect_uris", "post_logout_redirect_uris")
    @classmethod
    def _checked_all(cls, urls: list[str]) -> list[str]:
        return [_checked(url) for url in urls]

    @field_validator("backchannel_logout_uri", "initiate_login_uri", "jwks_uri")
    @classmethod
    def _checked_one(cls, url: str | None) -> str | None:
        return url if url is None else _checked(url)

    @field_validator("resources")
    @classmethod
    def _checked_resources(cls, uris: list[str]) -> list[str]:
        """RFC 8707 2: absolute URIs without a fragment."""
        for uri in uris:
            if not _RESOURCE.fullmatch(uri):
                raise ValueError("a resource is an absolute URI without a fragment")
        return uris

    @field_validator("scope")
    @classmethod
    def _checked_scope(cls, scope: str) -> str:
        """RFC 6749 3.3: scope tokens and single spaces. What is about people is granted at their sign-in alone."""
        names = list(dict.fromkeys(scope.split(" "))) if scope else []
        if not all(_SCOPE_TOKEN.fullmatch(name) for name in names):
            raise ValueError("scope tokens of printable ASCII, without quotes and backslashes, separated by single spaces")
        personal = [name for name in names if name in ABOUT_PEOPLE]
        if personal:
            raise ValueError(f"{personal[0]} is about people; a machine token is about the app itself")
        return " ".join(names)

    @field_validator("jwks")
    @classmethod
    def _checked_jwks(cls, jwks: dict[str, Any] | None) -> dict[str, Any] | None:
        """RFC 7517 5. A private part has no business here, and would make us its keeper."""
        if jwks is None:
            return None
        keys = jwks.get("keys")
        if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
            raise ValueError('a JWKS is needed: {"keys": […]} with at least one key')
        if any(name in key for key in keys for name in ("d", "p", "q", "k")):
            raise ValueError("the JWKS must hold public keys only")
        if len(json.dumps(jwks)) > MAX_JWKS:
            raise ValueError(f"the JWKS is longer than {MAX_JWKS} characters")
        return jwks


_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")
_RESOURCE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!$-;=?-Z_a-z~%@]+")


def _checked(url: str) -> str:
    try:
        return checked_url(url)
    except BadAddress as error:
        raise ValueError(str(error)) from error


class AppService:
    def create(self, unit: PlatformUnit, form: AppForm) -> tuple[App, str | None]:
        """Register. The second value is the secret, shown once; None for an app that has none."""
        check_consistent(form)
        now = unit.clock.now()
        app = App(id=new_id("app"), created_at=now, updated_at=now, **_columns(form))
        unit[Apps].add(app)
        _record(unit, "app.created", app)
        return app, self._new_secret(unit, app) if app.has_secret else None

    def update(self, unit: PlatformUnit, app_id: str, form: AppForm, given: Sequence[str]) -> App:
        """Change the fields that were ``given``."""
        check_consistent(form)
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
        if not app.has_secret:
            raise invalid_field("/token_endpoint_auth_method", "An app with this authentication method has no secret.")
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


def check_consistent(form: AppForm) -> None:
    """Raise Invalid for fields that do not go together (RFC 7591 2, 2.1)."""
    if "authorization_code" in form.grant_types and not form.redirect_uris:
        raise invalid_field("/redirect_uris", "The authorization code flow needs at least one redirect URI.")
    if form.jwks is not None and form.jwks_uri is not None:
        raise invalid_field("/jwks", "jwks and jwks_uri do not go together.")
    method = form.token_endpoint_auth_method
    if method == "private_key_jwt" and form.jwks is None and form.jwks_uri is None:
        raise invalid_field("/jwks", "private_key_jwt needs jwks or jwks_uri.")
    if method == "none" and NOT_FOR_PUBLIC & set(form.grant_types):
        raise invalid_field("/grant_types", "A public client may use authorization_code and refresh_token alone.")


def _columns(form: AppForm) -> dict[str, Any]:
    values = form.model_dump()
    if values["tenants"] == "all":
        values["tenants"] = None
    return values


def _record(unit: PlatformUnit, action: str, app: App, changes: dict[str, Change] | None = None) -> None:
    unit.own_trail()[Outbox].record(Event(action, Resource("app", app.id, app.name), changes or {}))
