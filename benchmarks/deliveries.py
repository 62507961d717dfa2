"""What follows the trail: webhooks and log streams, over loopback to a receiver in a process of its own.

    python benchmarks/deliveries.py [--events 2000] [--engines sqlite,postgres]

One worker, in this thread, as fast as it goes: events of one tenant are sealed, queued for a webhook, delivered to it one by
one, and sent through a log stream in batches. Wall time is what one thread waits; a worker has 48 for each of the two. The
figure that counts on a busy machine is the process's own time: what one core can do.
"""

from __future__ import annotations

import argparse
import ipaddress
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.trail import VISITOR, opened
from idbroker import plugins
from idbroker.audit.outbox import Outbox
from idbroker.audit.trail import Trail
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.keys.person_keys import KeptPersonKeys
from idbroker.outbound.fetcher import GuardedFetcher
from idbroker.outbound.tls_lines import GuardedTls
from idbroker.storage.database import Database
from idbroker.streams.contract import Doors
from idbroker.streams.dispatch import StreamDispatcher, wake_streams
from idbroker.streams.forms import LogStreamForm
from idbroker.streams.secrets import StreamSecrets
from idbroker.streams.service import StreamService
from idbroker.tenants.entitlements import Plans
from idbroker.webhooks.dispatch import WebhookDispatcher
from idbroker.webhooks.fan_out import fan_out
from idbroker.webhooks.service import WebhookForm, WebhookService

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
PEOPLE = 200


class Receiver(BaseHTTPRequestHandler):
    """Takes everything."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        del args


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--engines", default="sqlite,postgres")
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.receive:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        print(server.server_port, flush=True)
        server.serve_forever()
    plugins.load_tables()
    command = [sys.executable, __file__, "--receive"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout is not None
        url = f"http://127.0.0.1:{int(receiver.stdout.readline())}/in"
        for engine in options.engines.split(","):
            with tempfile.TemporaryDirectory(prefix="idbroker-deliveries-") as folder:
                database, store, close = opened(engine, Path(folder))
                print(f"\n{engine}")
                deliver(database, store, url, options.events)
                database.close()
                store.close()
                close()
        receiver.kill()


def deliver(database: Database, store: Database, url: str, count: int) -> None:
    envelope, scope = Envelope(LocalMasterKeys([bytes(32)])), TenantScope(TenantId(new_id("tnt")), VISITOR)
    trail, secrets = Trail(database, store, KeptPersonKeys(envelope)), StreamSecrets(envelope)
    trail.while_sealing = wake_streams
    sender = GuardedFetcher(LOOPBACK)
    webhooks = WebhookDispatcher(database, envelope, sender)
    sinks = plugins.sinks(Doors(sender, GuardedTls(LOOPBACK), database.clock, None))
    streams = StreamDispatcher(database, trail, secrets, sinks)
    with database.tenant(scope) as unit:
        envelope.prepare(unit)
        WebhookService(envelope).create(unit, WebhookForm(url=url), None, 0)
        StreamService(secrets, Plans(), folder=False).create(unit, LogStreamForm(url=url), 0)
    for number in range(count):
        with database.tenant(scope) as unit:
            unit[Outbox].record(Event("user.updated", Resource("user", f"usr_{number % PEOPLE:026d}")))
    spent = [
        timed("sealed", count, trail.seal_all),
        timed("queued for a webhook", count, lambda: fan_out(database)),
        timed("delivered to a webhook", count, webhooks.run_due),
        timed("sent through a log stream", count, streams.run_due),
    ]
    print(f"  one core does all four for {1 / sum(spent):,.0f} events a second")
    webhooks.close()
    streams.close()
    sender.close()


def timed(what: str, count: int, work: Callable[[], int]) -> float:
    """Seconds of the process's own for each event."""
    wall, own = time.perf_counter(), time.process_time()
    while work():
        pass
    wall, own = time.perf_counter() - wall, time.process_time() - own
    print(f"  {what:27s} {count / wall:8,.0f} a second in one thread, {count / own:8,.0f} a second of this process's own")
    return own / count


if __name__ == "__main__":
    main()
