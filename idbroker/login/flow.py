"""The sign-in state machine: begin → (ask) → hand off → reply → done. Protocols and apps are strangers to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from idbroker.connections.discovery import Route
from idbroker.connections.model import Connections, Whereabouts
from idbroker.connections.reservations import Reservations, ReservationService
from idbroker.connections.service import ConnectionService
from idbroker.federation.contract import AttemptRef, ConnectionConfig, UnverifiedReply
from idbroker.kernel.addresses import BadAddress, email_domain, normal_email
from idbroker.kernel.clock import Clock
from idbroker.kernel.errors import NotFound, Refusal
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.kernel.secrets import digest, new_secret
from idbroker.login.attempt import PENDING, Attempt, Attempts
from idbroker.login.attempt_checks import START_AGAIN, check_browser, check_tenant
from idbroker.login.evidence import Evidence, verified_report
from idbroker.login.finish import Finisher
from idbroker.login.named import check_named
from idbroker.login.progress import progress_of
from idbroker.login.refusals import findings_context
from idbroker.login.route import Hints, find_tenant, route_within
from idbroker.login.steps import (
    AskChoice,
    AskEmail,
    LoginRequest,
    SendToIdp,
    SignedIn,
    SignInRefused,
    Step,
    Visitor,
    post_again,
)
from idbroker.login.trials import Trials
from idbroker.login.unsolicited import begun_at_idp, begun_elsewhere
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.model import Tenant, Tenants

NOTHING_YET: Mapping[str, Any] = {}
NO_SUCH_DOMAIN = "No organisation signs in here with this address. Check the spelling, or ask your administrator."


class LoginFlow:
    def __init__(
        self,
        database: Database,
        connections: ConnectionService,
        finisher: Finisher,
        clock: Clock,
        *,
        lifetime: timedelta,
        trials: Trials | None = None,
    ) -> None:
        self._database = database
        self._connections = connections
        self._finisher = finisher
        self._clock = clock
        self._lifetime = lifetime
        self._trials = trials

    @property
    def database(self) -> Database:
        return self._database

    def begin(self, request: LoginRequest, visitor: Visitor) -> Step:
        """A new attempt, bound to the browser, and its first step. Raises SignInRefused."""
        if visitor.secret is None:
            raise ValueError("a browser without a secret cannot begin")
        handle, now = new_secret(), self._clock.now()
        email, problem = _understood(request.email)
        attempt = Attempt(
            handle_digest=digest(handle),
            browser_digest=digest(visitor.secret),
            origin=dict(request.origin),
            resume_path=request.resume_path,
            app_id=request.app_id,
            app_name=request.app_name,
            app_tenants=None if request.app_tenants is None else list(request.app_tenants),
            pinned_tenant=request.pinned_tenant,
            login_hint=email or request.login_hint,
            force_authn=request.force_authn,
            max_age=request.max_age,
            acr_values=" ".join(request.acr_values) or None,
            prompt="select_account" if request.select_account else None,
            created_at=now,
            expires_at=now + self._lifetime,
        )
        hints = Hints(request.connection, request.pinned_tenant or request.tenant, email_domain(email) if email else None)
        try:
            if problem:
                return AskEmail(handle, request.app_name, request.email or "", problem, _pinned(attempt))
            return self._advance(handle, attempt, hints, visitor)
        finally:  # also when it was refused: the way back to the app leads through the attempt
            self._keep(attempt, visitor)

    def answer(self, handle: str, visitor: Visitor, *, email: str | None = None, connection: str | None = None) -> Step:
        """The person typed an e-mail, or picked a connection. Raises SignInRefused."""
        attempt = self._pending(handle, visitor, PENDING)
        hints = Hints(connection, attempt.pinned_tenant)
        if connection is None:
            address, problem = _understood(email or "")
            if problem or address is None:
                wanted = problem or "Please type your work e-mail address."
                return AskEmail(handle, attempt.app_name, email or "", wanted, _pinned(attempt))
            attempt.login_hint = address
            hints = Hints(None, attempt.pinned_tenant, email_domain(address))
        step = self._advance(handle, attempt, hints, visitor)
        if not self._keep(attempt, visitor):
            raise SignInRefused(Refusal("attempt_gone", START_AGAIN, detail="it ended while the person answered"))
        return step

    def reply(self, protocol: str, connection_id: str, reply: UnverifiedReply, visitor: Visitor) -> Step:
        """The IdP's answer, brought by a browser. Raises SignInRefused."""
        handle, unreadable = self._correlated(protocol, reply)
        config, tenant, attempt = self._replied(protocol, connection_id, handle, visitor)
        if unreadable is None and handle is None and self._connections.protocol(protocol).unsolicited(reply):
            return begun_at_idp(self._database, config, tenant, reply, visitor)
        with self._refusing(config.tenant, config.id):
            if unreadable is not None:
                raise unreadable
            if handle is None or attempt is None:
                raise Refusal("reply_without_attempt", START_AGAIN, detail="the reply names no pending sign-in of this service")
            if attempt.state != "sent" or attempt.connection_id != config.id:
                raise Refusal("reply_elsewhere", START_AGAIN, detail=f"attempt is {attempt.state} at {attempt.connection_id}")
        again = post_again(reply, visitor)
        if again is not None:
            return again
        progress = progress_of(attempt, self._clock.now())
        with self._refusing(config.tenant, config.id, _back(attempt, handle), progress=progress):
            check_browser(attempt, visitor)
            check_tenant(attempt, tenant)
            reference = _reference(attempt, handle)
            if attempt.test_id is not None and self._trials is not None:
                return self._trials.conclude(config, attempt.test_id, reference, reply, visitor)
        upstream = self._connections.protocol(protocol)
        report = partial(upstream.report, config, reply, reference)
        evidence = Evidence(attempt.handle_digest, report)
        with self._refusing(config.tenant, config.id, _back(attempt, handle), evidence, progress):
            identity = upstream.complete(config, reply, reference)
            visitor.count(config.tenant)
            check_named(config, identity)
        progress["email"] = identity.profile.email
        evidence = Evidence(attempt.handle_digest, lambda: verified_report(report(), identity))
        with self._refusing(config.tenant, config.id, _back(attempt, handle), evidence, progress):
            cookie = self._finisher.finish(config, attempt, handle, identity, visitor, progress=progress)
        return SignedIn(cookie, _resume(attempt, handle))

    def begin_elsewhere(self, protocol: str, connection_id: str, message: UnverifiedReply, visitor: Visitor, done: str) -> Step:
        """A third party wishes that somebody signs in through that connection: a sign-in of ours begins, at the app that the
        connection names or here, where it resumes at ``done``. Raises NotFound or SignInRefused."""
        config, tenant, _ = self._replied(protocol, connection_id, None, visitor)
        with self._refusing(config.tenant, config.id):
            wish = self._connections.protocol(protocol).read_beginning(config, message)
        at_app = begun_elsewhere(self._database, config, tenant, wish, visitor)
        if at_app.app_address is not None:
            return at_app
        return self.begin(LoginRequest(resume_path=done, connection=config.id, login_hint=wish.login_hint), visitor)

    def resume(self, handle: str, visitor: Visitor) -> Attempt:
        """The attempt, for the one who began it: ``done`` only once (then it is spent), else as it stands."""
        attempt = self._pending(handle, visitor, ("open", "sent", "done"))
        if attempt.state == "done":
            with self._database.platform(visitor.actor) as unit:
                if not unit[Attempts].spend(handle):
                    spent = Refusal("attempt_spent", START_AGAIN, detail="resumed twice")
                    raise SignInRefused(spent, tenant=_owner(attempt), connection_id=attempt.connection_id)
        return attempt

    def config(self, protocol: str, connection_id: str, visitor: Visitor) -> ConnectionConfig:
        """The connection at one of its public addresses, or one that is reserved, to publish its side. Raises NotFound."""
        try:
            return self._replied(protocol, connection_id, None, visitor)[0]
        except NotFound:
            reserved = self._reserved(protocol, connection_id, visitor)
            if reserved is None:
                raise
            return reserved

    def _reserved(self, protocol: str, connection_id: str, visitor: Visitor) -> ConnectionConfig | None:
        with self._database.platform(visitor.actor, read_only=True) as unit:
            owner = unit[Whereabouts].connection(connection_id)
            if owner is None:
                return None
            with unit.enter(self._scope(owner, visitor)) as inside:
                row = inside[Reservations].get(connection_id)
                if row is None or row.type != protocol:
                    return None
                return ReservationService(self._connections).config(inside, row)

    def _advance(self, handle: str, attempt: Attempt, hints: Hints, visitor: Visitor) -> Step:
        tenant, route, config = self._route(attempt, handle, hints, visitor)
        if tenant is None:
            return self._nobody(handle, attempt, hints)
        if route.outcome == "choose":
            return AskChoice(handle, attempt.app_name, tenant.name, route.connections, tenant.tenant_id)
        connection, progress = config.id if config else hints.connection, progress_of(attempt)
        with self._refusing(tenant.tenant_id, connection, _back(attempt, handle), progress=progress):
            if config is None:
                public = "Sign-in is not set up for your organisation yet."
                raise Refusal("no_connection", public, detail=route.rule, status=403)
            attempt.sent_at = self._clock.now()
            handoff = self._connections.protocol(config.protocol).begin(config, _reference(attempt, handle))
        attempt.state, attempt.tenant_id, attempt.connection_id, attempt.route = "sent", tenant.id, config.id, route.rule
        return SendToIdp(handoff)

    def _route(
        self, attempt: Attempt, handle: str, hints: Hints, visitor: Visitor
    ) -> tuple[Tenant | None, Route, ConnectionConfig | None]:
        with self._database.platform(visitor.actor, read_only=True) as unit:
            tenant = find_tenant(unit, hints)
            if tenant is None:
                return None, Route("none"), None
            with self._refusing(tenant.tenant_id, hints.connection, _back(attempt, handle), progress=progress_of(attempt)):
                check_tenant(attempt, tenant)
            with unit.enter(self._scope(tenant.tenant_id, visitor)) as inside:
                route = route_within(inside, hints)
                return tenant, route, self._open(inside, route)

    def _keep(self, attempt: Attempt, visitor: Visitor) -> bool:
        with self._database.platform(visitor.actor) as unit:
            return unit[Attempts].keep(attempt)

    def _nobody(self, handle: str, attempt: Attempt, hints: Hints) -> Step:
        if hints.connection is not None or hints.tenant is not None:
            public = "The organisation or sign-in method that the application asked for does not exist."
            unknown = hints.connection or hints.tenant
            raise SignInRefused(
                Refusal("unknown_tenant_or_connection", public, detail=f"asked for {unknown}"), back=_back(attempt, handle)
            )
        problem = NO_SUCH_DOMAIN if hints.domain is not None else ""
        return AskEmail(handle, attempt.app_name, attempt.login_hint or "", problem, _pinned(attempt))

    def _open(self, unit: TenantUnit, route: Route) -> ConnectionConfig | None:
        row = unit[Connections].get(route.connections[0].id) if route.outcome == "connection" else None
        return self._connections.open(unit, row) if row else None

    def _correlated(self, protocol: str, reply: UnverifiedReply) -> tuple[str | None, Refusal | None]:
        """(the handle that the reply names, why it cannot even be read): refused only once it is known whose reply it is."""
        try:
            return self._connections.protocol(protocol).correlate(reply), None
        except Refusal as refusal:
            return None, refusal

    def _replied(
        self, protocol: str, connection_id: str, handle: str | None, visitor: Visitor
    ) -> tuple[ConnectionConfig, Tenant, Attempt | None]:
        """The connection at one of its public addresses, its owner, and the attempt that a reply names. Raises NotFound."""
        with self._database.platform(visitor.actor, read_only=True) as unit:
            owner = unit[Whereabouts].connection(connection_id)
            attempt = unit[Attempts].get(handle) if handle else None
            tenant = unit[Tenants].get(owner) if owner else None
            if tenant is None:
                raise NotFound("connection")
            with unit.enter(self._scope(tenant.tenant_id, visitor)) as inside:
                row = inside[Connections].get(connection_id)
                if row is None or row.type != protocol or row.status == "disabled":
                    raise NotFound("connection")
                if self._trials is None:
                    return self._connections.open(inside, row), tenant, attempt
                with self._refusing(tenant.tenant_id, row.id):
                    return self._trials.configured(inside, row, attempt), tenant, attempt

    def _attempt(self, handle: str, visitor: Visitor) -> Attempt | None:
        with self._database.platform(visitor.actor, read_only=True) as unit:
            return unit[Attempts].get(handle)

    def _pending(self, handle: str, visitor: Visitor, states: tuple[str, ...]) -> Attempt:
        attempt = self._attempt(handle, visitor)
        if attempt is None or attempt.state not in states:
            raise SignInRefused(Refusal("attempt_expired", START_AGAIN, detail="no such attempt, or expired, or over"))
        with self._refusing(_owner(attempt), attempt.connection_id, progress=progress_of(attempt)):
            check_browser(attempt, visitor)
        return attempt

    def _scope(self, tenant: TenantId, visitor: Visitor) -> TenantScope:
        return TenantScope(tenant, visitor.actor, visitor.request)

    @contextmanager
    def _refusing(
        self,
        tenant: TenantId | None,
        connection: str | None,
        back: str | None = None,
        evidence: Evidence | None = None,
        progress: Mapping[str, Any] = NOTHING_YET,
    ) -> Iterator[None]:
        """Give a refusal what is known of the sign-in; ``progress`` of an attempt that is known to belong to the tenant."""
        try:
            yield
        except SignInRefused:
            raise
        except Refusal as refusal:
            context = {**progress, **findings_context(refusal)}
            raise SignInRefused(
                refusal, tenant=tenant, connection_id=connection, back=back, context=context, evidence=evidence
            ) from refusal


