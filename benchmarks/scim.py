"""SCIM per second and its slow end: create, get, filter, PATCH, members, the first and the last page, Bulk.

    python benchmarks/scim.py [--users 2000,1000] [--groups 50] [--tenants 3] [--requests 200] [--rounds 3]
                              [--engines sqlite,postgres] [--peer-node NODE_MODULES] [--peer-python VENV] [--peer-users 1000]
                              [--lines create,PATCH]

The broker is one process, started as an operator would, with a directory of each of ``--users`` people in a tenant of its own
among ``--tenants``; half of the people are in one group. A large installation is ``--users 100000,1000 --groups 5000 --tenants
100``. Peers run beside it: the directory sync of @boxyhq/saml-jackson (a folder ``node_modules`` that holds it) on the same
PostgreSQL server, and scim2-server (a virtual environment that holds it), which keeps everything in memory. They are filled by
their own doors with ``--peer-users``, which is to their advantage: what they do grows with what they hold.

One client, one kept connection. Each line is asked of one server after the other, in rounds, so that what else the machine does
falls on all of them; shown is the median of the rounds. ``core`` is per second of the server's own processor time, its threads
included, ``with db`` the same with that of the PostgreSQL server. Peers note nothing and tell nobody; the broker writes its
trail's events, its feed and the directory's request log. On SQLite its jobs (the trail's sealing) run in the same process and
are counted; on PostgreSQL they are a worker's, which is not started. saml-jackson has no Bulk, and 50 people at most on a page.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.deployment import free_port
from benchmarks.scim_broker import broker
from benchmarks.scim_target import Target, document, jackson, patch, scim2_server
from tests.support.databases import PostgresServer

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
Request = tuple[str, str, Any]


@dataclass(frozen=True)
class Figures:
    second: float
    core: float
    with_database: float
    p50: float
    p99: float


class Requests:
    """What is asked of one target, line by line: each call is the next request."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._chance = random.Random(7)  # picks people, hides nothing
        self._numbers = iter(range(10**9))
        self._salt = f"{time.time_ns():x}"
        self._half = len(target.ids) // 2

    def lines(self) -> dict[str, Callable[[], Request]]:
        last = f"/Users?startIndex={len(self._target.ids) - 99}&count=100"
        found: dict[str, Callable[[], Request]] = {
            "get": lambda: ("GET", f"/Users/{self._chance.choice(self._target.ids)}", None),
            "filter userName eq": self._find,
            "list 100, first page": lambda: ("GET", "/Users?startIndex=1&count=100", None),
            "list 100, last page": lambda: ("GET", last, None),
            "create": lambda: ("POST", "/Users", self._new()),
            "PATCH active": self._switch,
            "PATCH one attribute": self._title,
            "add a member to half of all": self._join,
        }
        if self._target.bulk:
            found["Bulk of 100 creates"] = self._bulk
        if self._target.sorts:
            found["sorted by userName, first page"] = lambda: ("GET", "/Users?sortBy=userName&count=100", None)
            found["sorted by userName, last page"] = lambda: ("GET", f"{last}&sortBy=userName", None)
        return found

    def _new(self) -> Any:
        number = next(self._numbers)
        name = f"new{self._salt}{number}@acme.example"
        return {**document(number), "userName": name, "externalId": name, "emails": [{"value": name, "primary": True}]}

    def _find(self) -> Request:
        name = document(self._chance.randrange(len(self._target.ids)))["userName"]
        return "GET", "/Users?filter=" + quote(f'userName eq "{name}"'), None

    def _switch(self) -> Request:
        """Off, then on again: no request asks for what is so already."""
        number = next(self._numbers)
        change = {"op": "replace", "path": "active", "value": number % 2 == 1}
        return "PATCH", f"/Users/{self._target.ids[number // 2 % self._half]}", patch(change)

    def _title(self) -> Request:
        change = {"op": "replace", "path": "title", "value": f"t{next(self._numbers)}"}
        return "PATCH", f"/Users/{self._chance.choice(self._target.ids)}", patch(change)

    def _join(self) -> Request:
        who = self._target.ids[self._half + next(self._numbers) % (len(self._target.ids) - self._half)]
        return "PATCH", f"/Groups/{self._target.group}", patch({"op": "add", "path": "members", "value": [{"value": who}]})

    def _bulk(self) -> Request:
        operations = [{"method": "POST", "path": "/Users", "bulkId": str(one), "data": self._new()} for one in range(100)]
        return "POST", "/Bulk", {"schemas": [BULK], "Operations": operations}


