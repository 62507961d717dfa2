"""SCIM per second and its slow end: create, get, filter, PATCH, members, the first and the last page, Bulk.

    python benchmarks/scim.py [--users 2000,1000] [--groups 50] [--tenants 3] [--requests 200] [--engines sqlite,postgres]

Sizes are those of one tenant among ``--tenants``; the issue's own are ``--users 100000,1000 --groups 5000 --tenants 100``. The
first size's figures stand beside the last one's: what goes by an index costs the same. One server process, as an operator
would start it; the client is one connection, so figures are latencies turned over. ``core`` is per second of the server's CPU.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.login import free_port, wait_for
from idbroker.access.api_keys import ApiKeys
from idbroker.app import Services, build_services
from idbroker.directories.resources import EMAILS, USERS, Resources
from idbroker.directory.model import Group, Membership, User
from idbroker.kernel.ids import new_id
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.settings import load_settings
from scim.schemas.schema_set import STANDARD
from scim.stored import group_values, user_values
from tests.support.databases import PostgresServer

OPERATOR = Actor(type="operator", name="benchmark")
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
BATCH = 2000
ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
MASTER = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def document(number: int) -> dict[str, Any]:
    name = f"user{number:07}@acme.example"
    return {
        "schemas": [USER],
        "userName": name,
        "externalId": f"ext-{number}",
        "name": {"familyName": f"Family{number % 977}", "givenName": f"Given{number % 491}"},
        "displayName": f"Given{number % 491} Family{number % 977}",
        "active": True,
        "emails": [{"value": name, "type": "work", "primary": True}],
    }


def fill(services: Services, tenant: str, directory: str, users: int, groups: int) -> tuple[list[str], str]:
    """Rows as the server itself would have written them, many at once. Returns the ids, and a group of half the people."""
    scope, now = TenantScope(tenant, OPERATOR), services.clock.now()  # type: ignore[arg-type]
    ids: list[str] = []
    for start in range(0, users, BATCH):
        with services.database.tenant(scope) as unit:
            people, resources, emails = [], [], []
            for number in range(start, min(users, start + BATCH)):
                one, made = new_id("usr"), document(number)
                ids.append(one)
                people.append({
                    "tenant_id": tenant, "id": one, "email": made["userName"], "email_verified": False,
                    "user_name": made["userName"], "display_name": made["displayName"], "active": True, "source": "scim",
                    "created_at": now, "updated_at": now, "directory_id": directory,
                })  # fmt: skip
                columns = user_values(made, STANDARD.user)
                resources.append({
                    "tenant_id": tenant, "id": one, "directory_id": directory, "version": 1, "created_at": now,
                    "modified_at": now, **columns,
                })  # fmt: skip
                emails.append({
                    "tenant_id": tenant, "user_id": one, "value_key": made["userName"], "directory_id": directory,
                    "is_primary": True,
                })  # fmt: skip
            connection = unit.transaction.connection
            connection.execute(User.__table__.insert(), people)  # type: ignore[attr-defined]
            connection.execute(USERS.insert(), resources)
            connection.execute(EMAILS.insert(), emails)
            counts = unit[Resources]
            for _ in people:
                counts._count("User", directory, 1)
    large = ""
    for start in range(0, groups, 200):
        with services.database.tenant(scope) as unit:
            for number in range(start, min(groups, start + 200)):
                one, name = new_id("grp"), f"Group {number}"
                large = large or one
                unit.session.add(
                    Group(tenant_id=tenant, id=one, display_name=name, source=directory, directory_id=directory, created_at=now)
                )
                made = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name}
                fixed = {"id": one, "directory_id": directory, "version": 1, "created_at": now, "modified_at": now}
                unit[Resources].insert("Group", {**group_values(made, STANDARD.group), **fixed})
    with services.database.tenant(scope) as unit:
        rows = [{"tenant_id": tenant, "user_id": one, "group_id": large, "source": "scim"} for one in ids[: users // 2]]
        unit.transaction.connection.execute(Membership.__table__.insert(), rows)  # type: ignore[attr-defined]
    return ids, large


@contextmanager
def serving(folder: Path, database_url: str, audit: dict[str, str]) -> Iterator[tuple[str, int, dict[str, str]]]:
    port = free_port()
    environment = {
        **os.environ, "IDBROKER_MASTER_KEY": MASTER, "IDBROKER_DATABASE_URL": database_url,
        "IDBROKER_PUBLIC_URL": f"http://127.0.0.1:{port}", **audit,
    }  # fmt: skip
    if database_url.startswith("postgres"):
        subprocess.run(
            [sys.executable, "-m", "idbroker.cli", "migrate"], env=environment, check=True, cwd=Path(__file__).parents[1]
        )
    command = [sys.executable, "-m", "idbroker.cli", "serve", "--port", str(port)]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}", process.pid, environment
        finally:
            process.terminate()
            process.wait()


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(name: str, pid: int, number: int, action: Callable[[int], Any]) -> dict[str, float | str]:
    action(0)
    times: list[float] = []
    before, began = cpu(pid), time.perf_counter()
    for step in range(1, number + 1):
        start = time.perf_counter()
        answer = action(step)
        times.append(time.perf_counter() - start)
        assert answer.status_code < 400, answer.text[:300]
    took, used = time.perf_counter() - began, cpu(pid) - before
    times.sort()
    return {
        "name": name,
        "second": number / took,
        "core": number / used if used else 0.0,
        "p50": statistics.median(times) * 1000,
        "p99": times[min(len(times) - 1, int(len(times) * 0.99))] * 1000,
    }


def lines(http: httpx2.Client, pid: int, ids: list[str], group: str, number: int) -> list[dict[str, Any]]:
    """``ids`` are those that are there; the last ones are not in the group."""
    chance = random.Random(7)
    salt = new_id("usr")[-8:]
    body = {"content-type": "application/scim+json"}
    half, total = len(ids) // 2, len(ids)

    def send(method: str, path: str, document_: Any = None) -> Any:
        content = None if document_ is None else orjson.dumps(document_)
        return http.request(method, path, content=content, headers=body)

    def patch(*operations: Any) -> Any:
        return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}

    def new(step: int, what: str) -> Any:
        return {**document(step), "userName": f"{what}{salt}{step}@acme.example", "externalId": f"{what}{salt}{step}"}

    def bulk(step: int) -> Any:
        operations = [
            {"method": "POST", "path": "/Users", "bulkId": str(one), "data": new(step * 100 + one, "bulk")}
            for one in range(100)
        ]
        schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
        return send("POST", "/Bulk", {"schemas": [schema], "Operations": operations})

    def find(step: int) -> Any:
        del step
        return send("GET", "/Users?filter=" + quote(f'userName eq "{document(chance.randrange(half))["userName"]}"'))

    def toggle(step: int) -> Any:
        change = {"op": "replace", "path": "title", "value": f"t{step}"}
        return send("PATCH", f"/Users/{chance.choice(ids[:half])}", patch(change))

    def off_and_on(step: int) -> Any:
        return send("PATCH", f"/Users/{ids[(step // 2) % half]}", patch({"op": "replace", "value": {"active": step % 2 == 0}}))

    def join(step: int) -> Any:
        member = {"op": "add", "path": "members", "value": [{"value": ids[half + step % (total - half)]}]}
        return send("PATCH", f"/Groups/{group}", patch(member))

    return [
        measure("get", pid, number, lambda step: send("GET", f"/Users/{chance.choice(ids)}")),
        measure("filter userName eq", pid, number, find),
        measure("list 100, first page", pid, number, lambda step: send("GET", "/Users?count=100")),
        measure("list 100, last page", pid, number, lambda step: send("GET", f"/Users?startIndex={total - 99}&count=100")),
        measure("create", pid, number, lambda step: send("POST", "/Users", new(step, "new"))),
        measure("PATCH one attribute", pid, number, toggle),
        measure("PATCH active", pid, number, off_and_on),
        measure(f"add one member to {half}", pid, min(number, total - half - 1), join),
        measure("Bulk of 100", pid, max(2, number // 40), bulk),
    ]


def run(engine: str, sizes: list[int], groups: int, tenants: int, number: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scim-benchmark-")))
        url, audit = f"sqlite:///{folder}/broker.db", {}
        if engine == "postgres":
            folder.chmod(0o755)
            server = PostgresServer(folder)
            stack.callback(server.close)
            urls = server.fresh(migrated=False)
            url, audit = urls.database, {"IDBROKER_DATABASE_OWNER_URL": str(urls.owner)}
        base, pid, environment = stack.enter_context(serving(folder, url, audit))
        names = {name: value for name, value in environment.items() if name.startswith("IDBROKER_")}
        services = build_services(load_settings(names))
        stack.callback(services.close)
        with services.database.platform(OPERATOR) as unit:
            key = unit[ApiKeys].create("benchmark", None, "operator")[1]
        api = httpx2.Client(base_url=f"{base}/api/v1", headers={"authorization": f"Bearer {key}"}, timeout=120, trust_env=False)

        def directory(slug: str) -> tuple[str, str, str]:
            api.post("/tenants", json={"slug": slug, "name": slug, "tier": "enterprise"}).raise_for_status()
            limits = {name: {"per_minute": 1_000_000, "burst": 100_000} for name in ("scim_read", "scim_write")}
            api.patch(f"/tenants/{slug}", json={"limits": limits})
            tenant = api.get(f"/tenants/{slug}").json()["id"]
            below = f"/tenants/{tenant}/directories"
            made = api.post(below, json={"name": "IdP", "brake": {"percent": None}}).json()["id"]
            return tenant, made, api.post(f"{below}/{made}/tokens", json={}).json()["token"]

        for other in range(tenants - len(sizes)):
            tenant, made, _ = directory(f"other{other}")
            fill(services, tenant, made, 20, 1)
        results: dict[int, list[dict[str, Any]]] = {}
        for size in sizes:
            tenant, made, token = directory(f"size{size}")
            ids, group = fill(services, tenant, made, size, groups if size == sizes[0] else max(1, groups // 10))
            if engine == "postgres":
                server._run("ANALYZE")
            headers = {"authorization": f"Bearer {token}"}
            http = httpx2.Client(base_url=f"{base}/scim/v2", headers=headers, timeout=300, trust_env=False)
            results[size] = lines(http, pid, ids, group, number)
        show(engine, results)


def show(engine: str, results: dict[int, list[dict[str, Any]]]) -> None:
    sizes = list(results)
    for size in sizes:
        print(f"\n{engine}, {size} users, one client, one server process")
        print(f"  {'':28}{'per second':>12}{'per core-s':>12}{'p50 ms':>10}{'p99 ms':>10}")
        for one in results[size]:
            print(f"  {one['name']:28}{one['second']:12.0f}{one['core']:12.0f}{one['p50']:10.2f}{one['p99']:10.2f}")
    if len(sizes) > 1:
        print(f"\n{engine}: median at {sizes[0]} users over median at {sizes[-1]}")
        for large, small in zip(results[sizes[0]][:4], results[sizes[-1]][:4], strict=True):
            print(f"  {large['name']:28}{large['p50'] / small['p50']:12.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", default="2000,1000")
    parser.add_argument("--groups", type=int, default=50)
    parser.add_argument("--tenants", type=int, default=3)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--engines", default="sqlite,postgres")
    asked = parser.parse_args()
    for engine in asked.engines.split(","):
        run(engine, [int(one) for one in asked.users.split(",")], asked.groups, asked.tenants, asked.requests)


if __name__ == "__main__":
    main()
