"""A tenant whose trail is followed: streams, records, what came to a receiver."""

from __future__ import annotations

from typing import Any

import orjson

from idbroker.audit.chain import Head, first_fault, head_of
from idbroker.audit.outbox import Outbox
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from tests.support.admin_world import OPERATOR, AdminWorld

URL = "https://siem.example/in"


def make(world: AdminWorld, tenant: str, *, key: str | None = None, **fields: Any) -> Any:
    return world.post(f"/tenants/{tenant}/log-streams", {"url": URL, **fields} if "type" not in fields else fields, key=key)


def tell(world: AdminWorld, tenant: str, *users: str) -> None:
    with world.stores.main.tenant(TenantScope(TenantId(tenant), OPERATOR)) as unit:
        for user in users:
            unit[Outbox].record(Event("user.updated", Resource("user", user)))
    world.trail.seal_all()


def records(world: AdminWorld, url: str = URL) -> list[Any]:
    """What came to an HTTPS receiver, in the order in which it came."""
    return [record for one in world.receivers.received if one.url == url for record in orjson.loads(one.body)["records"]]


def sequences(found: list[Any]) -> list[int]:
    return [record["sequence"] for record in found]


def is_whole(found: list[Any], after: Any = None) -> bool:
    """Whether the records follow each other and hold what was sealed, as a receiver would check."""
    return first_fault(found, after=(after and head_of(after)) or Head()) is None


def health(world: AdminWorld, tenant: str, stream: Any) -> Any:
    return world.get(f"/tenants/{tenant}/log-streams/{stream['id']}")["health"]
