"""Providers that do not push are polled (RFC 8936), each when it is due; what was taken is acknowledged in the next request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import orjson

from idbroker.audit.outbox import Outbox
from idbroker.connections.model import Connections
from idbroker.federation.contract import ReplyRefused
from idbroker.kernel.event import Event
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.outbound.fetcher import FetchFailed, Sender
from idbroker.outbound.lanes import Lanes
from idbroker.outbound.retrying import hold
from idbroker.signals.sources import POLL_EVERY, SignalPolls, SignalSources, SignalSourceService, about
from idbroker.storage.database import Database
from oidc.jose import BadToken, strict_json
from oidc.signals.checks import ERRORS
from oidc.signals.reception import Reception, Source

MAX_ROUNDS = 20
MOST = 50
MAX_ANSWER = 1_000_000


class PollFailed(Exception):
    """Why the provider could not be polled, in words for an admin."""


@dataclass(frozen=True, slots=True)
class _Address:
    source: Source
    url: str
    token: str | None


class Poller:
    """The worker's half: any number of them may run."""

    def __init__(self, database: Database, sources: SignalSourceService, reception: Reception, sender: Sender) -> None:
        self._database = database
        self._sources = sources
        self._reception = reception
        self._sender = sender
        self._lanes = Lanes("signal-polls")

    def start_due(self) -> int:
        return sum(self._lanes.offer(name, partial(self.run, owner, name), suspect=False) for owner, name in self._due())

    def run_due(self) -> int:
        """The same in this thread. How many SETs came."""
        return sum(self.run(owner, name) for owner, name in self._due())

    def close(self) -> None:
        self._lanes.close()

    def run(self, owner: TenantId, connection_id: str) -> int:
        """Poll one provider until it has nothing more. How many SETs came; 0 also when another worker is at it."""
        scope = TenantScope(owner, SYSTEM)
        address = self._take(scope, connection_id)
        if address is None:
            return 0
        problem, count = None, 0
        try:
            count = self._poll(scope, address)
        except PollFailed as failure:
            problem = str(failure)
        self._leave(scope, connection_id, problem)
        return count

    def _due(self) -> list[tuple[TenantId, str]]:
        with self._database.platform(SYSTEM, read_only=True) as platform:
            return [(TenantId(row.tenant_id), row.connection_id) for row in platform[SignalPolls].due()]

    def _take(self, scope: TenantScope, connection_id: str) -> _Address | None:
        """Whoever comes first moves the time on, so that nobody else polls meanwhile."""
        with self._database.tenant(scope) as unit:
            poll, now = unit[SignalSources].poll(connection_id), unit.clock.now()
            if poll is None or poll.due_at > now:
                return None
            row = unit[SignalSources].get(connection_id)
            if row is None or row.poll_url is None:
                unit[SignalSources].plan(connection_id, None)
                return None
            poll.due_at = now + timedelta(minutes=5)
            url, token = row.poll_url, self._sources.poll_token(unit, row)
        source = self._reception.source(scope, connection_id)
        if source is None:
            with self._database.tenant(scope) as unit:
                unit[SignalSources].plan(connection_id, None)
            return None
        return _Address(source, url, token)

    def _poll(self, scope: TenantScope, address: _Address) -> int:
        """RFC 8936 2.4: several requests; the last one only acknowledges."""
        taken: list[str] = []
        errors: dict[str, dict[str, str]] = {}
        count = 0
        for _ in range(MAX_ROUNDS):
            answer = self._ask(address, {"maxEvents": MOST, "returnImmediately": True, **_said(taken, errors)})
            sets = answer["sets"]
            taken, errors = [], {}
            for jti, text in sets.items():
                count += 1
                try:
                    self._reception.take(scope, address.source, text)
                    taken.append(jti)
                except ReplyRefused as refusal:
                    if refusal.status == 502:
                        raise PollFailed("The provider's keys could not be read.") from refusal
                    name = ERRORS.get(refusal.code, "invalid_request")
                    errors[jti] = {"err": name, "description": "The token could not be accepted."}
            if not sets:
                return count
            if not answer.get("moreAvailable"):
                break
        self._ask(address, {"maxEvents": 0, "returnImmediately": True, **_said(taken, errors)})
        return count

    def _ask(self, address: _Address, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"content-type": "application/json", "accept": "application/json"}
        if address.token is not None:
            headers["authorization"] = f"Bearer {address.token}"
        try:
            answer = self._sender.send("POST", address.url, body=orjson.dumps(body), headers=headers)
        except FetchFailed as failure:
            raise PollFailed(failure.public) from failure
        if answer.status != 200:
            raise PollFailed(f"The provider answered {answer.status}.")
        try:
            found = strict_json(answer.body, limit=MAX_ANSWER)
        except BadToken as error:
            raise PollFailed("The provider's answer is not JSON.") from error
        sets = found.get("sets", {})
        if not isinstance(sets, dict) or not all(isinstance(one, str) for one in sets.values()):
            raise PollFailed("The provider's answer has no sets.")
        return {**found, "sets": sets}

    def _leave(self, scope: TenantScope, connection_id: str, problem: str | None) -> None:
        """Failures are polled later and later, an hour apart at most; the trail hears of the first one of a row."""
        with self._database.tenant(scope) as unit:
            row, connection = unit[SignalSources].get(connection_id), unit[Connections].get(connection_id)
            if row is None or connection is None or row.poll_url is None or not row.enabled:
                unit[SignalSources].plan(connection_id, None)
                return
            row.failures = 0 if problem is None else row.failures + 1
            if problem is not None:
                row.last_error = problem
            if row.failures == 1:
                unit[Outbox].record(Event("signal_source.poll_failed", about(connection), context={"error": problem}))
            pause = POLL_EVERY if problem is None else max(POLL_EVERY, hold(connection_id, row.failures))
            unit[SignalSources].plan(connection_id, unit.clock.now() + pause)


def _said(taken: list[str], errors: dict[str, dict[str, str]]) -> dict[str, Any]:
    return {**({"ack": taken} if taken else {}), **({"setErrs": errors} if errors else {})}
