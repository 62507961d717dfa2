"""Single logout: the browser's trip to the IdPs of sessions that have just ended, and the IdP's own wish that sessions end.

sign out here   the sessions end first, at once; then each IdP that offers it is visited, one after the other, and the
                person ends where he was to end. What an IdP could not do is told, never hidden, never undone.
the IdP asks    its verified request ends the sessions that it names, in one transaction, whatever browser brings it
                (it may be a frame of the IdP's page, without any cookie of ours), and is answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from idbroker.audit.outbox import Outbox
from idbroker.connections.model import Connections
from idbroker.connections.service import ConnectionService
from idbroker.federation.contract import ConnectionConfig, Handoff, ReplyRefused, UnverifiedReply
from idbroker.federation.logout import LogoutAnswered, LogoutAsked
from idbroker.kernel.errors import Refusal
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.kernel.secrets import digest, new_secret
from idbroker.login.flow import LoginFlow
from idbroker.login.logout_address import LogoutAddresses
from idbroker.login.logout_attempt import LogoutAttempt, LogoutAttempts
from idbroker.login.refusals import findings_context
from idbroker.login.replay import SeenReplies
from idbroker.login.steps import (
    AnswerIdp,
    Destination,
    LogoutStep,
    SignedOut,
    SignInRefused,
    SignOutAtIdp,
    Visitor,
    post_again,
)
from idbroker.sessions.model import Sessions
from idbroker.sessions.service import SessionService
from idbroker.storage.database import Database

REASON = "idp_logout"
LIFETIME = timedelta(minutes=15)

_NOT_SIGNED_OUT = "Your organisation's sign-in service could not be signed out: "
NO_ADDRESS = f"{_NOT_SIGNED_OUT}its sign-out page does not exist."
REPORTED = f"{_NOT_SIGNED_OUT}it reported an error."
UNREADABLE = f"{_NOT_SIGNED_OUT}its answer could not be accepted."
PARTIAL = "Your organisation's sign-in service could not sign you out of every application that you opened through it."
_REFUSED = "A sign-out message in the name of your organisation's sign-in service could not be accepted. It changed nothing."
_OVER = "This sign-out is over already, or was begun in another browser."


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that has ended here."""

    tenant: TenantId
    session: str


@dataclass(frozen=True, slots=True)
class _Rest:
    """What comes after the IdP that is asked now."""

    waiting: tuple[Ended, ...]
    troubles: tuple[str, ...]
    destination: Destination


