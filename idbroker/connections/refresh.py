"""Reading metadata again: what only adds trust is taken, the rest waits for an admin's word, and failures are told once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import structlog

from idbroker.audit.outbox import Outbox
from idbroker.connections.candidates import CandidateService
from idbroker.connections.configuration import Configuration, Told, configured_by, difference, live_configuration, put_in_place
from idbroker.connections.model import Connection, Connections
from idbroker.connections.refresh_rows import DueRefreshes, MetadataRefresh, MetadataRefreshes
from idbroker.connections.service import ConnectionService, resource
from idbroker.connections.timing import LATEST, next_attempt, next_reading
from idbroker.federation.contract import ConnectionConfig, ConnectionDraft, Document
from idbroker.federation.upkeep import Reread, SettingsChange, no_metadata_url
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import Refusal
from idbroker.kernel.event import Event
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit

LEASE = timedelta(minutes=10)
"""How long a claimed reading may take before another worker tries."""
SHORTLY = timedelta(minutes=5)

log = structlog.get_logger("idbroker.refresh")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reading came to. ``overtaken``: somebody changed the connection meanwhile, it is read again shortly."""

    outcome: Literal["unchanged", "taken", "held", "failed", "overtaken"]
    next_at: datetime | None
    changes: tuple[SettingsChange, ...] = ()
    candidate: str | None = None
    error: str | None = None

    def as_document(self) -> Document:
        return {
            "outcome": self.outcome,
            "changes": [change.as_document() for change in self.changes],
            "candidate": self.candidate,
            "error": self.error,
            "next_at": rfc3339(self.next_at) if self.next_at is not None else None,
        }


class Refresher:
    """The network is asked with no transaction open."""

    def __init__(self, database: Database, connections: ConnectionService, candidates: CandidateService) -> None:
        self._database = database
        self._connections = connections
        self._candidates = candidates

    def run_due(self, limit: int = 50) -> int:
        """Read whatever is due, each by one worker. Returns how many."""
        with self._database.platform(SYSTEM, read_only=True) as platform:
            due = [(TenantId(row.tenant_id), row.connection_id, row.next_at) for row in platform[DueRefreshes].due(limit)]
        done = 0
        for tenant, connection_id, seen in due:
            scope = TenantScope(tenant, SYSTEM)
            try:
                if self._claim(scope, connection_id, seen):
                    self.refresh(scope, connection_id)
                    done += 1
            except Exception:
                log.exception("metadata not read", tenant=tenant, connection=connection_id)
        return done

    def refresh(self, scope: TenantScope, connection_id: str) -> Outcome:
        """Read one connection's source now. Raises NotFound, or Conflict when it has none."""
        with self._database.tenant(scope, read_only=True) as unit:
            row = self._connections.known(unit, connection_id)
            if self._connections.source(row) is None:
                raise no_metadata_url()
            config = self._connections.open(unit, row)
            etag = _etag(unit[MetadataRefreshes].get(connection_id), row.version)
        if row.status == "disabled":
            return self._postpone(scope, connection_id)
        try:
            reread = self._connections.upkeep(row.type).reread(config, etag)
        except Refusal as refusal:
            return self._failed(scope, connection_id, refusal)
        return self._arrived(scope, config, reread)

    def _claim(self, scope: TenantScope, connection_id: str, seen: datetime) -> bool:
        with self._database.tenant(scope) as unit:
            if not unit[MetadataRefreshes].claim(connection_id, seen, unit.clock.now() + LEASE):
                return False
            row = unit[Connections].get(connection_id)
            if row is None or self._connections.source(row) is None:
                unit[MetadataRefreshes].forget(connection_id)
                return False
            return True

    def _postpone(self, scope: TenantScope, connection_id: str) -> Outcome:
        """Nobody is asked on behalf of a connection that is switched off."""
        with self._database.tenant(scope) as unit:
            next_at = unit.clock.now() + LATEST
            unit[MetadataRefreshes].plan(connection_id, next_at)
        return Outcome("unchanged", next_at)

    def _failed(self, scope: TenantScope, connection_id: str, refusal: Refusal) -> Outcome:
        with self._database.tenant(scope) as unit:
            row = self._connections.known(unit, connection_id)
            state = unit[MetadataRefreshes].kept(connection_id)
            state.failures += 1
            state.last_at, state.last_error = unit.clock.now(), refusal.public[:500]
            if state.failures == 1:
                context = {"code": refusal.code, "error": refusal.public, "detail": refusal.detail}
                unit[Outbox].record(Event("connection.refresh_failed", resource(row), context=context))
            next_at = next_attempt(connection_id, unit.clock.now(), state.failures)
            unit[MetadataRefreshes].plan(connection_id, next_at)
        return Outcome("failed", next_at, error=refusal.public)

    def _arrived(self, scope: TenantScope, seen: ConnectionConfig, reread: Reread) -> Outcome:
        with self._database.tenant(scope) as unit:
            row = self._connections.known(unit, seen.id)
            if row.version != seen.version:
                next_at = unit.clock.now() + SHORTLY
                unit[MetadataRefreshes].plan(row.id, next_at)
                return Outcome("overtaken", next_at)
            outcome = Outcome("unchanged", None)
            if reread.draft is not None:
                outcome = self._judge(unit, row, seen, reread.draft)
            state = unit[MetadataRefreshes].kept(row.id)
            state.failures, state.last_at, state.last_error = 0, unit.clock.now(), None
            state.etag = f"{row.version}:{reread.etag}"[:500] if reread.etag else None
            return replace(outcome, next_at=self._plan(unit, row, reread.draft))

    def _plan(self, unit: TenantUnit, row: Connection, draft: ConnectionDraft | None) -> datetime:
        """As what was just read asks for, even where it is not taken yet."""
        source = self._connections.upkeep(row.type).source(draft.settings if draft is not None else row.settings)
        now = unit.clock.now()
        next_at = next_reading(row.id, now, source) if source is not None else now + LATEST
        unit[MetadataRefreshes].plan(row.id, next_at)
        return next_at

    def _judge(self, unit: TenantUnit, row: Connection, live: ConnectionConfig, draft: ConnectionDraft) -> Outcome:
        """Take what may be taken; hold what differs after that."""
        now_live = live_configuration(self._connections, unit, row)
        read = replace(configured_by(draft, now_live), vendor=row.vendor)
        took = self._take(unit, row, live, now_live, read) if live.options.metadata_refresh == "auto" else []
        left = [change for change in difference(self._connections, row, read) if not took or change.policy == "hold"]
        held = [change for change in left if change.policy == "hold" or live.options.metadata_refresh == "hold"]
        if held:
            candidate = self._candidates.hold(unit, row, read, held)
            return Outcome("held", None, (*took, *held), candidate)
        self._candidates.release(unit, row)
        return Outcome("taken" if took else "unchanged", None, tuple(took))

    def _take(
        self, unit: TenantUnit, row: Connection, live: ConnectionConfig, now_live: Configuration, read: Configuration
    ) -> list[SettingsChange]:
        taken = replace(now_live, settings=self._connections.upkeep(row.type).taken(live, read.settings))
        if not difference(self._connections, row, taken):
            return []
        return put_in_place(self._connections, unit, row, taken, Told("connection.updated", {"cause": "metadata_refresh"}))


def _etag(state: MetadataRefresh | None, version: int) -> str | None:
    """What the source was called when this very version was compared with it; any change since then voids it."""
    mark, _, etag = ((state.etag if state is not None else None) or "").partition(":")
    return etag or None if mark == str(version) else None
