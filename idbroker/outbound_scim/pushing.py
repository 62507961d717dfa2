"""A worker's turn at one tenant's queue for one app: lease, read what is there now, push, write down, leave.

Each resource is read anew right before it is pushed, so that a push that comes late brings the newest state, and one that
comes twice changes nothing. A worker that is killed leaves its lease to run out.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import uuid4

from idbroker.apps.model import Apps
from idbroker.directory.model import Groups, Users
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.outbound.fetcher import Sender
from idbroker.outbound.lanes import Lanes
from idbroker.outbound.retrying import hold, next_try
from idbroker.outbound_scim.client import PushFailed, ScimClient
from idbroker.outbound_scim.marking import mark_changed, push_of, reaches
from idbroker.outbound_scim.model import GROUP, USER, ScimPush, ScimPushes, ScimTargets
from idbroker.outbound_scim.resources import Resource, digest_of, group_resource, user_resource
from idbroker.storage.cells import CellAway
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit

LEASE = timedelta(seconds=90)
TURN_SECONDS = 20.0
TURN_PUSHES = 50
TOKEN_PURPOSE = "scim-target:"
KINDS = {USER: "Users", GROUP: "Groups"}


@dataclass(frozen=True, slots=True)
class _Turn:
    scope: TenantScope
    app_id: str
    lease: str
    wakes: int
    client: ScimClient


class ScimPusher:
    """The worker's half: any number of them may run."""

    def __init__(self, database: Database, envelope: Envelope, sender: Sender) -> None:
        self._database = database
        self._envelope = envelope
        self._sender = sender
        self._lanes = Lanes("scim")

    def start_due(self) -> int:
        """Note what has changed and begin every turn that is due; nothing is waited for."""
        mark_changed(self._database)
        return sum(
            self._lanes.offer(f"{tenant} {app_id}", partial(self.turn, tenant, app_id), suspect=failing)
            for tenant, app_id, failing in self._due()
        )

    def run_due(self) -> int:
        """The same in this thread, one turn after the other. How many pushes were tried."""
        while mark_changed(self._database):
            pass
        return sum(self.turn(tenant, app_id) for tenant, app_id, _ in self._due())

    def close(self) -> None:
        self._lanes.close()

    def _due(self) -> list[tuple[TenantId, str, bool]]:
        with self._database.platform(SYSTEM, read_only=True) as platform:
            return [(TenantId(row.tenant_id), row.app_id, row.failing) for row in platform[ScimTargets].due()]

    def turn(self, tenant: TenantId, app_id: str) -> int:
        """How many pushes were tried; 0 also when another worker is at it, or when the tenant's cell is away."""
        turn = self._take(TenantScope(tenant, SYSTEM), app_id)
        if turn is None:
            return 0
        begun, tried, failure = time.monotonic(), 0, None
        with self._database.tenant(turn.scope, read_only=True) as unit:
            waiting = unit[ScimPushes].waiting(app_id, TURN_PUSHES)
        for push in waiting:
            failure = self._push(turn, push)
            tried += 1
            if failure is not None and failure.is_the_apps:
                break
            if time.monotonic() - begun > TURN_SECONDS:
                break
        self._leave(turn, failure if failure is not None and failure.is_the_apps else None)
        return tried

    def _take(self, scope: TenantScope, app_id: str) -> _Turn | None:
        with suppress(CellAway), self._database.platform(SYSTEM) as platform:
            target, app = platform[ScimTargets].get(app_id), platform[Apps].get(app_id)
            if target is None or not reaches(target, app, scope.tenant):
                with platform.enter(scope) as unit:
                    unit[ScimPushes].forget_app(app_id)
                return None
            token = self._envelope.open(platform.own_trail(), TOKEN_PURPOSE + app_id, target.token_sealed).decode()
            with platform.enter(scope) as unit:
                queue, now = unit[ScimPushes].queue(app_id), unit.clock.now()
                if queue is None or queue.due_at is None or queue.due_at > now:
                    return None
                if queue.leased_until is not None and queue.leased_until > now:
                    return None
                queue.lease, queue.leased_until = uuid4().hex, now + LEASE
                return _Turn(scope, app_id, queue.lease, queue.wakes, ScimClient(self._sender, target.base_url, token))
        return None

    def _push(self, turn: _Turn, push: ScimPush) -> PushFailed | None:
        """One resource. What came of it is written at once, unless somebody asked for it anew meanwhile."""
        with self._database.tenant(turn.scope, read_only=True) as unit:
            resource = _read(unit, push)
        failure: PushFailed | None = None
        remote_id = push.remote_id
        try:
            if resource is None:
                turn.client.delete(KINDS[push.kind], push.resource_id, push.remote_id)
            elif push.remote_id is None or digest_of(resource) != push.digest:
                remote_id = turn.client.put(KINDS[push.kind], resource, push.remote_id)
        except PushFailed as failed:
            failure = failed
        with self._database.tenant(turn.scope) as unit:
            queue, row = unit[ScimPushes].queue(turn.app_id), unit[ScimPushes].get(push.app_id, push.kind, push.resource_id)
            if queue is None or row is None or queue.lease != turn.lease:
                return failure
            queue.leased_until = unit.clock.now() + LEASE
            _settle(unit, row, push, resource, remote_id=remote_id, failure=failure)
        return failure

    def _leave(self, turn: _Turn, failure: PushFailed | None) -> None:
        with self._database.tenant(turn.scope) as unit:
            queue = unit[ScimPushes].queue(turn.app_id)
            if queue is None or queue.lease != turn.lease:
                return
            now = unit.clock.now()
            next_due = unit[ScimPushes].next_due(turn.app_id)
            queue.due_at = None if next_due is None else max(now, next_due)
            if queue.wakes != turn.wakes:
                queue.due_at = now
            queue.failures = 0 if failure is None else queue.failures + 1
            queue.error, queue.failing = None if failure is None else failure.why, failure is not None
            if failure is not None and queue.due_at is not None:
                pause = max(hold(f"{turn.scope.tenant} {turn.app_id}", queue.failures), failure.retry_after)
                queue.due_at = max(queue.due_at, now + pause)
            queue.lease = queue.leased_until = None


