"""Keeping diagnoses: computed outside any transaction, only while there is room, sealed with the tenant's key."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from idbroker.audit.outbox import Outbox
from idbroker.federation.contract import Document
from idbroker.kernel.errors import NotFound
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.login.diagnosis_rows import Diagnoses, Diagnosis
from idbroker.login.evidence import refused_report
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit

if TYPE_CHECKING:
    from idbroker.login.steps import SignInRefused

KEPT = timedelta(days=7)
PER_ATTEMPT = 3
PER_HOUR = 100
PER_CONNECTION = 1000
"""A flood of bad answers costs its checks and no more: beyond these the trail has the failed findings, and the oldest go."""

MAX_XML = 128 * 1024
"""Characters of a message that are kept."""

log = structlog.get_logger("idbroker.diagnoses")


class DiagnosisKeeper:
    def __init__(self, database: Database, envelope: Envelope) -> None:
        self._database = database
        self._envelope = envelope

    def examined(self, refusal: SignInRefused, scope: TenantScope) -> Document | None:
        """The report of a refused answer; None where it is not worth one. Never raises: a refusal stays a refusal."""
        evidence, connection = refusal.evidence, refusal.connection_id
        if evidence is None or connection is None:
            return None
        try:
            with self._database.tenant(scope, read_only=True) as unit:
                recent = unit[Diagnoses].recent(connection, timedelta(hours=1), PER_HOUR)
            if len(recent) >= PER_HOUR or recent.count(evidence.attempt_digest) >= PER_ATTEMPT:
                return None
            return refused_report(evidence.report(), refusal.cause)
        except Exception:
            log.exception("no diagnosis", connection=connection, code=refusal.code)
            return None

    def keep(self, unit: TenantUnit, reference: str, refusal: SignInRefused, report: Document) -> None:
        """Store the report in this transaction."""
        if refusal.evidence is None or refusal.connection_id is None:
            return
        now = unit.clock.now()
        unit[Diagnoses].add(
            Diagnosis(
                tenant_id=unit.scope.tenant,
                reference=reference,
                connection_id=refusal.connection_id,
                attempt_digest=refusal.evidence.attempt_digest,
                code=refusal.code,
                at=now,
                until=now + KEPT,
                sealed=seal_report(self._envelope, unit, diagnosis_purpose(reference), report),
            )
        )
        unit[Diagnoses].trim(refusal.connection_id, PER_CONNECTION)

    def open(self, unit: TenantUnit, row: Diagnosis) -> Document:
        return open_report(self._envelope, unit, diagnosis_purpose(row.reference), row.sealed)

    def known(self, unit: TenantUnit, reference: str) -> Diagnosis:
        """Raises NotFound."""
        row = unit[Diagnoses].get(reference)
        if row is None:
            raise NotFound("diagnosis")
        return row

    def redact(self, unit: TenantUnit, reference: str) -> None:
        """Take the report away before its time. The trail keeps that there was a refusal, and why."""
        row = self.known(unit, reference)
        unit[Diagnoses].delete(row)
        context = {"connection_id": row.connection_id, "code": row.code}
        unit[Outbox].record(Event("diagnosis.redacted", Resource("sign_in", reference), context=context))


def diagnosis_purpose(reference: str) -> str:
    return f"diagnosis:{reference}"


def trial_purpose(test_id: str) -> str:
    return f"test:{test_id}"


def seal_report(envelope: Envelope, unit: TenantUnit, purpose: str, report: Document) -> bytes:
    """Compressed, then sealed for that purpose."""
    kept = {**report, "xml": str(report.get("xml") or "")[:MAX_XML]}
    return envelope.seal(unit, purpose, zlib.compress(json.dumps(kept).encode()))


def open_report(envelope: Envelope, unit: TenantUnit, purpose: str, sealed: bytes) -> Document:
    """What ``seal_report`` sealed. Raises CannotOpen."""
    opened: Document = json.loads(zlib.decompress(envelope.open(unit, purpose, sealed)))
    return opened
