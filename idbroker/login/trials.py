"""Test sign-ins: the real flow through a connection or a candidate, which ends at a report and changes nobody.

A link that works once starts it in whatever browser opens it; from there on it is an attempt like any other, bound to that
browser, but marked. It makes no session and no person, and only it goes through a connection in the state ``test``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from idbroker.audit.outbox import Outbox
from idbroker.connections.candidates import CandidateService
from idbroker.connections.model import Connection
from idbroker.connections.service import ConnectionService
from idbroker.federation.contract import AttemptRef, ConnectionConfig, Document, UnverifiedReply
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import Conflict, NotFound, Refusal
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.kernel.secrets import digest, matches, new_secret
from idbroker.keys.envelope import Envelope
from idbroker.login.attempt import Attempt, Attempts
from idbroker.login.diagnoses import KEPT, open_report, seal_report, trial_purpose
from idbroker.login.named import in_test
from idbroker.login.replay import SeenReplies
from idbroker.login.steps import GoOn, SendToIdp, SignInRefused, Visitor
from idbroker.login.trial_report import Answered, Trial, tried
from idbroker.login.trial_rows import TrialSignIn, TrialSignIns
from idbroker.sessions.handles import Handle, new_handle, parse_handle
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.lifecycle import check_sign_in
from idbroker.tenants.model import Tenants

LINK_LIFE = timedelta(minutes=15)
DONE = "/test-sign-in/done"
_LINK = "This link to a test sign-in was used before, or it has expired. Ask for a new one."
_OVER = "This test sign-in is over. Ask for a new link."


@dataclass(frozen=True, slots=True)
class TrialLink:
    """What the page before the test says."""

    tenant_name: str
    connection_name: str
    candidate: str | None


class Trials:
    def __init__(
        self, database: Database, connections: ConnectionService, candidates: CandidateService, envelope: Envelope
    ) -> None:
        self._database = database
        self._connections = connections
        self._candidates = candidates
        self._envelope = envelope

    def create(self, unit: TenantUnit, connection_id: str, candidate_id: str | None) -> tuple[TrialSignIn, Handle]:
        """A test and the handle of its link. Raises NotFound, or Conflict for a connection that is switched off."""
        row = self._connections.known(unit, connection_id)
        if row.status == "disabled":
            raise Conflict("connection_disabled", "The connection is switched off. Put it into the state test to try it.")
        if candidate_id is not None:
            self._candidates.known(unit, connection_id, candidate_id)
        handle, now = new_handle(unit.scope.tenant), unit.clock.now()
        trial = TrialSignIn(
            tenant_id=unit.scope.tenant,
            id=new_id("tst"),
            connection_id=connection_id,
            candidate_id=candidate_id,
            link_digest=handle.digest,
            created_at=now,
            link_expires_at=now + LINK_LIFE,
            until=now + KEPT,
        )
        unit[TrialSignIns].add(trial)
        unit[Outbox].record(_event("test_sign_in.created", trial))
        return trial, handle

    def look(self, link: str, visitor: Visitor) -> TrialLink:
        """What a link that may still be used is for. Spends nothing. Raises Refusal."""
        tenant_name, row, trial, _ = self._linked(link, visitor)
        return TrialLink(tenant_name, row.name, trial.candidate_id)

    def start(self, link: str, visitor: Visitor) -> SendToIdp:
        """Spend the link and go to the IdP. Raises Refusal; a link whose IdP cannot be reached is not spent."""
        if visitor.secret is None:
            raise ValueError("a browser without a secret cannot begin")
        _, row, trial, config = self._linked(link, visitor)
        handle, now, scope = new_secret(), self._database.clock.now(), self._scope(row.tenant_id, visitor)
        try:
            handoff = self._connections.protocol(row.type).begin(config, AttemptRef(handle, now))
        except Refusal as refusal:
            raise SignInRefused(refusal, tenant=scope.tenant, connection_id=row.id) from refusal
        attempt = Attempt(
            handle_digest=digest(handle),
            browser_digest=digest(visitor.secret),
            state="sent",
            origin={},
            resume_path=DONE,
            tenant_id=row.tenant_id,
            connection_id=row.id,
            route="test sign-in",
            created_at=now,
            sent_at=now,
            expires_at=now + LINK_LIFE,
            test_id=trial.id,
            candidate_id=trial.candidate_id,
        )
        with self._database.platform(visitor.actor) as platform:
            with platform.enter(scope) as unit:
                if not unit[TrialSignIns].start(trial.id):
                    raise _bad_link("spent at this very moment")
            platform[Attempts].add(attempt)
        return SendToIdp(handoff)

    def configured(self, unit: TenantUnit, row: Connection, attempt: Attempt | None) -> ConnectionConfig:
        """The configuration through which an answer goes. Raises Refusal: ``test`` is for tests and for the people whom its
        options name, a candidate may be gone."""
        if attempt is None or attempt.connection_id != row.id:
            return self._connections.open(unit, row)
        if attempt.test_id is None and row.status == "test":
            config = self._opened(unit, row, attempt.candidate_id)
            if not config.options.test_users:
                raise in_test("in the state test, only test sign-ins go through")
            return replace(config, only_for=config.options.test_users)
        return self._opened(unit, row, attempt.candidate_id)

    def conclude(
        self, config: ConnectionConfig, trial_id: str, reference: AttemptRef, reply: UnverifiedReply, visitor: Visitor
    ) -> GoOn:
        """The IdP has answered: whatever that is worth, it ends at the report. Raises Refusal when the test is over already."""
        # Who tries it out is nobody yet: an address that could never be erased with anybody is not kept.
        scope = TenantScope(config.tenant, Actor(type="visitor"), visitor.request)
        protocol = self._connections.protocol(config.protocol)
        trial = tried(self._database, scope, protocol, Answered(config, reply, reference))
        with self._database.platform(visitor.actor) as platform:
            with platform.enter(scope) as unit:
                self._keep(unit, config, trial_id, trial)
            if not platform[Attempts].end_test(reference.handle):
                raise Refusal("attempt_finished", _OVER, detail="another answer to the same test was faster")
        return GoOn(f"{DONE}?attempt={reference.handle}")

    def result(self, handle: str, visitor: Visitor) -> Document:
        """The report, for the browser that made the test, as long as its attempt is kept. Raises Refusal."""
        with self._database.platform(visitor.actor, read_only=True) as platform:
            attempt = platform[Attempts].get(handle)
            if attempt is None or attempt.test_id is None or attempt.state != "tested":
                raise Refusal("attempt_expired", _OVER, detail="no finished test of that name")
            if visitor.secret is None or not matches(visitor.secret, attempt.browser_digest):
                raise Refusal("browser_mismatch", _OVER, detail="the test was made in another browser", status=403)
            with platform.enter(self._scope(str(attempt.tenant_id), visitor)) as unit:
                return self.document(unit, self.known(unit, attempt.test_id))

    def known(self, unit: TenantUnit, test_id: str) -> TrialSignIn:
        """Raises NotFound."""
        row = unit[TrialSignIns].get(test_id)
        if row is None:
            raise NotFound("test sign-in")
        return row

    def document(self, unit: TenantUnit, row: TrialSignIn, *, whole: bool = True) -> Document:
        """Its state and, once it is over, the report."""
        told: Document = {
            "id": row.id,
            "connection_id": row.connection_id,
            "candidate_id": row.candidate_id,
            "state": row.state,
            "code": row.code,
            "created_at": rfc3339(row.created_at),
            "finished_at": rfc3339(row.finished_at) if row.finished_at else None,
        }
        if whole:
            sealed = row.sealed
            told["report"] = open_report(self._envelope, unit, trial_purpose(row.id), sealed) if sealed is not None else None
        return told

    def _keep(self, unit: TenantUnit, config: ConnectionConfig, trial_id: str, trial: Trial) -> None:
        if trial.identity is not None and trial.code is None:
            unit[SeenReplies].claim(config.id, trial.identity.replay_key, trial.identity.replay_until)
        sealed = seal_report(self._envelope, unit, trial_purpose(trial_id), trial.report)
        outcome = "passed" if trial.code is None else "failed"
        if not unit[TrialSignIns].finish(trial_id, outcome, trial.code, sealed):
            raise Refusal("attempt_finished", _OVER, detail="the test has its result already")
        context = {"connection_id": config.id, "outcome": outcome, "code": trial.code}
        unit[Outbox].record(Event("test_sign_in.finished", Resource("test_sign_in", trial_id), context=context))

    def _linked(self, link: str, visitor: Visitor) -> tuple[str, Connection, TrialSignIn, ConnectionConfig]:
        """(tenant's name, connection, test, configuration) of a link that may still be used. Raises Refusal."""
        handle = parse_handle(link)
        if handle is None:
            raise _bad_link("not the form of a link")
        with self._database.platform(visitor.actor, read_only=True) as platform:
            tenant = platform[Tenants].get(handle.tenant)
            if tenant is None:
                raise _bad_link("no such tenant")
            with platform.enter(self._scope(tenant.tenant_id, visitor)) as unit:
                trial = unit[TrialSignIns].linked(handle.digest)
                if trial is None:
                    raise _bad_link("unknown, spent or expired")
                check_sign_in(tenant.status)
                row = self._connections.known(unit, trial.connection_id)
                return tenant.name, row, trial, self._opened(unit, row, trial.candidate_id)

    def _opened(self, unit: TenantUnit, row: Connection, candidate_id: str | None) -> ConnectionConfig:
        if candidate_id is None:
            return self._connections.open(unit, row)
        try:
            return self._candidates.open(unit, row, self._candidates.known(unit, row.id, candidate_id))
        except NotFound as error:
            raise Refusal("candidate_gone", _OVER, detail=f"{candidate_id} was promoted or removed", status=403) from error

    def _scope(self, tenant: str, visitor: Visitor) -> TenantScope:
        return TenantScope(TenantId(tenant), visitor.actor, visitor.request)


def _bad_link(detail: str) -> Refusal:
    return Refusal("test_link_spent", _LINK, detail=detail, status=403)


def _event(action: str, row: TrialSignIn) -> Event:
    context = {"connection_id": row.connection_id, "candidate_id": row.candidate_id}
    return Event(action, Resource("test_sign_in", row.id), context=context)
