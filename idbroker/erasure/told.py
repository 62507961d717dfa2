"""What apps are told, and what they answered: events of a person are cut down to ids; order and cursors stay."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import or_
from sqlmodel import col, delete, select, update

from idbroker.audit.feed import FeedEvent
from idbroker.audit.outbox import OutboxRow
from idbroker.audit.personal import ADDRESS, owned, without
from idbroker.erasure.persons import Person
from idbroker.outbound_scim.model import USER, ScimPush, ScimQueue
from idbroker.signals.model import SignalSet, SignalStream, SignalSubject
from idbroker.signals.subjects import digest_of
from idbroker.signals.vocabulary import TOKEN_CLAIMS_CHANGE
from idbroker.storage.unit import TenantUnit, changed
from idbroker.webhooks.model import Webhook, WebhookDelivery

KEPT_OF_SESSIONS = ("id", "tenant_id", "user_id", "connection_id", "started_at", "expires_at", "ended_at", "end_reason", "apps")
KEPT_OF_ALERTS = ("id", "tenant_id", "kind", "status", "times", "opened_at", "last_at", "acknowledged_at", "resolved_at")

NAMING = ("alert.", "connection.")
"""What is about something else, and may name a person in its text."""


def cut_feed(unit: TenantUnit, person: Person) -> list[str]:
    """The ids of the events that were cut."""
    kind, told = col(FeedEvent.type), col(FeedEvent.document).contains(person.id)
    wanted = or_(*(kind.startswith(noun) & told for noun in ("user.", "session.")), *map(kind.startswith, NAMING))
    cut = []
    for row in unit.session.execute(select(FeedEvent).where(wanted)).scalars().all():
        document = orjson.loads(row.document)
        if _is_of(document["data"], row.type, person):
            document["data"] = bare(document["data"], row.type)
            for extra in ("previous", "signal"):
                document.pop(extra, None)
            row.document = orjson.dumps(document).decode()
            cut.append(row.id)
    unit.session.flush()
    return cut


def bare(data: dict[str, Any], action: str) -> dict[str, Any]:
    """A portrait without what is personal."""
    if action.startswith("user."):
        return {"id": data.get("id"), "tenant_id": data.get("tenant_id"), "erased": True}
    if action.startswith("connection."):
        return {**data, "options": {name: value for name, value in data["options"].items() if name != "test_users"}}
    kept = KEPT_OF_ALERTS if action.startswith("alert.") else KEPT_OF_SESSIONS
    return {name: data[name] for name in kept if name in data}


def cut_outbox(unit: TenantUnit, person: Person) -> int:
    """What is still on its way into the trail, if sealing did not get it: without what is his."""
    mine = {*person.owners, *(ADDRESS + address for address in person.addresses)}
    count = 0
    for row in unit.session.execute(select(OutboxRow)).scalars().all():
        items = [item for item in owned(row.document) if mine & set(item.owners)]
        action = row.document["action"]
        if items:
            row.document = without(row.document, items)
        if row.portrait is not None and _is_of(row.portrait, action, person):
            row.portrait = bare(row.portrait, action)
            count += 1
        count += bool(items)
    unit.session.flush()
    return count


def empty_answers(unit: TenantUnit, person: Person, events: list[str], tenant: str) -> int:
    """What endpoints answered to events of him, word for word. ``unit``: the tenant's, or the operator's with its endpoints."""
    count = 0
    for start in range(0, max(1, len(events)), 500):
        his = or_(col(WebhookDelivery.subject) == person.id, col(WebhookDelivery.event_id).in_(events[start : start + 500]))
        emptied = update(WebhookDelivery).where(his, col(WebhookDelivery.event_tenant) == tenant).values(tries=[])
        count += changed(unit.session.execute(emptied.execution_options(synchronize_session=False)))
    for row in unit.session.execute(select(Webhook).where(col(Webhook.last_error).is_not(None))).scalars().all():
        if person.mentioned_in(row.last_error or ""):
            row.last_error, count = None, count + 1
    return count


def cut_signals(unit: TenantUnit, person: Person, tenant: str) -> int:
    """SETs with more in them than ids, and wishes of receivers that name him by an address. ``unit`` as above."""
    count = 0
    his = select(SignalSet).where(SignalSet.subject == person.id, SignalSet.event_tenant == tenant)
    for row in unit.session.execute(his).scalars().all():
        if row.type == TOKEN_CLAIMS_CHANGE or person.mentioned_in(orjson.dumps(row.claims).decode()):
            unit.session.delete(row)
            count += 1
        row.tries = []
    for stream in unit.session.execute(select(SignalStream).where(col(SignalStream.last_error).is_not(None))).scalars().all():
        if person.mentioned_in(stream.last_error or ""):
            stream.last_error = None
    named = [digest_of({"format": "email", "email": address}) for address in person.addresses]
    gone = delete(SignalSubject).where(col(SignalSubject.digest).in_(named))
    count += changed(unit.session.execute(gone.execution_options(synchronize_session=False)))
    unit.session.flush()
    return count


def empty_pushes(unit: TenantUnit, person: Person) -> int:
    """What apps said of him. The rows stay until the apps have deleted him: ``user.erased`` asks them to."""
    mine = (col(ScimPush.kind) == USER, col(ScimPush.resource_id) == person.id)
    emptied = update(ScimPush).where(*mine).values(error=None, digest=None)
    count = changed(unit.session.execute(emptied.execution_options(synchronize_session=False)))
    queues = select(ScimQueue).where(ScimQueue.tenant_id == unit.scope.tenant, col(ScimQueue.error).is_not(None))
    for row in unit.session.execute(queues).scalars().all():
        if person.mentioned_in(row.error or ""):
            row.error = None
    return count


def _is_of(data: dict[str, Any], action: str, person: Person) -> bool:
    if action.startswith(NAMING):
        return person.mentioned_in(orjson.dumps(data).decode())
    return person.id == (data.get("id") if action.startswith("user.") else data.get("user_id"))
