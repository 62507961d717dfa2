"""Webhooks: made and changed by operators for all tenants or some, by a tenant's admins for their own events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from idbroker.access.api_keys import Principal
from idbroker.access.permissions import Permission
from idbroker.admin_api.body import merged, parse, read_body, read_object
from idbroker.admin_api.operation import API, Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, TEXT_QUERY, listed, page_of, path_id, read_text
from idbroker.admin_api.shapes import NO_CONTENT, Document, Time
from idbroker.admin_api.versions import check_version, tagged
from idbroker.audit.feed import FeedOrder
from idbroker.kernel.errors import FieldError, Invalid, NotFound
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, Call
from idbroker.web.route import KeyRoute, named_in_query
from idbroker.webhooks.model import Webhook, WebhookDeliveries, WebhookQueue, WebhookQueues, Webhooks
from idbroker.webhooks.service import WebhookForm, WebhookService

PATH = f"{API}/webhooks"
ONE = f"{PATH}/{{webhook}}"
OF_TENANT = QueryParameter(name="tenant", description="For operators: this tenant's own.")


class WebhookDocument(Document):
    """``tenant_id`` is whose endpoint it is: null for the operator's. ``failures`` are those in a row."""

    id: str
    tenant_id: str | None
    url: str
    description: str
    events: list[str]
    tenants: Literal["all"] | list[str]
    status: Literal["active", "parked", "disabled"]
    failures: int
    held_until: Time | None
    last_success_at: Time | None
    last_failure_at: Time | None
    last_error: str | None
    pending: int
    dead: int
    created_at: Time
    updated_at: Time


class NewWebhookDocument(WebhookDocument):
    """``secret`` is shown this once."""

    secret: str


class WebhookCalls:
    def __init__(self, database: Database, service: WebhookService) -> None:
        self._database = database
        self._service = service

    def operations(self) -> list[Operation]:
        read, write = Permission.WEBHOOKS_READ, Permission.WEBHOOKS_WRITE
        return [
            Operation(
                name="create_webhook",
                area="Webhooks",
                summary="Make a webhook: of the operator with an operator's key, of the tenant with a tenant's. "
                "Its secret is shown this once.",
                row=KeyRoute(method="POST", path=PATH, handler=self.create, limit="admin_write", permission=write),
                body=WebhookForm,
                answer=NewWebhookDocument,
                status=201,
                query=(OF_TENANT,),
                problems=(404, 409),
            ),
            Operation(
                name="list_webhooks",
                area="Webhooks",
                summary="The key's owner's webhooks, oldest first.",
                row=KeyRoute(
                    method="GET", path=PATH, handler=self.all, limit="admin_read", permission=read, whose=named_in_query
                ),
                query=(TEXT_QUERY, *PAGE_QUERY, OF_TENANT),
                answer=WebhookDocument,
                many=True,
                problems=(404,),
            ),
            Operation(
                name="get_webhook",
                area="Webhooks",
                summary="One webhook, with its health.",
                row=KeyRoute(
                    method="GET", path=ONE, handler=self.get, limit="admin_read", permission=read, whose=webhook_owner
                ),
                answer=WebhookDocument,
            ),
            Operation(
                name="update_webhook",
                area="Webhooks",
                summary="Change what is given. status: active sets a parked or disabled one going again.",
                row=KeyRoute(method="PATCH", path=ONE, handler=self.update, limit="admin_write", permission=write),
                body=WebhookForm,
                partial=True,
                versioned=True,
                answer=WebhookDocument,
            ),
            Operation(
                name="delete_webhook",
                area="Webhooks",
                summary="Remove a webhook, its queue and its log.",
                row=KeyRoute(method="DELETE", path=ONE, handler=self.delete, limit="admin_write", permission=write),
                versioned=True,
                status=204,
            ),
        ]

    def create(self, call: Call, principal: Principal) -> Answer:
        form = read_body(call, WebhookForm)
        with self._database.platform(call.actor) as platform:
            scope = _owner(platform, call, principal)
            tenants, head = _tenants(platform, form, scope.tenant), platform[FeedOrder].head()
            with platform.enter(scope) as unit:
                row, secret = self._service.create(unit, form, tenants, head)
                return _tagged(unit, row, 201, once={"secret": secret})

    def all(self, call: Call, principal: Principal) -> Answer:
        page = page_of(call, "whk")
        with (
            self._database.platform(call.actor, read_only=True) as platform,
            platform.enter(_owner(platform, call, principal)) as unit,
        ):
            rows = unit[Webhooks].page(text=read_text(call), after=page.after, limit=page.fetch)
            documents = [_document(unit, row).model_dump(mode="json") for row in rows[: page.limit]]
            return listed(documents, more=len(rows) > page.limit)

    def get(self, call: Call, principal: Principal) -> Answer:
        with entered(self._database, call, principal, read_only=True) as (unit, webhook_id):
            return _tagged(unit, self._service.known(unit, webhook_id))

    def update(self, call: Call, principal: Principal) -> Answer:
        given = read_object(call)
        with self._database.platform(call.actor) as platform:
            scope, webhook_id = owned(platform, call, principal)
            with platform.enter(scope) as unit:
                row, queue = _held(call, unit, webhook_id)
                form = parse(WebhookForm, merged(_kept(row, queue), given))
            tenants = _tenants(platform, form, scope.tenant) if "tenants" in given else queue.tenants
            with platform.enter(scope) as unit:
                row = self._service.update(unit, webhook_id, form, tenants, again="status" in given)
                return _tagged(unit, row)

    def delete(self, call: Call, principal: Principal) -> Answer:
        with entered(self._database, call, principal) as (unit, webhook_id):
            _held(call, unit, webhook_id)
            self._service.delete(unit, webhook_id)
        return NO_CONTENT


