"""What a test sign-in found: the verdict of the real checks, the whole diagnosis, and who the person would be."""

from __future__ import annotations

from dataclasses import dataclass

from idbroker.federation.contract import (
    AttemptRef,
    ConnectionConfig,
    Document,
    ExternalIdentity,
    FederationProtocol,
    UnverifiedReply,
)
from idbroker.kernel.errors import Refusal
from idbroker.kernel.scope import TenantScope
from idbroker.login.evidence import refused_report, verified_report
from idbroker.login.rehearsal import Rehearsal, rehearse
from idbroker.storage.database import Database


@dataclass(frozen=True, slots=True)
class Trial:
    """``code`` is None when the person would have been signed in."""

    report: Document
    code: str | None
    identity: ExternalIdentity | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What came, and what it answers."""

    config: ConnectionConfig
    reply: UnverifiedReply
    reference: AttemptRef


def tried(database: Database, scope: TenantScope, protocol: FederationProtocol, answered: Answered) -> Trial:
    """Everything that a sign-in does, and nothing that it changes."""
    config = answered.config
    identity, refusal = _verified(protocol, answered)
    report = protocol.report(config, answered.reply, answered.reference)
    played = Rehearsal(None, None)
    if identity is not None:
        report = verified_report(report, identity)
        played = rehearse(database, scope, config, identity)
        refusal = played.refusal
    if refusal is not None:
        report = refused_report(report, refusal)
    report = {**report, "person": played.person, "comparison": played.comparison}
    return Trial(report, refusal.code if refusal is not None else None, identity)


def _verified(protocol: FederationProtocol, answered: Answered) -> tuple[ExternalIdentity | None, Refusal | None]:
    try:
        return protocol.complete(answered.config, answered.reply, answered.reference), None
    except Refusal as refusal:
        return None, refusal
