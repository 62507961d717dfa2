"""An app's own SCIM endpoint: where the broker pushes people and groups to, what came of it, and pushing it all anew."""

from __future__ import annotations

from typing import Any, Literal

from idbroker.access.permissions import Permission
from idbroker.admin_api.apps import ONE, app_id_of
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, listed, read_cursor, read_limit
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Time
from idbroker.admin_api.versions import tag_of, tagged
from idbroker.apps.model import Apps
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import FieldError, Invalid, NotFound, invalid_field
from idbroker.kernel.scope import TenantScope
from idbroker.outbound_scim.model import ScimPushes, ScimTarget, ScimTargets
from idbroker.outbound_scim.service import OutboundScim, ScimTargetForm
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call, json_answer
from idbroker.web.preconditions import check_match
from idbroker.web.route import PlatformRoute, named_in_query

PATH = f"{ONE}/scim"
STATUSES = ("pending", "done", "dead")


class ScimQueueDocument(Document):
    """A tenant's queue: ``failures`` in a row, and why."""

    tenant_id: str
    due_at: Time | None
    failures: int
    error: str | None


class ScimTargetDocument(Document):
    """The token is never shown."""

    app_id: str
    base_url: str
    tenants: Literal["all"] | list[str]
    created_at: Time
    updated_at: Time
    queues: list[ScimQueueDocument]


class ScimPushDocument(Document):
    """One user or group. ``remote_id`` is what the app calls it; ``dead``: given up after three days."""

    kind: Literal["user", "group"]
    resource_id: str
    remote_id: str | None
    status: Literal["pending", "done", "dead"]
    attempts: int
    due_at: Time
    done_at: Time | None
    error: str | None


class ResyncBody(Body):
    """``tenant``: slug or id; without it, every tenant that the app serves."""

    tenant: str | None = None


class ResyncDocument(Document):
    resources: int


