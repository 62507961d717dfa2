"""Which streams are due, and the lanes in which workers take their turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from idbroker.audit.trail import Trail
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.outbound.lanes import Lanes
from idbroker.storage.database import Database
from idbroker.storage.statements.streaming import wake_stream
from idbroker.storage.unit import PlatformUnit
from idbroker.streams.contract import Sink
from idbroker.streams.model import LogStreamTurns
from idbroker.streams.secrets import StreamSecrets
from idbroker.streams.turn import TurnTaker


class StreamDispatcher:
    """The worker's half: any number of them may run. Its lanes are its own, so that no stream holds up a webhook."""

    def __init__(self, database: Database, trail: Trail, secrets: StreamSecrets, sinks: Mapping[str, Sink]) -> None:
        self._database = database
        self._turns = TurnTaker(database, trail, secrets, sinks)
        self._lanes = Lanes("streams")

    def start_due(self) -> int:
        """Begin every turn that is due; nothing is waited for."""
        return sum(
            self._lanes.offer(stream, partial(self._turns.run, tenant, stream), suspect=failing)
            for tenant, stream, failing in self._due()
        )

    def run_due(self) -> int:
        """The same in this thread, one turn after the other. How many records arrived."""
        return sum(self._turns.run(tenant, stream) for tenant, stream, _ in self._due())

    def close(self) -> None:
        self._lanes.close()

    def _due(self) -> list[tuple[TenantId, str, bool]]:
        with self._database.platform(SYSTEM, read_only=True) as platform:
            return [(TenantId(row.tenant_id), row.stream_id, row.failing) for row in platform[LogStreamTurns].due()]


def wake_streams(platform: PlatformUnit, tenants: Sequence[TenantId]) -> None:
    """For ``Trail.while_sealing``: streams of these tenants have something to send, from this transaction on."""
    for tenant, stream in platform[LogStreamTurns].of(tenants):
        with platform.enter(TenantScope(TenantId(tenant), SYSTEM)) as unit:
            wake_stream(unit, stream, unit.clock.now())
