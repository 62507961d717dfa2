"""Setting an app's SCIM endpoint, taking it away, pushing everything anew."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from idbroker.apps.model import App, Apps
from idbroker.audit.feed import FeedOrder
from idbroker.audit.outbox import Outbox
from idbroker.kernel.addresses import BadAddress, checked_url
from idbroker.kernel.errors import NotFound, invalid_field
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.outbound.retrying import GIVE_UP_AFTER
from idbroker.outbound_scim.marking import mark_all, reaches
from idbroker.outbound_scim.model import ScimPushes, ScimTarget, ScimTargets, tenant_of
from idbroker.outbound_scim.pushing import TOKEN_PURPOSE
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenants

PAGE = 200


class ScimTargetForm(BaseModel):
    """Where and with which bearer token. Without ``token`` the one that is kept stays."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    base_url: Annotated[str, Field(max_length=2048)]
    token: Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[\x21-\x7e]+$")] | None = None
    tenants: Literal["all"] | Annotated[list[str], Field(max_length=1000)] = "all"

    @field_validator("base_url")
    @classmethod
    def _checked(cls, url: str) -> str:
        try:
            checked = checked_url(url)
        except BadAddress as error:
            raise ValueError(str(error)) from error
        if "?" in checked:
            raise ValueError("the base URL has no query")
        return checked


class OutboundScim:
    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope

    def put(self, unit: PlatformUnit, app_id: str, form: ScimTargetForm, tenants: list[str] | None) -> ScimTarget:
        """Set or change it. What the app is to know is pushed by ``resync``, and from now on by itself."""
        app, row, now = _app(unit, app_id), unit[ScimTargets].get(app_id), unit.clock.now()
        if row is None and form.token is None:
            raise invalid_field("/token", "A bearer token is needed.")
        own = unit.own_trail()
        self._envelope.prepare(own)
        sealed = b"" if row is None else row.token_sealed
        if form.token is not None:
            sealed = self._envelope.seal(own, TOKEN_PURPOSE + app_id, form.token.encode())
        if row is None:
            row = ScimTarget(app_id=app_id, base_url=form.base_url, token_sealed=sealed, created_at=now, updated_at=now)
        row.base_url, row.token_sealed, row.tenants, row.updated_at = form.base_url, sealed, tenants, now
        unit[ScimTargets].put(row)
        context = {"base_url": form.base_url, "tenants": tenants or "all", "token_changed": form.token is not None}
        own[Outbox].record(Event("app.scim_configured", Resource("app", app.id, app.name), context=context))
        return row

    def delete(self, unit: PlatformUnit, app_id: str) -> None:
        """Nothing is pushed any more. What the app has stays there; what it is called there is forgotten."""
        app, row = _app(unit, app_id), self.known(unit, app_id)
        for queue in unit[ScimTargets].queues(app_id):
            with unit.enter(TenantScope(tenant_of(queue), unit.actor)) as inside:
                inside[ScimPushes].forget_app(app_id)
        unit[ScimTargets].delete(row)
        unit.own_trail()[Outbox].record(Event("app.scim_removed", Resource("app", app.id, app.name)))

    def known_app(self, unit: PlatformUnit, app_id: str) -> App:
        return _app(unit, app_id)

    def known(self, unit: PlatformUnit, app_id: str) -> ScimTarget:
        row = unit[ScimTargets].get(app_id)
        if row is None:
            raise NotFound("SCIM endpoint of this app")
        return row

    def resync(self, unit: PlatformUnit, scope: TenantScope, app_id: str) -> int:
        """Push everything of one tenant anew; dead letters too. How many resources. Raises NotFound."""
        app, target, head = _app(unit, app_id), self.known(unit, app_id), unit[FeedOrder].head()
        if not reaches(target, app, scope.tenant):
            raise NotFound("tenant")
        with unit.enter(scope) as inside:
            inside[ScimPushes].revive(app_id, unit.clock.now() + GIVE_UP_AFTER)
            count = mark_all(inside, app_id, head)
            context = {"app": app_id, "resources": count}
            inside[Outbox].record(Event("app.scim_resynced", Resource("app", app.id, app.name), context=context))
        return count

    def tenants(self, unit: PlatformUnit, app_id: str) -> list[TenantId]:
        """Whose people the app is pushed."""
        found: list[TenantId] = []
        after: str | None = None
        app, target = _app(unit, app_id), self.known(unit, app_id)
        while page := unit[Tenants].page(after=after, limit=PAGE):
            found += [tenant.tenant_id for tenant in page if reaches(target, app, tenant.tenant_id)]
            after = page[-1].id
        return found


def _app(unit: PlatformUnit, app_id: str) -> App:
    app = unit[Apps].get(app_id)
    if app is None:
        raise NotFound("app")
    return app
