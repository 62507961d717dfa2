"""The Admin API's table: every family of calls in the order in which its description shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from idbroker.admin_api.admin_roles import AdminRoleCalls
from idbroker.admin_api.admins import AdminCalls
from idbroker.admin_api.alarms import AlarmCalls
from idbroker.admin_api.alerts import AlertCalls
from idbroker.admin_api.api_keys import ApiKeyCalls
from idbroker.admin_api.app_secrets import AppSecretCalls
from idbroker.admin_api.apps import AppCalls
from idbroker.admin_api.audit_events import AuditEventCalls
from idbroker.admin_api.branding import BrandingCalls
from idbroker.admin_api.candidates import CandidateCalls
from idbroker.admin_api.cells import CellCalls
from idbroker.admin_api.concerns import ConcernCall
from idbroker.admin_api.connections import ConnectionCalls
from idbroker.admin_api.diagnoses import DiagnosisCalls
from idbroker.admin_api.directories import CheckKept, DirectoryCalls
from idbroker.admin_api.directory_tokens import DirectoryTokenCalls
from idbroker.admin_api.directory_traffic import DirectoryTrafficCalls
from idbroker.admin_api.directory_trials import DirectoryTrialCalls
from idbroker.admin_api.documentation import Documentation
from idbroker.admin_api.domains import DomainCalls
from idbroker.admin_api.erasures import ErasureCalls
from idbroker.admin_api.events import EventCalls
from idbroker.admin_api.expiring import ExpiringCall
from idbroker.admin_api.explain import ExplainCall
from idbroker.admin_api.exports import ExportCalls
from idbroker.admin_api.health import HealthCalls
from idbroker.admin_api.hrd import HrdCall
from idbroker.admin_api.hrd_explain import HrdExplainCall
from idbroker.admin_api.imports import ImportCalls
from idbroker.admin_api.log_streams import LogStreamCalls
from idbroker.admin_api.operation import Operation
from idbroker.admin_api.operators import OperatorCalls
from idbroker.admin_api.outbound_scim import OutboundScimCalls
from idbroker.admin_api.overview import OverviewCall
from idbroker.admin_api.people import PeopleCalls
from idbroker.admin_api.provenance import ProvenanceCall
from idbroker.admin_api.reservations import ReservationCalls
from idbroker.admin_api.revocations import RevocationCalls
from idbroker.admin_api.role_mappings import RoleMappingCalls
from idbroker.admin_api.sessions import SessionCalls
from idbroker.admin_api.setup_links import SetupLinkCalls
from idbroker.admin_api.sign_ins import SignInCalls
from idbroker.admin_api.signal_sources import SignalSourceCalls
from idbroker.admin_api.signal_streams import SignalStreamCalls
from idbroker.admin_api.signing_keys import SigningKeyCalls
from idbroker.admin_api.tenants import TenantCalls
from idbroker.admin_api.test_sign_ins import TestSignInCalls
from idbroker.admin_api.upkeep import UpkeepCalls
from idbroker.admin_api.usage import UsageCalls
from idbroker.admin_api.versions import conditional
from idbroker.admin_api.webhook_deliveries import WebhookDeliveryCalls
from idbroker.admin_api.webhooks import WebhookCalls
from idbroker.admins.admin_roles import AdminRoleService
from idbroker.admins.operators import OperatorService
from idbroker.admins.setup_links import SetupLinkService
from idbroker.admins.tenant_admins import TenantAdminService
from idbroker.apps.service import AppService
from idbroker.audit.notary import Notary
from idbroker.audit.trail import Trail
from idbroker.connections.candidates import CandidateService
from idbroker.connections.domains import DomainService
from idbroker.connections.refresh import Refresher
from idbroker.connections.reservations import ReservationService
from idbroker.connections.service import ConnectionService
from idbroker.directories.service import DirectoryService
from idbroker.directories.trials import TryRequest
from idbroker.erasure.people import PersonEraser
from idbroker.exports.document import Exporter
from idbroker.kernel.clock import Clock
from idbroker.keys.envelope import Envelope
from idbroker.keys.rotation import KeyRotation
from idbroker.login.diagnoses import DiagnosisKeeper
from idbroker.login.trials import Trials
from idbroker.outbound.fetcher import Sender
from idbroker.outbound_scim.service import OutboundScim
from idbroker.sessions.closing import Closing
from idbroker.sessions.service import SessionService
from idbroker.signals.sources import SignalSourceService
from idbroker.signals.streams import SignalStreamService
from idbroker.storage.database import Database
from idbroker.streams.contract import Sink
from idbroker.streams.service import StreamService
from idbroker.tenants.entitlements import Plans
from idbroker.tenants.service import TenantService
from idbroker.web.route import OpenRoute, Row
from idbroker.webhooks.service import WebhookService


@dataclass(frozen=True)
class ScimKnowledge:
    """What the administration of directories has from SCIM, which is a stranger to it."""

    check_schema: Callable[[Mapping[str, Any]], object]
    check_kept: CheckKept
    sentences: Mapping[str, str]
    envelope: Envelope
    try_request: TryRequest


class AdminApi:
    """``operations`` is the one table: rows are taken from it, and the description is made of it."""

    def __init__(
        self,
        *,
        database: Database,
        tenants: TenantService,
        domains: DomainService,
        connections: ConnectionService,
        apps: AppService,
        sessions: SessionService,
        trail: Trail,
        notary: Notary,
        clock: Clock,
        candidates: CandidateService,
        refresher: Refresher,
        trials: Trials,
        diagnoses: DiagnosisKeeper,
        directories: DirectoryService,
        events_kept: timedelta,
        rotation: KeyRotation,
        scim: ScimKnowledge,
        webhooks: WebhookService,
        envelope: Envelope,
        sender: Sender,
        outbound_scim: OutboundScim,
        streams: StreamService,
        sinks: Mapping[str, Sink],
        signal_streams: SignalStreamService,
        sources: SignalSourceService,
        find_signal_keys: Callable[[str], str],
        plans: Plans | None = None,
        eraser: PersonEraser | None = None,
        exporter: Exporter | None = None,
    ) -> None:
        closing = Closing(database, tenants, sessions)
        tenant_calls = TenantCalls(database, tenants, closing, plans or Plans())
        connection_calls = ConnectionCalls(database, connections)
        described: list[Operation] = [
            *tenant_calls.operations(),
            *CellCalls(database).operations(),
            *BrandingCalls().operations(),
            *AlarmCalls(database, closing, connections).operations(),
            *DomainCalls(database, domains).operations(),
            *connection_calls.operations(),
            *ImportCalls(database, tenant_calls, connection_calls).operations(),
            *ReservationCalls(database, ReservationService(connections)).operations(),
            *ExplainCall(database, connections).operations(),
            *TestSignInCalls(trials).operations(),
            *UpkeepCalls(database, connections, refresher).operations(),
            *CandidateCalls(database, connections, candidates).operations(),
            *DiagnosisCalls(diagnoses).operations(),
            *AppCalls(apps).operations(),
            *AppSecretCalls(apps).operations(),
            *DirectoryCalls(directories, scim.check_schema, scim.check_kept).operations(),
            *DirectoryTokenCalls(directories).operations(),
            *DirectoryTrafficCalls(scim.envelope, scim.sentences).operations(),
            *DirectoryTrialCalls(database, scim.try_request).operations(),
            *OutboundScimCalls(outbound_scim).operations(),
            *SignalStreamCalls(signal_streams, apps).operations(),
            *SignalSourceCalls(database, connections, sources, find_signal_keys).operations(),
            *PeopleCalls().operations(),
            *ProvenanceCall(database, trail).operations(),
            *(ErasureCalls(eraser).operations() if eraser is not None else ()),
            *(ExportCalls(exporter).operations() if exporter is not None else ()),
            *SessionCalls(sessions).operations(),
            *RevocationCalls().operations(),
            *RoleMappingCalls(database).operations(),
            *EventCalls(database, clock, events_kept).operations(),
            *AuditEventCalls(trail, notary).operations(),
            *SignInCalls(database, trail).operations(),
            *AlertCalls().operations(),
            *UsageCalls().operations(),
            *WebhookCalls(database, webhooks).operations(),
            *WebhookDeliveryCalls(database, webhooks, envelope, sender=sender, clock=clock, kept=events_kept).operations(),
            *LogStreamCalls(database, trail, streams, sinks, clock).operations(),
            *ApiKeyCalls(database).operations(),
            *HealthCalls(database, trail).operations(),
            *ExpiringCall(connections).operations(),
            *AdminCalls(database, TenantAdminService()).operations(),
            *AdminRoleCalls(database, AdminRoleService(plans)).operations(),
            *SetupLinkCalls(SetupLinkService()).operations(),
            *OperatorCalls(OperatorService()).operations(),
            *SigningKeyCalls(rotation).operations(),
            *OverviewCall(database).operations(),
            *ConcernCall().operations(),
            *HrdCall(database).operations(),
            *HrdExplainCall(database).operations(),
        ]
        read = [_conditional(operation) for operation in described]
        self.operations: tuple[Operation, ...] = (*read, *Documentation(read).operations())

    def rows(self) -> list[Row]:
        return [operation.row for operation in self.operations]


def _conditional(operation: Operation) -> Operation:
    """A read of JSON is answered 304 to whoever has it already."""
    row: Any = operation.row
    if row.method != "GET" or operation.answer is None or isinstance(row, OpenRoute):
        return operation
    return replace(operation, row=replace(row, handler=conditional(row.handler)))
