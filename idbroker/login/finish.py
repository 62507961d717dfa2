"""The end of a sign-in: replay claim, admission, session, events and the end of the attempt, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from idbroker.audit.outbox import Outbox
from idbroker.federation.contract import ConnectionConfig, ExternalIdentity, ReplyRefused
from idbroker.kernel.clock import Clock
from idbroker.kernel.errors import Refusal
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.scope import TenantScope
from idbroker.login.attempt import Attempt, Attempts
from idbroker.login.progress import progress_of
from idbroker.login.replay import SeenReplies
from idbroker.login.steps import Visitor
from idbroker.provisioning.admit import admit
from idbroker.sessions.model import Session
from idbroker.sessions.service import Beginning, SessionService
from idbroker.storage.cells import TenantMoving
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit

TRIES = 3
_OVER = "This sign-in was completed before. Please go back to the application and start again."
_STALE = "Your organisation's sign-in service did not ask you to sign in again, as the application requires."


class Finisher:
    def __init__(self, database: Database, sessions: SessionService, clock: Clock) -> None:
        self._database = database
        self._sessions = sessions
        self._clock = clock

    def finish(
        self,
        config: ConnectionConfig,
        attempt: Attempt,
        handle: str,
        identity: ExternalIdentity,
        visitor: Visitor,
        *,
        progress: Mapping[str, Any] | None = None,
    ) -> str:
        """Admit the person and start the session. Returns the session's cookie handle. Raises Refusal.

        ``progress``: what the trail keeps of the way here.
        """
        noted = progress_of(attempt) if progress is None else progress
        self._check_freshness(config, attempt, identity)
        for last in (False,) * (TRIES - 1) + (True,):
            try:
                return self._finish_once(config, handle, identity, visitor, noted)
            except IntegrityError:
                # Two first sign-ins at one moment may want to make the same user or group: the loser finds it next time.
                if last:
                    raise
            except TenantMoving:
                if last:
                    raise
                self._database.await_move(config.tenant)
        raise AssertionError("unreachable: the last try returns or raises")

    def _finish_once(
        self,
        config: ConnectionConfig,
        handle: str,
        identity: ExternalIdentity,
        visitor: Visitor,
        progress: Mapping[str, Any],
    ) -> str:
        with self._database.platform(visitor.actor) as unit:
            with unit.enter(TenantScope(config.tenant, visitor.actor, visitor.request)) as inside:
                session, cookie = self._admit(inside, config, identity, progress)
            if not unit[Attempts].finish(handle, config.id, session.id):
                raise Refusal("attempt_finished", _OVER, detail="another answer to the same attempt was faster")
        return cookie

    def _admit(
        self, unit: TenantUnit, config: ConnectionConfig, identity: ExternalIdentity, progress: Mapping[str, Any]
    ) -> tuple[Session, str]:
        unit[SeenReplies].claim(config.id, identity.replay_key, identity.replay_until)
        user = admit(unit, config, identity).user
        beginning = Beginning(
            user_id=user.id,
            connection_id=config.id,
            authenticated_at=identity.authenticated_at or self._clock.now(),
            amr=identity.amr,
            acr=identity.acr,
            upstream=dict(identity.upstream),
            not_after=identity.session_not_after,
        )
        session, cookie = self._sessions.start(unit, beginning)
        unit[Outbox].record(
            Event(
                "sign_in.succeeded",
                Resource("user", user.id, user.email),
                context={"connection_id": config.id, **progress, **_checks(identity)},
                auth_method=config.protocol,
                session_id=session.id,
            )
        )
        return session, cookie

    def _check_freshness(self, config: ConnectionConfig, attempt: Attempt, identity: ExternalIdentity) -> None:
        """``prompt=login`` and ``max_age`` hold whatever the IdP made of our wish (OpenID Connect Core 3.1.2.1)."""
        proven = identity.authenticated_at
        skew = timedelta(seconds=config.options.clock_skew_seconds)
        if proven is None or attempt.sent_at is None:
            return
        if attempt.force_authn and proven + skew < attempt.sent_at:
            raise ReplyRefused("not_reauthenticated", _STALE, detail=f"authenticated at {proven}, asked at {attempt.sent_at}")
        if attempt.max_age is not None and proven + timedelta(seconds=attempt.max_age) + skew < self._clock.now():
            raise ReplyRefused("authentication_too_old", _STALE, detail=f"authenticated at {proven}")


def _checks(identity: ExternalIdentity) -> dict[str, Any]:
    """An object, which the index of words passes over: the same words in every record would help nobody to find one."""
    return {"checks": {"passed": list(identity.passed)}} if identity.passed else {}
