"""What became of a webhook's deliveries; trying one again, replaying a range, sending a test; its secrets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from pydantic import AwareDatetime, BeforeValidator

from idbroker.access.api_keys import Principal
from idbroker.access.permissions import Permission
from idbroker.admin_api.body import read_body
from idbroker.admin_api.operation import Operation, QueryParameter
from idbroker.admin_api.paging import PAGE_QUERY, listing, page_of, path_id
from idbroker.admin_api.shapes import NO_CONTENT, Body, Document, Time, shown
from idbroker.admin_api.webhooks import ONE, entered, owned, webhook_owner
from idbroker.audit.feed import FeedOrder
from idbroker.kernel.clock import Clock, rfc3339
from idbroker.kernel.errors import invalid_field
from idbroker.kernel.ids import PLATFORM_TRAIL, new_id
from idbroker.keys.envelope import Envelope
from idbroker.outbound.fetcher import Sender
from idbroker.storage.database import Database
from idbroker.web.call import Answer, Call
from idbroker.web.route import KeyRoute
from idbroker.webhooks.attempt import Message, attempt
from idbroker.webhooks.fan_out import is_for
from idbroker.webhooks.model import WebhookDeliveries, WebhookDelivery, Webhooks
from idbroker.webhooks.office import open_secrets
from idbroker.webhooks.service import WebhookService

STATUSES = ("pending", "delivered", "dead")
MAX_REPLAY = 5000
TEST_TYPE = "webhook.test"


class WebhookDeliveryDocument(Document):
    """``tries`` are the last attempts: when, how long, which status, the beginning of the answer, or why there was none."""

    id: str
    event_id: str
    type: str
    tenant_id: str
    status: Literal["pending", "delivered", "dead"]
    attempts: int
    created_at: Time
    due_at: Time | None
    give_up_at: Time
    finished_at: Time | None
    tries: list[dict[str, Any]]


class WebhookSecretDocument(Document):
    id: str
    created_at: Time


class WebhookSecretList(Document):
    """At most two: never more than one page."""

    data: list[WebhookSecretDocument]
    next_cursor: None = None


class NewWebhookSecretDocument(Document):
    """The secret is shown this once. Every live secret signs."""

    id: str
    secret: str


class WebhookTestDocument(Document):
    """What the endpoint answered to an event of the type ``webhook.test``."""

    event_id: str
    delivered: bool
    status: int | None
    milliseconds: int
    answer: str
    error: str | None


def _moment(value: Any) -> Any:
    """JSON has no times; strictness would refuse their text."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:  # in UTC some of year 1 and 9999 is no time at all
            raise ValueError("a time such as 2026-11-21T09:00:00Z is needed") from error
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class ReplayBody(Body):
    """Events that happened from ``since`` to before ``until`` (now, unless said otherwise)."""

    since: Moment
    until: Moment | None = None


class ReplayDocument(Document):
    queued: int


