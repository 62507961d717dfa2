"""Whether one tenant's flood is another's wait: the sign-ins of tenant B alone, and beside a flood of tenant A's SCIM.

    python benchmarks/noisy_neighbour.py [--sign-ins 100] [--flooders 16] [--engines sqlite,postgres]

A's identity provider writes and searches over many connections, as fast as it is answered, and does not care for a 429. B signs
in, one person after the other. Three rows: B alone; beside an A whose limits are out of its reach, so that all of the flood is
work for the server; beside an A with the limits of the smallest tier. Milliseconds per step, and how A was answered meanwhile.

The flood comes from a process of its own that yields to all others: in the world it has a machine of its own.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.deployment import Client, running
from benchmarks.login import STEPS, Setting, measure, prepare
from idbroker.limits.quota import TIERS

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
SEARCH = "/scim/v2/Users?count=100&filter=" + quote('userName co "noisy"')
NO_ANSWER = 0
LIMITED = {name: {"per_minute": quota.per_minute, "burst": quota.burst} for name, quota in TIERS["free"].items()}
BOUNDLESS = {name: {"per_minute": 1_000_000, "burst": 100_000} for name in LIMITED}
OVER = 50
"""Refusals after which a limited A counts as over its limits."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sign-ins", type=int, default=100)
    parser.add_argument("--flooders", type=int, default=16)
    parser.add_argument("--engines", default="sqlite,postgres")
    chosen = parser.parse_args()
    heads = "".join(f"{step + ' p50':>10} {'p99':>7}" for step in (*STEPS, "whole"))
    print(f"{'engine':9} {'tenant B':14}{heads}   tenant A, answers per second by status")
    for engine in chosen.engines.split(","):
        with running(engine) as environment:
            setting = prepare(environment, "ES256")
            tokens = [directory_token(setting, *one) for one in (("boundless", BOUNDLESS), ("limited", LIMITED))]
            measure(setting, 20, 1)  # caches warm, people known
            show(engine, "alone", measure(setting, chosen.sign_ins, 1))
            with flood(setting.base, tokens[0], chosen.flooders) as answered:
                show(engine, "A is let in", *beside(setting, chosen.sign_ins, answered))
            with flood(setting.base, tokens[1], chosen.flooders) as answered:
                while answered()[429] < OVER:
                    time.sleep(0.1)
                show(engine, "A is limited", *beside(setting, chosen.sign_ins, answered))


def beside(
    setting: Setting, sign_ins: int, answered: Callable[[], Counter[int]]
) -> tuple[dict[str, tuple[float, list[float]]], str]:
    """(B's times, A's answers in words)."""
    begun, before = time.perf_counter(), answered()
    times = measure(setting, sign_ins, 1)
    seconds, answers = time.perf_counter() - begun, answered() - before
    return times, ", ".join(f"{status or 'none'}: {count / seconds:.0f}" for status, count in sorted(answers.items()))


def show(engine: str, case: str, times: dict[str, tuple[float, list[float]]], answers: str = "") -> None:
    columns = [times[step][1] for step in STEPS]
    columns.append([sum(steps) for steps in zip(*columns, strict=True)])
    cells = [f"{median(one) * 1000:10.2f} {sorted(one)[int(len(one) * 0.99) - 1] * 1000:7.2f}" for one in columns]
    print(f"{engine:9} {case:14}" + "".join(cells) + f"   {answers}", flush=True)


def directory_token(setting: Setting, slug: str, limits: dict[str, Any]) -> str:
    """Of a directory of that tenant, which is made."""
    setting.api("/tenants", {"slug": slug, "name": slug, "tier": "enterprise", "status": "active"})
    setting.api(f"/tenants/{slug}", {"limits": limits}, method="PATCH")
    directory = setting.api(f"/tenants/{slug}/directories", {"name": "IdP"})["id"]
    return str(setting.api(f"/tenants/{slug}/directories/{directory}/tokens", {})["token"])


@contextmanager
def flood(base: str, token: str, flooders: int) -> Iterator[Callable[[], Counter[int]]]:
    """Yields what counts A's answers by status until now."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with context.Manager() as manager:
        counts = manager.dict()
        process = context.Process(target=flooding, args=(base, token, flooders, stop, counts))
        process.start()
        try:
            yield lambda: Counter(dict(counts))
        finally:
            stop.set()
            process.join(20)


def flooding(base: str, token: str, flooders: int, stop: Event, counts: Any) -> None:
    os.nice(19)
    answers: Counter[int] = Counter()

    def one(number: int) -> None:
        client, headers, sent = Client(base), {"authorization": f"Bearer {token}"}, 0
        while not stop.is_set():
            sent += 1
            try:
                if number % 2:
                    person = {"schemas": [USER], "userName": f"p{number}-{sent}@noisy.example"}
                    status, _, _ = client.send("POST", "/scim/v2/Users", document=person, headers=headers)
                else:
                    status, _, _ = client.send("GET", SEARCH, headers=headers)
            except (OSError, http.client.HTTPException):
                status = NO_ANSWER
                client.close()
            answers[status] += 1

    threads = [Thread(target=one, args=(number,), daemon=True) for number in range(flooders)]
    for thread in threads:
        thread.start()
    while not stop.wait(0.1):
        counts.update(answers)
    for thread in threads:
        thread.join(5)


if __name__ == "__main__":
    main()
