"""Recording a refused sign-in: the person gets a reference, the trail holds the reason under it."""

from __future__ import annotations

from typing import Any

from idbroker.audit.outbox import Outbox
from idbroker.federation.contract import ReplyRefused
from idbroker.kernel.errors import Refusal, new_reference
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import TenantScope
from idbroker.login.steps import SignInRefused, Visitor
from idbroker.storage.database import Database


class RefusalRecorder:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, refusal: Refusal, visitor: Visitor) -> str:
        """Write ``sign_in.refused`` in a unit of its own, into the tenant's trail or, where none is known, the operator's.

        Returns the reference, which is also the event's resource.
        """
        reference = new_reference()
        context: dict[str, Any] = {"reference": reference, "code": refusal.code, "detail": refusal.detail}
        tenant = PLATFORM_TRAIL
        if isinstance(refusal, SignInRefused):
            tenant = refusal.tenant or PLATFORM_TRAIL
            context |= {"connection_id": refusal.connection_id, **refusal.context}
        scope = TenantScope(tenant, visitor.actor, visitor.request)
        with self._database.tenant(scope) as unit:
            unit[Outbox].record(Event("sign_in.refused", Resource("sign_in", reference), context=context))
        return reference


def findings_context(refusal: Refusal) -> dict[str, Any]:
    """The failed findings of a refused reply, for the trail."""
    if not isinstance(refusal, ReplyRefused):
        return {}
    return {"findings": [finding.as_document() for finding in refusal.findings if finding.outcome == "fail"]}
