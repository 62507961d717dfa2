"""Changing the keys of our side of a connection: begin publishes the next pair, finish lets it take over, cancel forgets it."""

from __future__ import annotations

from collections.abc import Mapping

from idbroker.audit.outbox import Outbox
from idbroker.connections.model import Connection, Connections
from idbroker.connections.service import ConnectionService, resource
from idbroker.federation.upkeep import RolloverStep
from idbroker.kernel.event import Event
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database

_ACTIONS: Mapping[RolloverStep, str] = {
    "begin": "connection.key_rollover_started",
    "finish": "connection.key_rollover_finished",
    "cancel": "connection.key_rollover_cancelled",
}


def roll_over(
    database: Database, connections: ConnectionService, scope: TenantScope, connection_id: str, step: RolloverStep
) -> Connection:
    """Take the step. Making a key takes 100 ms, so no transaction is held. Raises NotFound, or Conflict where it cannot be."""
    with database.tenant(scope, read_only=True) as unit:
        row = connections.known(unit, connection_id)
        config = connections.open(unit, row)
    draft = connections.upkeep(row.type).roll_over(config, step)
    with database.tenant(scope) as unit:
        unit[Connections].claim(row)
        fresh = connections.known(unit, connection_id)
        fresh.settings = dict(draft.settings)
        fresh.secrets_sealed = connections.seal(unit, connection_id, draft.secrets)
        fresh.updated_at = unit.clock.now()
        unit[Outbox].record(Event(_ACTIONS[step], resource(fresh)))
        return fresh