class WebhookDeliveryCalls:
    def __init__(
        self,
        database: Database,
        service: WebhookService,
        envelope: Envelope,
        *,
        sender: Sender,
        clock: Clock,
        kept: timedelta,
    ) -> None:
        self._database = database
        self._service = service
        self._envelope = envelope
        self._sender = sender
        self._clock = clock
        self._kept = kept

    def operations(self) -> list[Operation]:
        read, write = Permission.WEBHOOKS_READ, Permission.WEBHOOKS_WRITE

        def posting(path: str, handler: Any) -> KeyRoute:
            return KeyRoute(method="POST", path=f"{ONE}{path}", handler=handler, limit="admin_write", permission=write)

        def getting(path: str, handler: Any) -> KeyRoute:
            return KeyRoute(
                method="GET",
                path=f"{ONE}{path}",
                handler=handler,
                limit="admin_read",
                permission=read,
                whose=webhook_owner,
            )

        return [
            Operation(
                name="list_webhook_deliveries",
                area="Webhooks",
                summary="What was sent, newest first, with the answers.",
                row=getting("/deliveries", self.all),
                query=(*PAGE_QUERY, QueryParameter(name="status", description="pending, delivered or dead.")),
                answer=WebhookDeliveryDocument,
                many=True,
            ),
            Operation(
                name="retry_webhook_delivery",
                area="Webhooks",
                summary="Try a delivery again at once, a dead letter too.",
                row=posting("/deliveries/{delivery}/retry", self.retry),
                answer=WebhookDeliveryDocument,
                problems=(409,),
            ),
            Operation(
                name="replay_webhook",
                area="Webhooks",
                summary=f"Send the events of a time range once more, {MAX_REPLAY} at most; their ids stay as they were.",
                row=posting("/replay", self.replay),
                body=ReplayBody,
                answer=ReplayDocument,
                status=202,
            ),
            Operation(
                name="test_webhook",
                area="Webhooks",
                summary="Send an event of the type webhook.test now, and show the answer.",
                row=posting("/test", self.test),
                answer=WebhookTestDocument,
            ),
            Operation(
                name="create_webhook_secret",
                area="Webhooks",
                summary="A further secret, shown this once. Two can be live, and every live one signs.",
                row=posting("/secrets", self.add_secret),
                answer=NewWebhookSecretDocument,
                status=201,
                problems=(409,),
            ),
            Operation(
                name="list_webhook_secrets",
                area="Webhooks",
                summary="Which secrets are live; never the secrets themselves.",
                row=getting("/secrets", self.secrets),
                answer=WebhookSecretList,
            ),
            Operation(
                name="delete_webhook_secret",
                area="Webhooks",
                summary="Retire a secret: it no longer signs.",
                row=KeyRoute(
                    method="DELETE",
                    path=f"{ONE}/secrets/{{secret}}",
                    handler=self.remove_secret,
                    limit="admin_write",
                    permission=write,
                ),
                status=204,
                problems=(409,),
            ),
        ]

    def all(self, call: Call, principal: Principal) -> Answer:
        page, status = page_of(call, "whd"), call.query.get("status")
        if status is not None and status not in STATUSES:
            raise invalid_field("/status", f"status is one of: {', '.join(STATUSES)}.")
        with entered(self._database, call, principal, read_only=True) as (unit, webhook_id):
            rows = unit[WebhookDeliveries].page(webhook_id, status=status, before=page.after, limit=page.fetch)
        return listing(rows, page, _document)

    def retry(self, call: Call, principal: Principal) -> Answer:
        with entered(self._database, call, principal) as (unit, webhook_id):
            return shown(_document(self._service.retry(unit, webhook_id, path_id(call, "delivery", "whd"))))

    def replay(self, call: Call, principal: Principal) -> Answer:
        with self._database.platform(call.actor, read_only=True) as platform:
            owned(platform, call, principal)
        form = read_body(call, ReplayBody)
        now = self._clock.now()
        until = form.until or now
        if not now - self._kept <= form.since < until:
            raise invalid_field("/since", f"since is before until and no more than {self._kept.days} days ago.")
        with self._database.platform(call.actor) as platform:
            scope, webhook_id = owned(platform, call, principal)
            with platform.enter(scope) as unit:
                queue = unit[Webhooks].queues([webhook_id])[webhook_id]
            wanted = [one for one in platform[FeedOrder].between(form.since, until) if is_for(queue, one)][: MAX_REPLAY + 1]
            if len(wanted) > MAX_REPLAY:
                raise invalid_field("/until", f"More than {MAX_REPLAY} events happened in that time. Take a shorter one.")
            with platform.enter(scope) as unit:
                return shown(ReplayDocument(queued=self._service.replay(unit, webhook_id, wanted, form.since, until)), 202)

    def test(self, call: Call, principal: Principal) -> Answer:
        """Read, call the endpoint, write: three steps, no transaction open while the endpoint takes its time."""
        with entered(self._database, call, principal) as (unit, webhook_id):
            row, secrets = self._service.known(unit, webhook_id), open_secrets(self._envelope, unit, webhook_id)
            owner = None if row.tenant_id == PLATFORM_TRAIL else row.tenant_id
        now, event_id = self._clock.now(), new_id("evt")
        event = {
            "id": event_id,
            "type": TEST_TYPE,
            "tenant_id": owner,
            "occurred_at": rfc3339(now),
            "data": {"webhook_id": webhook_id},
        }
        outcome = attempt(self._sender, row.url, secrets, Message(event_id, orjson.dumps(event)), now)
        with entered(self._database, call, principal) as (unit, webhook_id):
            self._service.note_test(unit, webhook_id, None if outcome.delivered else outcome.problem)
        return shown(
            WebhookTestDocument(
                event_id=event_id,
                delivered=outcome.delivered,
                status=outcome.status,
                milliseconds=outcome.milliseconds,
                answer=outcome.answer,
                error=None if outcome.delivered else outcome.problem,
            )
        )

    def add_secret(self, call: Call, principal: Principal) -> Answer:
        with entered(self._database, call, principal) as (unit, webhook_id):
            row, secret = self._service.add_secret(unit, webhook_id)
            return shown(NewWebhookSecretDocument(id=row.id, secret=secret), 201)

    def secrets(self, call: Call, principal: Principal) -> Answer:
        with entered(self._database, call, principal, read_only=True) as (unit, webhook_id):
            rows = unit[Webhooks].secrets(self._service.known(unit, webhook_id).id)
            return shown(WebhookSecretList(data=[WebhookSecretDocument.model_validate(row) for row in rows]))

    def remove_secret(self, call: Call, principal: Principal) -> Answer:
        with entered(self._database, call, principal) as (unit, webhook_id):
            self._service.remove_secret(unit, webhook_id, path_id(call, "secret", "key"))
        return NO_CONTENT


def _document(row: WebhookDelivery) -> WebhookDeliveryDocument:
    return WebhookDeliveryDocument.model_validate(
        {**row.model_dump(), "tenant_id": row.event_tenant, "due_at": row.due_at if row.status == "pending" else None}
    )
