"""The worker's half: filling streams, pushing those that are due, letting go of what is over."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from idbroker.apps.model import Apps
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.outbound.fetcher import Sender
from idbroker.outbound.lanes import Lanes
from idbroker.signals.fan_out import fan_out
from idbroker.signals.model import SignalQueues, SignalSet, SignalSets, SignalStream, SignalStreams
from idbroker.signals.office import SetSigner, StreamOffice
from idbroker.signals.streams import SignalStreamService
from idbroker.storage.database import Database
from idbroker.webhooks.turn import TurnTaker


class SignalDispatcher:
    """Any number of them may run."""

    def __init__(
        self, database: Database, streams: SignalStreamService, signer: SetSigner, sender: Sender, base_url: str
    ) -> None:
        self._database = database
        self._streams = streams
        self._base_url = base_url.rstrip("/")
        office = StreamOffice(database, streams, signer, sender)
        self._turns: TurnTaker[SignalStream, SignalSet] = TurnTaker(database, office)
        self._lanes = Lanes("signals")

    def start_due(self) -> int:
        """Fill the streams and begin every turn that is due; nothing is waited for."""
        fan_out(self._database, self._base_url)
        return sum(
            self._lanes.offer(stream, partial(self._turns.run, owner, stream), suspect=failing)
            for owner, stream, failing in self._due()
        )

    def run_due(self) -> int:
        """The same in this thread, one turn after the other. How many attempts were made."""
        while fan_out(self._database, self._base_url):
            pass
        return sum(self._turns.run(owner, stream) for owner, stream, _ in self._due())

    def forget(self, kept: timedelta) -> int:
        """SETs older than events are kept, and streams whose app is gone."""
        with self._database.platform(SYSTEM, read_only=True) as platform:
            rows = [(TenantId(queue.tenant_id), queue.stream_id, queue.app_id) for queue in platform[SignalQueues].all()]
            known = {app_id for app_id in {row[2] for row in rows} if platform[Apps].get(app_id) is not None}
        forgotten = 0
        for owner in dict.fromkeys(row[0] for row in rows):
            with self._database.tenant(TenantScope(owner, SYSTEM)) as unit:
                forgotten += unit[SignalSets].purge(unit.clock.now() - kept)
                for _, stream_id, app_id in (row for row in rows if row[0] == owner):
                    stream = None if app_id in known else unit[SignalStreams].get(stream_id)
                    if stream is not None:
                        self._streams.delete(unit, stream)
                        forgotten += 1
        return forgotten

    def close(self) -> None:
        self._lanes.close()

    def _due(self) -> list[tuple[TenantId, str, bool]]:
        with self._database.platform(SYSTEM, read_only=True) as platform:
            return [(TenantId(row.tenant_id), row.stream_id, row.failing) for row in platform[SignalQueues].due()]
