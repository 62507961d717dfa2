"""Who knocks, and what stands open to him: from a bearer token to a unit of the one tenant that it names.

The tenant comes from the token alone. A token is proven in a transaction that only reads before one that writes is begun, so
that a flood of wrong ones never takes the writers' turn; what was good when it was last seen is proven in the writing one only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sqlalchemy.exc import OperationalError

from idbroker.audit.outbox import Outbox
from idbroker.directories.access import Access, DirectoryAccess
from idbroker.directories.tokens import DirectoryHandle, parse_token
from idbroker.kernel.clock import Clock
from idbroker.kernel.errors import Forbidden, Refusal
from idbroker.kernel.event import Event
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.kernel.secrets import digest, matches
from idbroker.provisioning.brake import Brake, BrakeHeld, hold
from idbroker.provisioning.people import Source
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED
from idbroker.web.call import Call
from scim.access_tokens import AccessTokens
from scim.dialects.observation import Observation
from scim.schemas.extension import read_extension
from scim.schemas.schema_set import STANDARD, SchemaSet

T = TypeVar("T")
TRIES = 5
REMEMBERED = 4096
_RETRIED = ("40001", "40P01", "55P03")
"""PostgreSQL: serialization failure, deadlock, lock not available. Whoever meets one comes again."""


class Unproven(Refusal):
    """401, whatever was wrong: a prober learns nothing."""

    status = 401

    def __init__(self) -> None:
        super().__init__("scim_unauthenticated", "A live token of a directory is needed: Authorization: Bearer <token>.")


class Frozen(Refusal):
    """503, which every client of SCIM tries again: what it wants to change is not lost, as it would be with 403."""

    status = 503
    retry_after = 300

    def __init__(self) -> None:
        super().__init__(
            "scim_tenant_frozen", "The organisation is frozen by its operator: nothing is changed for now. Try again."
        )


class DryRun(Exception):  # it ends a transaction, it is no error
    """Carries an answer past the roll-back of all that it would have done."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Caller:
    """A proven client: its directory, what its token may do, and the schemas that the directory knows."""

    token_id: str
    scopes: frozenset[str]
    schemas: SchemaSet
    source: Source
    scope: TenantScope
    dry_run: bool
    frozen: bool

    @property
    def directory_id(self) -> str:
        return self.source.directory_id

    def check(self, wanted: str) -> None:
        """Raises Forbidden for what the token may not do."""
        if wanted not in self.scopes:
            raise Forbidden("scim_scope", f"This token does not have the scope {wanted}.")


@dataclass(frozen=True, slots=True)
class Proven:
    """Whose token was good, whether or not he was let in."""

    scope: TenantScope
    directory_id: str
    token_id: str


class Visit(Protocol):
    """A request at the door. It is told here whose it is: what is refused to somebody known stands in his log."""

    call: Call
    base: str
    proven: Proven | None
    caller: Caller | None
    """Set when he was let in."""


@dataclass
class Desk:
    """One transaction of one caller."""

    unit: TenantUnit
    caller: Caller
    base: str
    observed: set[Observation] = field(default_factory=set)

    @property
    def directory_id(self) -> str:
        return self.caller.directory_id

    @property
    def effects(self) -> list[Event]:
        """What has happened in it so far."""
        return list(self.unit[Outbox].told)


