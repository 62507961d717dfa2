"""Sign-ins per second, and what each step costs: start, ACS, code, token.

    python benchmarks/login.py [--sign-ins 400] [--clients 1,4] [--engines sqlite,postgres] [--algorithm ES256]

The server runs in a process of its own, as an operator would start it. The IdP's answers are signed beforehand, between
the first step and the rest, so that their making is not measured. The client is plain sockets and threads of this process:
on a machine with two cores the server has about one of them to itself.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.deployment import Client, expect, operator_key, running
from idbroker.kernel.clock import SystemClock
from saml.demo_idp import DemoPerson, DemoSamlIdp

REDIRECT_URI = "http://127.0.0.1:9/callback"
PEOPLE = 100
STEPS = ("start", "ACS", "code", "token")


@dataclass
class SignIn:
    """One sign-in under way."""

    number: int
    domain: str = "bench.example"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookies: dict[str, str] = field(default_factory=dict)
    request: dict[str, str] = field(default_factory=dict)
    answer: str = ""
    resume: str = ""
    code: str = ""

    @property
    def email(self) -> str:
        return f"person{self.number % PEOPLE}@{self.domain}"


@dataclass
class Setting:
    base: str
    key: str
    idp: DemoSamlIdp
    acs: str = ""
    client_id: str = ""
    secret: str = ""

    @property
    def basic(self) -> dict[str, str]:
        """How the app says who it is."""
        return {"authorization": "Basic " + base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()}

    def api(self, path: str, document: dict[str, Any], *, method: str = "POST") -> dict[str, Any]:
        """A write to the Admin API."""
        headers = {"authorization": f"Bearer {self.key}"}
        status, _, body = Client(self.base).send(method, f"/api/v1{path}", document=document, headers=headers)
        expect(status < 300, path, status, body)
        made: dict[str, Any] = json.loads(body)
        return made


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
        "login_hint": sign_in.email,
    }
    status, headers, body = client.send("GET", "/oauth2/authorize?" + urlencode(query))
    expect(status in (302, 303), "start", status, body)
    keep(sign_in, headers)
    sign_in.request = dict(parse_qsl(urlsplit(headers["location"]).query))


def signed(setting: Setting, sign_in: SignIn) -> str:
    number = sign_in.number % PEOPLE
    attributes = {
        "email": (sign_in.email,),
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
    status, _, body = client.send("POST", "/oauth2/token", form=form, headers=setting.basic)
    expect(status == 200 and b"id_token" in body, "token", status, body)


def keep(sign_in: SignIn, headers: Any) -> None:
    for header in headers.get_all("set-cookie") or []:
        name, _, value = header.partition(";")[0].partition("=")
        sign_in.cookies[name] = value


def cookie(sign_in: SignIn) -> dict[str, str]:
    return {"cookie": "; ".join(f"{name}={value}" for name, value in sign_in.cookies.items())}


def prepare(environment: dict[str, str], algorithm: str) -> Setting:
    """A tenant with a verified domain and a SAML connection, and an app, through command line and API alone."""
    idp = DemoSamlIdp("https://idp.bench.example", "https://idp.bench.example/sso", SystemClock())
    setting = Setting(environment["IDBROKER_PUBLIC_URL"], operator_key(environment), idp)
    tenant = setting.api("/tenants", {"slug": "bench", "name": "Bench", "tier": "enterprise"})["id"]
    domain = setting.api(f"/tenants/{tenant}/domains", {"domain": "bench.example"})["id"]
    setting.api(f"/tenants/{tenant}/domains/{domain}/verify", {"force": True, "reason": "benchmark"})
    document = {"type": "saml", "name": "IdP", "metadata_xml": idp.metadata()}
    connection = setting.api(f"/tenants/{tenant}/connections", document)
    idp.trust(connection["sp"]["entity_id"], connection["sp"]["acs_url"])
    setting.acs = urlsplit(connection["sp"]["acs_url"]).path
    setting.api(f"/tenants/{tenant}/role-mappings", {"group": "everyone", "role": "member"})
    app = {"name": "Bench", "redirect_uris": [REDIRECT_URI], "id_token_signed_response_alg": algorithm}
    made = setting.api("/apps", app)
    setting.client_id, setting.secret = made["client_id"], made["client_secret"]
    return setting


if __name__ == "__main__":
    main()
