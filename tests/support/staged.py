"""The broker with everything that stands around a connection: diagnoses, tests, candidates, refresh, notices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from idbroker.connections.candidate_rows import Candidates
from idbroker.connections.candidates import CandidateForm, CandidateService
from idbroker.connections.certificate_watch import CertificateWatch
from idbroker.connections.refresh import Refresher
from idbroker.connections.service import ConnectionForm, ConnectionService, new_connection_id
from idbroker.federation.contract import (
    AttemptRef,
    ConnectionConfig,
    ConnectionDraft,
    ConnectionUpload,
    Document,
    RedirectTo,
    UnverifiedReply,
    Warn,
)
from idbroker.kernel.scope import TenantScope
from idbroker.login.diagnoses import DiagnosisKeeper
from idbroker.login.flow import LoginFlow
from idbroker.login.refusals import RefusalRecorder
from idbroker.login.steps import GoOn, SendToIdp, Visitor
from idbroker.login.trials import Trials
from tests.support.broker import LIFETIME, Broker
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.scripted_idp import ScriptedIdp, answer
from tests.support.upkeep import ScriptedUpkeep

BROWSER, OTHER = Visitor("b" * 43, "192.0.2.1", "Firefox"), Visitor("o" * 43)
PLANTED = "planted-attribute-value"
URL = "https://idp.example.com/metadata"
SETTINGS: dict[str, Any] = {"idp": "one", "certificates": ["aa"]}


@dataclass
class StagedIdp(ScriptedIdp):
    """Takes settings as they are given, and its reports hold what nobody else should read."""

    reported: list[ConnectionConfig] = field(default_factory=list)
    broken: bool = False

    def draft(self, upload: ConnectionUpload, current: ConnectionConfig | None) -> ConnectionDraft:
        given = dict(upload.fields)
        secrets = {**(current.secrets if current else {}), **{n: given.pop(n) for n in ("client_secret",) if n in given}}
        settings = {**(current.settings if current else {"ours": "our key", **SETTINGS}), **given}
        return ConnectionDraft(settings, secrets, "okta", (Warn("noticed", "Something to know."),))

    def describe(self, connection: ConnectionConfig) -> Document:
        return {"idp": dict(connection.settings)}

    def report(self, connection: ConnectionConfig, reply: UnverifiedReply, attempt: AttemptRef | None) -> Document:
        self.reported.append(connection)
        if self.broken:
            raise RuntimeError("a bug")
        refused = "forged" in reply.params
        findings = [
            {"check": "form", "stage": "preflight", "outcome": "pass"},
            {"check": "signature", "stage": "crypto", "outcome": "fail" if refused else "pass"},
            {"check": "audience", "stage": "profile", "outcome": "pass"},
        ]
        blank = {"spec": "spec", "expected": "", "received": "", "advice": ""}
        return {
            "verdict": "refuse" if refused else "accept",
            "code": "signature_bad" if refused else None,
            "findings": [{**finding, **blank} for finding in findings],
            "attributes": {"mail": [PLANTED]},
            "mapped": {"email": PLANTED},
            "xml": f"<message>{PLANTED}</message>",
        }


class StagedBroker(Broker):
    def __init__(self, stores: Stores, clock: TestClock) -> None:
        super().__init__(stores, clock)
        self.idp: StagedIdp = StagedIdp()
        self.upkeep = ScriptedUpkeep()
        self.connections = ConnectionService({"scripted": self.idp}, self.envelope, {"scripted": self.upkeep})
        self.candidates = CandidateService(self.connections)
        self.trials = Trials(self.database, self.connections, self.candidates, self.envelope)
        self.flow = LoginFlow(self.database, self.connections, self.finisher, clock, lifetime=LIFETIME, trials=self.trials)
        self.keeper = DiagnosisKeeper(self.database, self.envelope)
        self.recorder = RefusalRecorder(self.database, self.keeper)
        self.refresher = Refresher(self.database, self.connections, self.candidates)
        self.watch = CertificateWatch(self.database, self.connections)
        self.idp.person("alice")

    def connection(self, scope: TenantScope, **fields: Any) -> str:
        form = ConnectionForm(**{"type": "scripted", "name": "IdP", **SETTINGS, **fields})
        made = new_connection_id()
        draft = self.connections.draft(form, made)
        with self.database.tenant(scope) as unit:
            self.connections.create(unit, form, made, draft)
        return made

    def candidate(self, scope: TenantScope, connection: str, **fields: Any) -> str:
        wanted = self.candidates.draft(CandidateForm(**fields), self.config(scope, connection))
        with self.database.tenant(scope) as unit:
            return self.candidates.add(unit, self.connections.known(unit, connection), wanted).id

    def promote(self, scope: TenantScope, connection: str, candidate: str, seen: int | None = None) -> None:
        with self.database.tenant(scope) as unit:
            self.candidates.promote(unit, self.connections.known(unit, connection), candidate, seen)

    def roll_back(self, scope: TenantScope, connection: str) -> None:
        with self.database.tenant(scope) as unit:
            self.candidates.roll_back(unit, self.connections.known(unit, connection))

    def held(self, scope: TenantScope, connection: str) -> list[Document]:
        """The candidates as the Admin API shows them."""
        with self.database.tenant(scope, read_only=True) as unit:
            row = self.connections.known(unit, connection)
            return [self.candidates.document(unit, row, one) for one in unit[Candidates].page(connection)]

    def test_link(self, scope: TenantScope, connection: str, candidate: str | None = None) -> tuple[str, str]:
        """(test id, the secret part of its link)."""
        with self.database.tenant(scope) as unit:
            trial, handle = self.trials.create(unit, connection, candidate)
            return trial.id, str(handle)

    def start(self, link: str, visitor: Visitor = BROWSER) -> str:
        """The handle with which the browser is at the IdP."""
        step = self.trials.start(link, visitor)
        assert isinstance(step, SendToIdp)
        assert isinstance(step.handoff, RedirectTo)
        return urlsplit(step.handoff.url).query.partition("state=")[2]

    def tried(self, scope: TenantScope, connection: str, candidate: str | None = None, **reply: str) -> Document:
        """A test sign-in from its link to its report."""
        _, link = self.test_link(scope, connection, candidate)
        handle = self.start(link)
        step = self.flow.reply("scripted", connection, answer(handle, connection=connection, **reply), BROWSER)
        assert isinstance(step, GoOn), step
        return self.trials.result(handle, BROWSER)
