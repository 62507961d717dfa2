"""Who acts, and for which tenant. A ``TenantScope`` is the only key to a tenant's data.

It is built in few places (``web/tenancy``, ``login/flow``, the worker, the command line), always from something
proven (an API key, a token, a session, an attempt), never from what a client merely says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from idbroker.kernel.ids import RequestId, TenantId, new_id

ActorType = Literal["user", "app", "scim_client", "operator", "visitor", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who does something, as the audit trail names him."""

    type: ActorType
    id: str | None = None
    name: str | None = None
    ip: str | None = None
    user_agent: str | None = None

    def as_document(self) -> dict[str, str | None]:
        return {"type": self.type, "id": self.id, "name": self.name, "ip": self.ip, "user_agent": self.user_agent}


SYSTEM = Actor(type="system", name="idbroker")


def new_request_id() -> RequestId:
    return RequestId(new_id("req"))


@dataclass(frozen=True, slots=True)
class TenantScope:
    tenant: TenantId
    actor: Actor
    request: RequestId = field(default_factory=new_request_id)