def _read(unit: TenantUnit, push: ScimPush) -> Resource | None:
    """The resource as it is now; None when it is gone."""
    if push.kind == USER:
        user = unit[Users].get(push.resource_id)
        return None if user is None else user_resource(user)
    group = unit[Groups].get(push.resource_id)
    members = unit[ScimPushes].members(push.resource_id, push.app_id)
    return None if group is None else group_resource(group, [remote for _, remote in members])


def _settle(
    unit: TenantUnit,
    row: ScimPush,
    pushed: ScimPush,
    resource: Resource | None,
    *,
    remote_id: str | None,
    failure: PushFailed | None,
) -> None:
    now = unit.clock.now()
    if failure is not None:
        row.error = failure.why
        if failure.is_the_apps:
            return  # the whole queue waits; this one goes first when the app is back
        row.attempts += 1
        row.status = "dead" if now >= row.give_up_at else "pending"
        pause = max(next_try(f"{row.app_id} {row.resource_id}", row.attempts), failure.retry_after)
        row.due_at = min(now + pause, max(row.give_up_at, now))
        return
    is_new = row.remote_id is None and remote_id is not None
    if resource is None:
        if row.position == pushed.position:
            unit[ScimPushes].forget(row)
        return
    row.remote_id, row.digest, row.error, row.attempts, row.done_at = remote_id, digest_of(resource), None, 0, now
    if row.position == pushed.position:  # else it was asked for anew meanwhile, and is still to be pushed
        row.status = "done"
    if is_new and row.kind == USER:
        for group_id in unit[ScimPushes].groups_of(row.resource_id):  # they could not name him before
            known = unit[ScimPushes].get(row.app_id, GROUP, group_id)
            if known is not None:
                unit[ScimPushes].ask(push_of(unit, row.app_id, GROUP, group_id, known.position))