class LogoutFlow:
    def __init__(
        self,
        database: Database,
        connections: ConnectionService,
        sessions: SessionService,
        flow: LoginFlow,
        addresses: LogoutAddresses,
    ) -> None:
        self._database = database
        self._connections = connections
        self._sessions = sessions
        self._flow = flow
        self._addresses = addresses

    def leave(self, ended: Sequence[Ended], destination: Destination, visitor: Visitor) -> LogoutStep:
        """On from sessions that have ended here: to their IdPs, then to the destination. Needs a browser with a secret."""
        return self._on(_Rest(tuple(ended), (), destination), visitor)

    def message(self, protocol: str, connection_id: str, message: UnverifiedReply, visitor: Visitor) -> LogoutStep:
        """What a browser brought to a connection's logout address. Raises NotFound or SignInRefused."""
        config = self._flow.config(protocol, connection_id, visitor)
        try:
            found = self._connections.protocol(protocol).read_logout(config, message)
        except Refusal as refusal:
            raise self._refused(config, message, visitor, refusal) from refusal
        if isinstance(found, LogoutAsked):
            return self._ended_by_idp(config, found, visitor)
        return post_again(message, visitor) or self._answered(config, found, visitor)

    def backchannel(self, protocol: str, connection_id: str, message: UnverifiedReply, visitor: Visitor) -> int:
        """An IdP's logout message without a browser: ends at once what it names. Answers how many sessions that were.

        Raises NotFound or SignInRefused; a message that was acted on before is refused (OIDC Back-Channel Logout 2.6).
        """
        config = self._flow.config(protocol, connection_id, visitor)
        try:
            found = self._connections.protocol(protocol).read_logout(config, message)
            if not isinstance(found, LogoutAsked):
                raise Refusal("logout_message_unknown", _REFUSED, detail="this is no logout request")
            with self._database.tenant(_scope(config.tenant, visitor)) as unit:
                unit[SeenReplies].claim(config.id, f"logout:{found.replay_key}", found.replay_until)
                return self._sessions.end_upstream(unit, config.id, found.person, found.sessions, REASON)
        except Refusal as cause:
            told = ReplyRefused(cause.code, _REFUSED, detail=cause.detail, status=502 if cause.status == 502 else 400)
            raise SignInRefused(
                told, tenant=config.tenant, connection_id=config.id, signing_out=True, context=findings_context(cause)
            ) from cause

    def _on(self, rest: _Rest, visitor: Visitor) -> LogoutStep:
        """To the next IdP that can be asked; to the end when there is none."""
        while rest.waiting:
            session, rest = rest.waiting[0], replace(rest, waiting=rest.waiting[1:])
            with self._telling(session, visitor) as told:
                handoff = self._asked(session, rest, visitor)
                if handoff is not None:
                    return SignOutAtIdp(handoff)
            rest = replace(rest, troubles=(*rest.troubles, *told))
        return SignedOut(rest.destination, rest.troubles)

    def _asked(self, session: Ended, rest: _Rest, visitor: Visitor) -> Handoff | None:
        """How the browser gets to that session's IdP; None when that offers no logout. Raises Refusal when it cannot work."""
        config, upstream = self._opened(session, visitor)
        if config is None or visitor.secret is None:
            return None
        handle = new_secret()
        handoff = self._connections.protocol(config.protocol).begin_logout(config, upstream, handle)
        if handoff is None:
            return None
        status = self._addresses.missing(handoff.url)
        if status is not None:
            raise Refusal("idp_logout_address", NO_ADDRESS, detail=f"{handoff.url.partition('?')[0]} answers {status}")
        row = LogoutAttempt(
            handle_digest=digest(handle),
            browser_digest=digest(visitor.secret),
            tenant_id=session.tenant,
            connection_id=config.id,
            session_id=session.session,
            waiting=[[one.tenant, one.session] for one in rest.waiting],
            troubles=list(rest.troubles),
            location=rest.destination.location,
            app_name=rest.destination.app_name,
            expires_at=self._database.clock.now() + LIFETIME,
        )
        with self._database.platform(visitor.actor) as unit:
            unit[LogoutAttempts].add(row)
        return handoff

    def _opened(self, session: Ended, visitor: Visitor) -> tuple[ConnectionConfig | None, dict[str, str]]:
        with self._database.tenant(_scope(session.tenant, visitor), read_only=True) as unit:
            row = unit[Sessions].get(session.session)
            connection = unit[Connections].get(row.connection_id) if row is not None else None
            if row is None or connection is None or connection.status == "disabled":
                return None, {}
            return self._connections.open(unit, connection), self._sessions.upstream(unit, row)

    def _ended_by_idp(self, config: ConnectionConfig, asked: LogoutAsked, visitor: Visitor) -> LogoutStep:
        with suppress(ReplyRefused), self._database.tenant(_scope(config.tenant, visitor)) as unit:
            # A request that was acted on before ends nothing again, and is answered again: browsers reload.
            unit[SeenReplies].claim(config.id, f"logout:{asked.replay_key}", asked.replay_until)
            self._sessions.end_upstream(unit, config.id, asked.person, asked.sessions, REASON)
        handoff = self._connections.protocol(config.protocol).answer_logout(config, asked, "success")
        return AnswerIdp(handoff) if handoff is not None else SignedOut()

    def _answered(self, config: ConnectionConfig, answer: LogoutAnswered, visitor: Visitor) -> LogoutStep:
        row = self._pending(config, answer.handle, visitor)
        if row is None or not self._taken(row, visitor):
            over = Refusal("logout_not_pending", _OVER, detail="the answer names no pending sign-out of this browser")
            raise SignInRefused(over, tenant=config.tenant, connection_id=config.id, signing_out=True)
        rest = _rest(row)
        if answer.outcome != "success":
            with self._telling(Ended(TenantId(row.tenant_id), row.session_id), visitor) as told:
                raise _not_all(answer)
            rest = replace(rest, troubles=(*rest.troubles, *told))
        return self._on(rest, visitor)

    def _pending(self, config: ConnectionConfig, handle: str | None, visitor: Visitor) -> LogoutAttempt | None:
        if handle is None or visitor.secret is None:
            return None
        with self._database.platform(visitor.actor, read_only=True) as unit:
            return unit[LogoutAttempts].pending(handle, visitor.secret, config.id)

    def _taken(self, row: LogoutAttempt, visitor: Visitor) -> bool:
        with self._database.platform(visitor.actor) as unit:
            return unit[LogoutAttempts].take(row)

    def _refused(self, config: ConnectionConfig, message: UnverifiedReply, visitor: Visitor, cause: Refusal) -> SignInRefused:
        """In words that are true: an answer that cannot be accepted leaves the person signed out here, and a way to go on.

        The pending trip is not used up: a forgery must not cost the genuine answer.
        """
        row = self._pending(config, self._connections.protocol(config.protocol).correlate(message), visitor)
        public = _REFUSED if row is None else f"You are signed out here. {UNREADABLE}"
        told = ReplyRefused(cause.code, public, detail=cause.detail, status=cause.status)
        return SignInRefused(
            told,
            tenant=config.tenant,
            connection_id=config.id,
            back=row.location if row is not None else None,
            signing_out=True,
            context=findings_context(cause),
        )

    @contextmanager
    def _telling(self, session: Ended, visitor: Visitor) -> Iterator[list[str]]:
        """A refusal inside becomes a sentence for the person and an event for his admins; the sign-out goes on."""
        told: list[str] = []
        try:
            yield told
        except Refusal as refusal:
            told.append(refusal.public)
            with self._database.tenant(_scope(session.tenant, visitor)) as unit:
                context = {"code": refusal.code, "detail": refusal.detail}
                resource = Resource("session", session.session)
                unit[Outbox].record(Event("sign_out.failed", resource, context=context, session_id=session.session))


def _not_all(answer: LogoutAnswered) -> Refusal:
    if answer.outcome == "partial":
        return Refusal("idp_logout_partial", PARTIAL, detail=answer.detail)
    return Refusal("idp_logout_failed", REPORTED, detail=answer.detail)


def _scope(tenant: TenantId, visitor: Visitor) -> TenantScope:
    return TenantScope(tenant, visitor.actor, visitor.request)


def _rest(row: LogoutAttempt) -> _Rest:
    waiting = tuple(Ended(TenantId(tenant), session) for tenant, session in row.waiting)
    return _Rest(waiting, tuple(row.troubles), Destination(row.location, row.app_name))
