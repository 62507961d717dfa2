"""Whether a tenant feels how many others there are: ten of them against ten thousand, each with a connection and a domain.

    python benchmarks/tenants.py [--tenants 10,10000] [--requests 200] [--rounds 4] [--engines sqlite,postgres]

Both deployments stand side by side and are asked in turns, a round each, so that what else the machine does disturbs both.
Ten tenants of either are in use. ``HRD`` is home-realm discovery (``POST /api/v1/hrd``), ``start`` the first step of a sign-in,
up to the way to the identity provider: medians of the wall clock, and the server's processor time per request. ``first`` is
the median of each tenant's first request, which finds its keys and its configuration unread. Then the memory of the server's
process, and the time from its start until it answered. Exits 1 when ten thousand cost a fifth more than ten in processor time.

The rows are written at once, as the server would have written them one by one.
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection as Sql
from sqlalchemy import create_engine, insert, make_url, select

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.deployment import Client, cpu_of, deployed, expect, resident, serving
from benchmarks.login import Setting, SignIn, prepare, start
from idbroker import plugins
from idbroker.connections.model import Connection, ConnectionIndex, Domain, DomainIndex
from idbroker.connections.service import SECRET_PURPOSE
from idbroker.kernel.ids import new_id
from idbroker.keys.envelope import TenantKey, context_of
from idbroker.keys.master import LocalMasterKeys
from idbroker.tenants.model import Tenant

USED = 10
BATCH = 1000
BOUND = 1.2
Step = Callable[["Deployment", int], None]


@dataclass
class Deployment:
    tenants: int
    setting: Setting
    pid: int
    up: float
    """Seconds from the start of the process to its first answer."""
    client: Client
    first: dict[str, float] = field(default_factory=dict)
    walls: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    """Seconds of processor time per request, over all rounds."""

    @property
    def used(self) -> list[int]:
        """The numbers of the tenants that are in use: not neighbours in any index."""
        return list(range(0, self.tenants, max(1, self.tenants // USED)))[:USED]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", default="10,10000")
    parser.add_argument("--requests", type=int, default=200, help="of each kind, in each round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--engines", default="sqlite,postgres")
    chosen = parser.parse_args()
    heads = "".join(f"{name + ' ms':>10} {'cpu':>6} {'first':>7}" for name in STEPS)
    print(f"{'engine':9} {'tenants':>8}{heads} {'memory MB':>10} {'up after s':>11}")
    worst = 0.0
    for engine in chosen.engines.split(","):
        with ExitStack() as stack:
            sizes = sorted(map(int, chosen.tenants.split(",")))
            deployments = [deployment(engine, tenants, stack) for tenants in sizes]
            for each in deployments:
                each.first = {name: median(timed(each, step, each.used)) for name, step in STEPS.items()}
            for _ in range(chosen.rounds):
                for each in deployments:
                    measure(each, chosen.requests)
            for each in deployments:
                show(engine, each, chosen.rounds * chosen.requests)
        few, many = deployments[0], deployments[-1]
        ratios = {name: many.cpu[name] / few.cpu[name] for name in STEPS}
        walls = {name: median(many.walls[name]) / median(few.walls[name]) for name in STEPS}
        told = ", ".join(f"{name} {ratios[name]:.2f} in processor time, {walls[name]:.2f} by the clock" for name in STEPS)
        print(f"{engine:9} {many.tenants} against {few.tenants}: {told}", flush=True)
        worst = max(worst, *ratios.values())
    return 1 if worst > BOUND else 0


def hrd(deployment: Deployment, number: int) -> None:
    headers, document = deployment.setting.basic, {"email": f"somebody@t{number}.bench.example"}
    status, _, body = deployment.client.send("POST", "/api/v1/hrd", document=document, headers=headers)
    expect(status == 200 and b'"connection"' in body, "HRD", status, body)


def begin(deployment: Deployment, number: int) -> None:
    sign_in = SignIn(number, f"t{number}.bench.example")
    start(deployment.setting, deployment.client, sign_in)
    expect("SAMLRequest" in sign_in.request, "start", 0, b"it does not go to the identity provider")


STEPS: dict[str, Step] = {"HRD": hrd, "start": begin}


def measure(deployment: Deployment, requests: int) -> None:
    used = deployment.used
    numbers = [used[number % len(used)] for number in range(requests)]
    for name, step in STEPS.items():
        before = cpu_of(deployment.pid)
        deployment.walls.setdefault(name, []).extend(timed(deployment, step, numbers))
        deployment.cpu[name] = deployment.cpu.get(name, 0.0) + cpu_of(deployment.pid) - before


def timed(deployment: Deployment, step: Step, numbers: list[int]) -> list[float]:
    samples = []
    deployment.client.close()  # the server has closed what was not used while the other one was asked
    for number in numbers:
        begun = time.perf_counter()
        step(deployment, number)
        samples.append(time.perf_counter() - begun)
    return samples


def show(engine: str, seen: Deployment, requests: int) -> None:
    cells = "".join(
        f"{median(seen.walls[name]) * 1000:10.2f} {seen.cpu[name] / requests * 1000:6.2f} {seen.first[name] * 1000:7.2f}"
        for name in STEPS
    )
    print(f"{engine:9} {seen.tenants:8}{cells} {resident(seen.pid):10.0f} {seen.up:11.1f}", flush=True)


def deployment(engine: str, tenants: int, stack: ExitStack) -> Deployment:
    """One that was filled before its server started."""
    environment = stack.enter_context(deployed(engine))
    with serving(environment):
        setting = prepare(environment, "ES256")
    master = LocalMasterKeys([base64.b64decode(environment["IDBROKER_MASTER_KEY"])])
    database = make_url(environment["IDBROKER_DATABASE_URL"])
    if engine == "postgres":
        database = database.set(drivername="postgresql+psycopg")
    sql = create_engine(database)
    with sql.begin() as connection:
        fill(connection, master, tenants)
    with sql.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    sql.dispose()
    begun = time.perf_counter()
    pid = stack.enter_context(serving(environment))
    return Deployment(tenants, setting, pid, time.perf_counter() - begun, Client(setting.base))


def fill(connection: Sql, master: LocalMasterKeys, tenants: int) -> None:
    """Copies of the tenant that there is, each with a data key of its own, under which its connection's secrets are sealed."""
    plugins.load_tables()
    tenant = connection.execute(select(table(Tenant))).mappings().one()
    domain, theirs, key = (
        connection.execute(select(table(row)).where(table(row).c.tenant_id == tenant["id"])).mappings().one()
        for row in (Domain, Connection, TenantKey)
    )
    cipher = AESGCM(master.unwrap(key["wrapped"], context_of(tenant["id"], key["generation"])))
    head, nonce, sealed = theirs["secrets_sealed"][:5], theirs["secrets_sealed"][5:17], theirs["secrets_sealed"][17:]
    secrets = cipher.decrypt(nonce, sealed, associated(tenant["id"], theirs["id"]))
    for begin in range(0, tenants, BATCH):
        rows: dict[Any, list[dict[str, Any]]] = {}
        for number in range(begin, min(begin + BATCH, tenants)):
            one, way, name = new_id("tnt"), new_id("con"), f"t{number}.bench.example"
            own, nonce = os.urandom(32), os.urandom(12)
            sealed = head + nonce + AESGCM(own).encrypt(nonce, secrets, associated(one, way))
            wrapped = master.wrap(own, context_of(one, key["generation"]))
            made: dict[Any, dict[str, Any]] = {
                Tenant: {**tenant, "id": one, "slug": f"t{number}", "name": f"Tenant {number}"},
                TenantKey: {**key, "tenant_id": one, "wrapped": wrapped},
                Domain: {**domain, "tenant_id": one, "id": new_id("dom"), "name": name},
                DomainIndex: {"tenant_id": one, "name": name, "include_subdomains": False},
                Connection: {**theirs, "tenant_id": one, "id": way, "secrets_sealed": sealed},
                ConnectionIndex: {"tenant_id": one, "connection_id": way},
            }
            for row, values in made.items():
                rows.setdefault(row, []).append(values)
        for row, many in rows.items():
            connection.execute(insert(table(row)), many)


def associated(tenant: str, connection: str) -> bytes:
    """What binds a connection's sealed secrets to it (``keys.envelope``)."""
    return f"{tenant}\x00{SECRET_PURPOSE}{connection}".encode()


def table(row: Any) -> Any:
    return row.__table__


if __name__ == "__main__":
    sys.exit(main())