def measure(target: Target, following: Callable[[], Request], number: int) -> Figures:
    target.ok(*following())
    target.ok(*following())
    times: list[float] = []
    (server, database), began = target.cpu(), time.perf_counter()
    for _ in range(number):
        method, path, body = following()
        start = time.perf_counter()
        status, content = target.send(method, path, body)
        times.append(time.perf_counter() - start)
        assert status < 400, f"{target.name}: {method} {path}: {status} {content[:300]!r}"
    took, used = time.perf_counter() - began, max(target.cpu()[0] - server, 0.01)
    both = used + target.cpu()[1] - database
    times.sort()
    p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
    return Figures(number / took, number / used, number / both, statistics.median(times) * 1000, p99 * 1000)


def run(targets: list[Target], number: int, rounds: int, wanted: list[str]) -> dict[str, dict[str, Figures]]:
    """Line → target → figures. ``wanted``: words of which a line must have one, or it is left out; all lines when there are
    none."""
    asked = {target.name: Requests(target).lines() for target in targets}
    found: dict[str, dict[str, Figures]] = {}
    for line in next(iter(asked.values())):
        if wanted and not any(word in line for word in wanted):
            continue
        count = max(3, number // 40) if line.startswith("Bulk") else number
        kept: dict[str, list[Figures]] = {}
        for _ in range(rounds):
            for target in targets:
                if line in asked[target.name]:
                    kept.setdefault(target.name, []).append(measure(target, asked[target.name][line], count))
        found[line] = {name: _median(several) for name, several in kept.items()}
        show(line, found[line])
    return found


def _median(several: list[Figures]) -> Figures:
    names = ("second", "core", "with_database", "p50", "p99")
    return Figures(*(statistics.median(getattr(one, name) for one in several) for name in names))


def show(line: str, figures: dict[str, Figures]) -> None:
    print(f"\n{line:32}{'per second':>12}{'core':>9}{'with db':>9}{'p50 ms':>10}{'p99 ms':>10}")
    for name, one in figures.items():
        print(f"  {name:30}{one.second:12.0f}{one.core:9.0f}{one.with_database:9.0f}{one.p50:10.2f}{one.p99:10.2f}", flush=True)


def compare(found: dict[str, dict[str, Figures]], ours: list[str], others: list[str]) -> None:
    """How often as much per core-second; and what a large directory costs against a small one."""
    print(f"\n{'per core-second, times':32}" + "".join(f"{name:>34}" for name in ours))
    for line, figures in found.items():
        for other in others:
            if other in figures:
                cells = (f"{figures[name].core / figures[other].core:34.1f}" for name in ours)
                print(f"  {line:28} {other:14}" + "".join(cells)[14:])
    print("\nprocessor time of the largest directory over the smallest")
    for line, figures in found.items():
        for engine in dict.fromkeys(name.rpartition(",")[0] for name in ours):
            sizes = [name for name in ours if name.startswith(engine)]
            ratio = figures[sizes[-1]].with_database / figures[sizes[0]].with_database
            print(f"  {line:28} {engine:22}{ratio:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", default="2000,1000")
    parser.add_argument("--groups", type=int, default=50)
    parser.add_argument("--tenants", type=int, default=3)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", default="sqlite,postgres")
    parser.add_argument("--peer-node", type=Path)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--peer-users", type=int, default=1000)
    parser.add_argument("--lines", default="")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scim-benchmark-")))
        folder.chmod(0o755)  # PostgreSQL does not run as root, and must get in
        server = None
        if "postgres" in asked.engines or asked.peer_node:
            server = PostgresServer(folder)
            stack.callback(server.close)
        sizes, targets, others = [int(one) for one in asked.users.split(",")], [], []
        for engine in asked.engines.split(","):
            beside = server if engine == "postgres" else None
            targets += stack.enter_context(broker(folder, free_port(), sizes, asked.groups, asked.tenants, beside))
        if asked.peer_node is not None and server is not None:
            others.append(stack.enter_context(jackson(asked.peer_node, server, folder, free_port(), asked.peer_users)))
        if asked.peer_python is not None:
            others.append(stack.enter_context(scim2_server(asked.peer_python, folder, free_port(), asked.peer_users)))
        found = run([*targets, *others], asked.requests, asked.rounds, [one for one in asked.lines.split(",") if one])
        compare(found, [one.name for one in targets], [one.name for one in others])


if __name__ == "__main__":
    main()