def _owner(attempt: Attempt) -> TenantId | None:
    """Whose trail a refusal belongs into; None as long as the attempt has gone nowhere."""
    return TenantId(attempt.tenant_id) if attempt.tenant_id else None


def _pinned(attempt: Attempt) -> TenantId | None:
    return TenantId(attempt.pinned_tenant) if attempt.pinned_tenant else None


def _understood(email: str | None) -> tuple[str | None, str]:
    """(address in normal form, problem for its author). Nothing given is no problem."""
    if not email or not email.strip():
        return None, ""
    try:
        return normal_email(email), ""
    except BadAddress:
        return None, "This is not a complete e-mail address."


def _reference(attempt: Attempt, handle: str) -> AttemptRef:
    return AttemptRef(
        handle=handle,
        begun_at=attempt.sent_at or attempt.created_at,
        login_hint=attempt.login_hint,
        force_authn=attempt.force_authn,
        max_age=attempt.max_age,
        acr_values=tuple((attempt.acr_values or "").split()),
        select_account=attempt.prompt == "select_account",
    )


def _resume(attempt: Attempt, handle: str) -> str:
    return f"{attempt.resume_path}?attempt={handle}"


def _back(attempt: Attempt, handle: str) -> str | None:
    """The way back to the app with ``access_denied``; the front door has none."""
    return _resume(attempt, handle) if attempt.app_id else None