class OutboundScimCalls:
    def __init__(self, service: OutboundScim) -> None:
        self._service = service

    def operations(self) -> list[Operation]:
        operate = Permission.OPERATE_APPS
        return [
            Operation(
                name="put_app_scim",
                area="Outbound SCIM",
                summary="Push users and groups to the app's own SCIM endpoint, for all its tenants or some.",
                row=PlatformRoute(method="PUT", path=PATH, handler=self.put, limit="admin_write", permission=operate),
                body=ScimTargetForm,
                versioned=True,
                answer=ScimTargetDocument,
            ),
            Operation(
                name="get_app_scim",
                area="Outbound SCIM",
                summary="Where the app is pushed to, and how its queues stand.",
                row=PlatformRoute(method="GET", path=PATH, handler=self.get, limit="admin_read", permission=operate),
                answer=ScimTargetDocument,
            ),
            Operation(
                name="delete_app_scim",
                area="Outbound SCIM",
                summary="Push nothing any more. What the app has stays there.",
                row=PlatformRoute(method="DELETE", path=PATH, handler=self.delete, limit="admin_write", permission=operate),
                versioned=True,
                status=204,
            ),
            Operation(
                name="list_app_scim_pushes",
                area="Outbound SCIM",
                summary="What a tenant's users and groups are at the app; with status=dead, the dead letters.",
                row=PlatformRoute(
                    method="GET",
                    path=f"{PATH}/pushes",
                    handler=self.pushes,
                    limit="admin_read",
                    permission=operate,
                    whose=named_in_query,
                ),
                query=(
                    *PAGE_QUERY,
                    QueryParameter(name="tenant", description="Slug or id; needed."),
                    QueryParameter(name="status", description="pending, done or dead."),
                ),
                answer=ScimPushDocument,
                many=True,
            ),
            Operation(
                name="resync_app_scim",
                area="Outbound SCIM",
                summary="Push every user and group anew, dead letters too.",
                row=PlatformRoute(
                    method="POST", path=f"{PATH}/resync", handler=self.resync, limit="admin_write", permission=operate
                ),
                body=ResyncBody,
                answer=ResyncDocument,
                status=202,
            ),
        ]

    def put(self, call: Call, unit: PlatformUnit) -> Answer:
        app_id = app_id_of(call)
        self._check(call, unit, app_id)
        form = read_body(call, ScimTargetForm)
        return _tagged(unit, self._service.put(unit, app_id, form, _tenants(unit, form)))

    def get(self, call: Call, unit: PlatformUnit) -> Answer:
        return _tagged(unit, self._service.known(unit, app_id_of(call)))

    def delete(self, call: Call, unit: PlatformUnit) -> Answer:
        self._check(call, unit, app_id_of(call))
        self._service.delete(unit, app_id_of(call))
        return NO_CONTENT

    def _check(self, call: Call, unit: PlatformUnit, app_id: str) -> None:
        """Raise NotFound for an app that is none, VersionGone when the caller knows another version."""
        if unit[Apps].held(app_id) is None:
            raise NotFound("app")
        row = unit[ScimTargets].get(app_id)
        if "if-match" in call.headers:
            check_match(call.headers["if-match"], None if row is None else tag_of({}, _settings(row)))

    def pushes(self, call: Call, unit: PlatformUnit) -> Answer:
        app_id, limit, after, status = app_id_of(call), read_limit(call), read_cursor(call), call.query.get("status")
        self._service.known(unit, app_id)
        if status is not None and status not in STATUSES:
            raise invalid_field("/status", f"status is one of: {', '.join(STATUSES)}.")
        tenant = unit[Tenants].find(call.query.get("tenant", ""))
        if tenant is None:
            raise NotFound("tenant")
        with unit.enter(TenantScope(tenant.tenant_id, unit.actor, call.request_id)) as inside:
            rows = inside[ScimPushes].page(app_id, status=status, after=after, limit=limit + 1)
        documents = [ScimPushDocument.model_validate(row).model_dump(mode="json") for row in rows[:limit]]
        return listed(documents, more=len(rows) > limit, key="resource_id")

    def resync(self, call: Call, unit: PlatformUnit) -> Answer:
        app_id = app_id_of(call)
        self._service.known(unit, app_id)
        form = read_body(call, ResyncBody)
        if form.tenant is None:
            tenants = self._service.tenants(unit, app_id)
        else:
            tenant = unit[Tenants].find(form.tenant)
            if tenant is None:
                raise NotFound("tenant")
            tenants = [tenant.tenant_id]
        count = sum(self._service.resync(unit, TenantScope(one, unit.actor, call.request_id), app_id) for one in tenants)
        return json_answer(ResyncDocument(resources=count).model_dump(mode="json"), 202)


def _tenants(unit: PlatformUnit, form: ScimTargetForm) -> list[str] | None:
    if form.tenants == "all":
        return None
    known = unit[Tenants].existing(form.tenants)
    wrong = [FieldError(f"/tenants/{at}", "no such tenant") for at, tenant in enumerate(form.tenants) if tenant not in known]
    if wrong:
        raise Invalid("Only tenants that exist can be named, by their ids.", wrong[:50])
    return list(dict.fromkeys(form.tenants))


def _tagged(unit: PlatformUnit, row: ScimTarget) -> Answer:
    """Its version is that of its settings: how its queues stand is none of theirs."""
    return tagged(_document(unit, row).model_dump(mode="json"), settings=_settings(row))


def _settings(row: ScimTarget) -> dict[str, Any]:
    return {"app_id": row.app_id, "base_url": row.base_url, "tenants": row.tenants, "updated_at": rfc3339(row.updated_at)}


def _document(unit: PlatformUnit, row: ScimTarget) -> ScimTargetDocument:
    queues = [ScimQueueDocument.model_validate(queue) for queue in unit[ScimTargets].queues(row.app_id)]
    shown_tenants = "all" if row.tenants is None else row.tenants
    return ScimTargetDocument.model_validate({**row.model_dump(), "tenants": shown_tenants, "queues": queues})