class Door:
    def __init__(self, database: Database, clock: Clock, access_tokens: AccessTokens) -> None:
        self._database = database
        self._clock = clock
        self._access_tokens = access_tokens
        self._proven: dict[str, None] = {}
        self._schemas: dict[tuple[str, Any], SchemaSet] = {}
        self._lock = threading.Lock()

    def read(self, visit: Visit, action: Callable[[Desk], T]) -> T:
        """Raises Unproven, Forbidden, and whatever the action does."""
        presented, scope = self._presented(visit.call)
        with self._database.tenant(scope, read_only=True) as unit:
            visit.caller = self._judge(unit, visit, presented, scope)
            return action(Desk(unit, visit.caller, visit.base))

    def write(self, visit: Visit, action: Callable[[Desk], T], *, dry: bool = False) -> T:
        """The action may run several times: a deadlock is nobody's fault, and its loser comes again."""
        presented, scope = self._presented(visit.call)
        if digest(str(presented.handle)) in self._proven:
            visit.call.meter.proven(presented.handle.tenant)  # before the writers' turn: a bucket may be far away
        else:
            with self._database.tenant(scope, read_only=True) as unit:
                self._judge(unit, visit, presented, scope)
        return self._tried(lambda: self._once(visit, presented, scope, action, dry=dry))

    def note(self, visit: Visit, action: Callable[[Desk], None]) -> None:
        """Keep what a read leaves behind. It changes nothing of the tenant's, so neither a freeze nor a dry run forbids it."""
        presented, scope = self._presented(visit.call)

        def noted() -> None:
            with self._database.tenant(scope) as unit:
                action(Desk(unit, self._judge(unit, visit, presented, scope), visit.base))

        self._tried(noted)

    def prove(self, visit: Visit) -> Caller:
        presented, scope = self._presented(visit.call)
        with self._database.tenant(scope, read_only=True) as unit:
            visit.caller = self._judge(unit, visit, presented, scope)
            return visit.caller

    def knows(self, call: Call) -> bool:
        """Whether the call's token was good when it was last seen: then the transaction that writes alone may prove it."""
        return digest(str(self._presented(call)[0].handle)) in self._proven

    def _once(self, visit: Visit, presented: _Presented, scope: TenantScope, action: Callable[[Desk], T], *, dry: bool) -> T:
        try:
            with self._database.tenant(scope) as unit:
                desk = Desk(unit, self._judge(unit, visit, presented, scope), visit.base)
                if desk.caller.frozen:
                    raise Frozen
                visit.caller = desk.caller
                dry = dry or desk.caller.dry_run
                answer = action(desk)
                if dry:
                    unit.session.flush()
                    raise DryRun(answer)
                return answer
        except BrakeHeld as held:
            if not dry:
                with self._database.tenant(scope) as unit:
                    hold(unit, held)
            raise

    def _tried(self, attempt: Callable[[], T]) -> T:
        for _ in range(TRIES - 1):
            try:
                return attempt()
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) not in _RETRIED:
                    raise
        return attempt()

    def _presented(self, call: Call) -> tuple[_Presented, TenantScope]:
        scheme, _, rest = call.headers.get("authorization", "").partition(" ")
        text = rest.strip()
        if scheme.lower() != "bearer":
            raise Unproven
        handle, narrowed = parse_token(text), None
        if handle is None:
            found = self._access_tokens.read(text, self._clock.now())
            if found is None:
                raise Unproven
            handle, narrowed = found
        agent = (call.user_agent or "")[:400] or None
        actor = Actor(type="scim_client", id=handle.token_id, ip=call.client_ip, user_agent=agent)
        return _Presented(handle, narrowed), TenantScope(handle.tenant, actor, call.request_id)

    def _judge(self, unit: TenantUnit, visit: Visit, presented: _Presented, scope: TenantScope) -> Caller:
        handle = presented.handle
        access, now = unit[DirectoryAccess].of_token(handle.token_id), self._clock.now()
        # Compared in every case, so that an unknown token costs the same as a wrong secret.
        good = presented.narrowed is not None or matches(handle.secret, access.secret_digest if access else digest(""))
        dead = access is None or not good or access.revoked_at is not None
        if access is None or dead or (access.expires_at is not None and access.expires_at <= now):
            self._forget(str(handle))
            raise Unproven
        self._remember(str(handle))
        visit.call.meter.proven(handle.tenant, unit)  # whom it refuses is shed: telling of each would cost what that saves
        visit.proven = Proven(scope, access.directory_id, handle.token_id)
        if access.tenant_status not in SIGN_IN_ALLOWED:
            raise Forbidden("scim_tenant_closed", f"The organisation is {access.tenant_status}: nothing is provisioned.")
        if access.directory_status != "active":
            raise Forbidden("scim_directory_disabled", "This directory is switched off.")
        scopes = frozenset(access.scopes)
        return Caller(
            token_id=handle.token_id,
            scopes=scopes if presented.narrowed is None else scopes & presented.narrowed,
            schemas=self._schema_set(access),
            source=Source(access.directory_id, access.connection_id, Brake.of(access)),
            scope=scope,
            dry_run=access.dry_run,
            frozen=access.frozen_at is not None,
        )

    def _remember(self, token: str) -> None:
        with self._lock:
            if len(self._proven) >= REMEMBERED:
                self._proven.clear()
            self._proven[digest(token)] = None

    def _forget(self, token: str) -> None:
        with self._lock:
            self._proven.pop(digest(token), None)

    def _schema_set(self, access: Access) -> SchemaSet:
        if not access.extension_schemas:
            return STANDARD
        key = (access.directory_id, access.updated_at)
        known = self._schemas.get(key)
        if known is None:
            known = schema_set(access.extension_schemas)
            with self._lock:
                if len(self._schemas) >= REMEMBERED:
                    self._schemas.clear()
                self._schemas[key] = known
        return known


def schema_set(extensions: Sequence[Mapping[str, Any]]) -> SchemaSet:
    """The standard's schemas and a directory's own."""
    users = [read_extension(one) for one in extensions if one.get("resource") != "Group"]
    groups = [read_extension(one) for one in extensions if one.get("resource") == "Group"]
    return SchemaSet.of(users, groups)


@dataclass(frozen=True, slots=True)
class _Presented:
    """``narrowed``: the scopes of an access token, whose MAC has been checked; None for a directory token itself."""

    handle: DirectoryHandle
    narrowed: frozenset[str] | None
