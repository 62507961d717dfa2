"""Recording a refused sign-in: the person gets a reference, the trail holds the reason under it."""

from __future__ import annotations

from typing import Any

from idbroker.audit.outbox import Outbox
from idbroker.federation.contract import ReplyRefused
from idbroker.kernel.errors import Refusal, new_reference
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import TenantScope
from idbroker.login.diagnoses import DiagnosisKeeper
from idbroker.login.steps import SignInRefused, Visitor
from idbroker.storage.database import Database


class RefusalRecorder:
    """``diagnoses``: where whole reports are kept; without it the trail has the failed findings alone."""

    def __init__(self, database: Database, diagnoses: DiagnosisKeeper | None = None) -> None:
        self._database = database
        self._diagnoses = diagnoses

    def record(self, refusal: Refusal, visitor: Visitor) -> str:
        """Write ``sign_in.refused`` in a unit of its own, into the tenant's trail or, where none is known, the operator's;
        ``sign_out.refused`` for a sign-out.

        Returns the reference, which is also the event's resource.
        """
        reference = new_reference()
        context: dict[str, Any] = {"reference": reference, "code": refusal.code, "detail": refusal.detail}
        if not isinstance(refusal, SignInRefused) or refusal.tenant is None:
            more = {"connection_id": refusal.connection_id, **refusal.context} if isinstance(refusal, SignInRefused) else {}
            with self._database.tenant(TenantScope(PLATFORM_TRAIL, visitor.actor, visitor.request)) as unit:
                unit[Outbox].record(_event(refusal, reference, context | more))
            return reference
        scope = TenantScope(refusal.tenant, visitor.actor, visitor.request)
        report = self._diagnoses.examined(refusal, scope) if self._diagnoses is not None else None
        context |= {"connection_id": refusal.connection_id, **refusal.context}
        with self._database.tenant(scope) as unit:
            unit[Outbox].record(_event(refusal, reference, context))
            if self._diagnoses is not None and report is not None:
                self._diagnoses.keep(unit, reference, refusal, report)
        return reference


def _event(refusal: Refusal, reference: str, context: dict[str, Any]) -> Event:
    if isinstance(refusal, SignInRefused) and refusal.signing_out:
        return Event("sign_out.refused", Resource("sign_out", reference), context=context)
    return Event("sign_in.refused", Resource("sign_in", reference), context=context)


def findings_context(refusal: Refusal) -> dict[str, Any]:
    """The failed findings of a refused reply, for the trail."""
    if not isinstance(refusal, ReplyRefused):
        return {}
    return {"findings": [finding.as_document() for finding in refusal.findings if finding.outcome == "fail"]}
