"""Tokens per second: code exchange, refresh, client credentials, key set; per wall second and per core-second of the server.

    python benchmarks/provider.py [--requests 400] [--workers 1,2] [--algorithms ES256,RS256] [--peer NODE_MODULES]

The server runs as an operator would start it, on SQLite; sessions and codes are put into its database beforehand. The client
is plain sockets and threads of this process, so that on two cores a second worker competes with it: read the core-seconds.
With ``--peer`` (a folder ``node_modules`` that holds oidc-provider) the same requests go to that, in memory, one process:
once as it comes (``opaque``: it signs one token where the broker signs two, its access tokens are random strings), once with
signed access tokens like ours (``jwt``).
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.deployment import TICKS, Client, cpu_of, free_port, process, wait_for
from idbroker.app import Services, build_services
from idbroker.apps.service import AppForm
from idbroker.directory.model import User, Users
from idbroker.kernel.ids import new_id
from idbroker.kernel.scope import Actor, TenantScope
from idbroker.sessions.service import Beginning
from idbroker.settings import load_settings
from oidc.provider.primitives import create_s256_code_challenge

REDIRECT = "http://127.0.0.1:9/callback"
VERIFIER = "v" * 43
OPERATOR = Actor(type="operator", name="benchmark")
THREADS = 4


@dataclass
class Target:
    """A running server and what its client needs."""

    name: str
    base: str
    pid: int
    basic: str
    codes: list[str]
    token: str
    jwks: str
    tenant: dict[str, str]

    def post(self, client: Client, form: dict[str, str]) -> dict[str, Any]:
        status, _, body = client.send("POST", self.token, form=form, headers={"authorization": self.basic})
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--algorithms", default="ES256,RS256")
    parser.add_argument("--peer", help="a node_modules folder with oidc-provider in it")
    chosen = parser.parse_args()
    print(f"{chosen.requests} requests each, {THREADS} clients, {os.cpu_count()} cores; per second / per core-second")
    if not chosen.peer:
        print("oidc-provider: not measured; name its node_modules with --peer")
    for algorithm in chosen.algorithms.split(","):
        for workers in map(int, chosen.workers.split(",")):
            with broker(algorithm, workers, chosen.requests) as target:
                report(target, algorithm, chosen.requests)
        if chosen.peer:
            for form in ("opaque", "jwt"):
                with peer(Path(chosen.peer), algorithm, chosen.requests, form) as target:
                    report(target, algorithm, chosen.requests)


def report(target: Target, algorithm: str, count: int) -> None:
    refreshing: list[str] = []

    def exchange(client: Client, number: int) -> None:
        form = {"grant_type": "authorization_code", "code": target.codes[number], "redirect_uri": REDIRECT}
        refreshing.append(target.post(client, {**form, "code_verifier": VERIFIER})["refresh_token"])

    def refresh(client: Client, number: int) -> None:
        target.post(client, {"grant_type": "refresh_token", "refresh_token": refreshing[number]})

    def machine(client: Client, number: int) -> None:
        target.post(client, {"grant_type": "client_credentials", **target.tenant})

    def jwks(client: Client, number: int) -> None:
        assert client.send("GET", target.jwks)[0] == 200

    cells = []
    for name, action in (("code", exchange), ("refresh", refresh), ("machine", machine), ("jwks", jwks)):
        wall, cpu = measured(target, action, count)
        cells.append(f"{name} {count / wall:7.0f} /{count / cpu:7.0f}")
    print(f"{algorithm} {target.name:22} " + "   ".join(cells), flush=True)


def measured(target: Target, action: Callable[[Client, int], None], count: int) -> tuple[float, float]:
    """(wall seconds, the server's CPU seconds)."""

    def run(part: int) -> None:
        client = Client(target.base)
        for number in range(part, count, THREADS):
            action(client, number)

    before, began = cpu_of(target.pid), time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, range(THREADS)))
    return time.perf_counter() - began, max(cpu_of(target.pid) - before, 1 / TICKS)


@contextlib.contextmanager
def broker(algorithm: str, workers: int, count: int) -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        ours = {
            "IDBROKER_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "IDBROKER_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
            "IDBROKER_DATABASE_URL": f"sqlite:///{folder}/broker.db",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IDBROKER_")}
        environment = {**kept, **ours, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        services = build_services(load_settings(ours, Path("/nonexistent")))
        app_id, secret, tenant = seeded(services, algorithm)
        command = [sys.executable, "-m", "idbroker.cli", "serve", "--port", str(port), "--workers", str(workers)]
        with process(command, environment) as pid:
            wait_for(port)
            basic = base64.b64encode(f"{app_id}:{secret}".encode()).decode()
            base = ours["IDBROKER_PUBLIC_URL"]
            target = Target(
                f"broker, {workers} worker(s)", base, pid, f"Basic {basic}", [], "/oauth2/token", "/oauth2/jwks",
                {"tenant": "acme"},
            )  # fmt: skip
            for _ in range(8 * workers):
                target.post(Client(base), {"grant_type": "client_credentials", "tenant": "acme"})  # every worker warm
            target.codes = codes(services, tenant, app_id, base, count)
            yield target
        services.close()


def seeded(services: Services, algorithm: str) -> tuple[str, str, TenantScope]:
    with services.database.platform(OPERATOR) as unit:
        tenant = services.tenants.create(unit, slug="acme", name="Acme", tier="enterprise")
        tenant.limits = {"token": {"per_minute": 1_000_000, "burst": 100_000}}  # not what is measured here
        form = AppForm.model_validate({
            "name": "Benchmark", "redirect_uris": [REDIRECT], "id_token_signed_response_alg": algorithm,
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        })  # fmt: skip
        app, secret = services.apps.create(unit, form)
    return app.id, str(secret), TenantScope(tenant.tenant_id, OPERATOR)


def codes(services: Services, scope: TenantScope, app_id: str, issuer: str, count: int) -> list[str]:
    """As the authorization endpoint gives them: each for a session of its own."""
    grant = {
        "issuer": issuer, "redirect_uri": REDIRECT, "scope": ["openid", "email", "offline_access"], "nonce": "n",
        "code_challenge": create_s256_code_challenge(VERIFIER),
    }  # fmt: skip
    now = services.clock.now()
    with services.database.tenant(scope) as unit:
        user = User(
            tenant_id=scope.tenant, id=new_id("usr"), email="a@acme.example", source="jit", created_at=now, updated_at=now
        )
        unit[Users].add(user)
        made = []
        for _ in range(count):
            beginning = Beginning(
                user_id=user.id, connection_id="con_x", authenticated_at=now, amr=(), acr=None, upstream={}, not_after=None
            )
            session, _ = services.sessions.start(unit, beginning)
            made.append(services.sessions.grant_code(unit, session, app_id, grant))
    return made


@contextlib.contextmanager
def peer(folder: Path, algorithm: str, count: int, form: str) -> Iterator[Target]:
    port = free_port()
    script = Path(__file__).with_name("oidc_provider_peer.mjs")
    command = ["node", str(script), str(folder.resolve().parent), str(port), algorithm, str(count), form]
    serving = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert serving.stdout is not None
        made = next(json.loads(line) for line in serving.stdout if line.startswith("["))
        basic = base64.b64encode(b"bench:secret").decode()
        base = f"http://127.0.0.1:{port}"
        yield Target(f"oidc-provider, {form}", base, serving.pid, f"Basic {basic}", made, "/token", "/jwks", {})
    finally:
        serving.terminate()
        serving.wait(timeout=20)


if __name__ == "__main__":
    main()