def _owner(platform: PlatformUnit, call: Call, principal: Principal) -> TenantScope:
    """Whose webhooks are meant: the key's owner's, or those of the tenant that an operator names."""
    owner, wanted = principal.tenant or PLATFORM_TRAIL, call.query.get("tenant")
    if wanted is not None:
        tenant = platform[Tenants].find(wanted)
        if tenant is None or principal.tenant not in (None, tenant.id):
            raise NotFound("tenant")
        owner = tenant.tenant_id
    return TenantScope(owner, call.actor, call.request_id)


@contextmanager
def entered(
    database: Database, call: Call, principal: Principal, *, read_only: bool = False
) -> Iterator[tuple[TenantUnit, str]]:
    """(a unit of the owner, the id) of the webhook in the path."""
    with database.platform(call.actor, read_only=read_only) as platform:
        scope, webhook_id = owned(platform, call, principal)
        with platform.enter(scope) as unit:
            yield unit, webhook_id


def owned(platform: PlatformUnit, call: Call, principal: Principal) -> tuple[TenantScope, str]:
    """Whose the webhook in the path is. Raises NotFound for what does not exist, or not for this caller."""
    webhook_id = path_id(call, "webhook", "whk")
    owner = platform[WebhookQueues].owner(webhook_id)
    if owner is None or principal.tenant not in (None, owner):
        raise NotFound("webhook")
    return TenantScope(owner, call.actor, call.request_id), webhook_id


def webhook_owner(unit: PlatformUnit, call: Call) -> str | None:
    """The tenant whose the webhook in the path is; None for the operator's own."""
    owner = unit[WebhookQueues].owner(path_id(call, "webhook", "whk"))
    return None if owner == PLATFORM_TRAIL else owner


def _held(call: Call, unit: TenantUnit, webhook_id: str) -> tuple[Webhook, WebhookQueue]:
    """Both its rows, for this transaction alone. Raises VersionGone when the caller knows another version."""
    queue = unit[Webhooks].queue(webhook_id)
    if queue is None:
        raise NotFound("webhook")
    row = unit[Webhooks].fresh(webhook_id)
    check_version(call, {}, _settings(row, queue))
    return row, queue


def _tagged(unit: TenantUnit, row: Webhook, status: int = 200, *, once: dict[str, Any] | None = None) -> Answer:
    """Its version is that of its settings: how its deliveries fare is none of theirs."""
    document = _document(unit, row).model_dump(mode="json")
    return tagged(document, status, settings=_settings(row, unit[Webhooks].queues([row.id])[row.id]), once=once)


def _settings(row: Webhook, queue: WebhookQueue) -> dict[str, Any]:
    return {"id": row.id, **_kept(row, queue), "disabled": row.status == "disabled"}


def _tenants(platform: PlatformUnit, form: WebhookForm, owner: TenantId) -> list[str] | None:
    """Of which tenants it hears; None for all that its owner reaches. Raises Invalid for those that do not exist for him."""
    if form.tenants == "all":
        return None
    known = platform[Tenants].existing(form.tenants)
    wrong = [
        FieldError(f"/tenants/{position}", "no such tenant")
        for position, tenant in enumerate(form.tenants)
        if tenant not in known or owner not in (PLATFORM_TRAIL, tenant)
    ]
    if wrong:
        raise Invalid("A webhook can only be for tenants that exist, by their ids.", wrong[:50])
    return list(dict.fromkeys(form.tenants))


def _kept(row: Webhook, queue: WebhookQueue) -> dict[str, Any]:
    return {
        "url": row.url,
        "description": row.description,
        "events": queue.events,
        "tenants": "all" if queue.tenants is None else queue.tenants,
    }


def _document(unit: TenantUnit, row: Webhook) -> WebhookDocument:
    unit.session.flush()
    queue, counts = unit[Webhooks].queues([row.id])[row.id], unit[WebhookDeliveries].counts(row.id)
    return WebhookDocument.model_validate(
        {
            **row.model_dump(),
            "tenant_id": None if row.tenant_id == PLATFORM_TRAIL else row.tenant_id,
            "events": queue.events,
            "tenants": "all" if queue.tenants is None else queue.tenants,
            "pending": counts.get("pending", 0),
            "dead": counts.get("dead", 0),
        }
    )
