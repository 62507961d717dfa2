"""A real ``idbroker serve`` in a process of its own, and around it what a customer has: identity providers, a name server."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import httpx2

from idbroker.demo.oidc_site import OidcSite
from idbroker.demo.people import HARBOR, ORCHARD
from idbroker.demo.saml_site import SamlSite
from idbroker.demo.servers import Server, bind
from idbroker.kernel.clock import SystemClock
from oidc.demo_op import DemoClient, DemoOp
from saml.demo_idp import DemoSamlIdp
from saml.demo_logout import DemoLogout
from tests.support.servers import udp_server

PATIENCE = 120.0
ROOT = Path(__file__).parents[2]


class MistakenOp(DemoOp):
    """An OpenID provider whose tokens are for another application for as long as it is told so."""

    other_audience = ""

    def sign(self, claims: Mapping[str, Any]) -> str:
        return super().sign({**claims, "aud": self.other_audience} if self.other_audience else claims)


@dataclass
class Deployment:
    """``txt``: what the customer's name server says. ``saml`` and ``op`` are configured as their consoles would be."""

    broker: str
    environment: dict[str, str]
    saml: DemoSamlIdp
    saml_logout: DemoLogout
    op: MistakenOp
    txt: dict[str, list[str]] = field(default_factory=dict)

    def run(self, *command: str) -> str:
        """``idbroker …`` as somebody at the shell of that machine would."""
        done = subprocess.run(
            [sys.executable, "-m", "idbroker.cli", *command],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return done.stdout

    def login_link(self) -> str:
        found = re.search(r"http\S+", self.run("admin", "login-link", "--email", "engineer@saas.example"))
        assert found
        return found[0]

    def trusts_saml(self, entity_id: str, acs_url: str) -> None:
        """An IT admin types the broker's values into his identity provider's console."""
        self.saml.trust(entity_id, acs_url)

    def trusts_oidc(self, redirect_uri: str, secret: str) -> None:
        self.op.clients["the-broker"] = DemoClient((redirect_uri,), secret)


@contextmanager
def deployment(folder: Path) -> Iterator[Deployment]:
    with ExitStack() as stack:
        sockets = [bind([0]) for _ in range(2)]
        addresses = [f"http://127.0.0.1:{one.getsockname()[1]}" for one in sockets]
        clock = SystemClock()
        idp = DemoSamlIdp(f"{addresses[0]}/metadata", f"{addresses[0]}/sso", clock)
        logout = DemoLogout(idp, f"{addresses[0]}/slo")
        op = MistakenOp(addresses[1], {}, clock)
        sites = (SamlSite(idp, logout, ORCHARD).application(), OidcSite(op, HARBOR).application())
        for listener, site in zip(sockets, sites, strict=True):
            server = Server(listener, site)
            server.start()
            stack.callback(server.join)
            stack.callback(server.ask_to_stop)
        txt: dict[str, list[str]] = {}
        name_server = stack.enter_context(udp_server(_zone(txt)))
        port = _free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("IDBROKER_")},
            "IDBROKER_PUBLIC_URL": f"http://localhost:{port}",
            "IDBROKER_DATABASE_URL": f"sqlite:///{folder / 'broker.db'}",
            "IDBROKER_MASTER_KEY": base64.b64encode(bytes(range(32))).decode(),
            "IDBROKER_OUTBOUND_ALLOW": "127.0.0.0/8",
            "IDBROKER_DNS_RESOLVER": f"127.0.0.1:{name_server}",
            "PYTHONPATH": str(ROOT),
        }
        made = Deployment(f"http://localhost:{port}", environment, idp, logout, op, txt)
        stack.enter_context(_serving(made, port, folder))
        yield made


@contextmanager
def _serving(made: Deployment, port: int, folder: Path) -> Iterator[None]:
    with (folder / "serve.log").open("wb") as log:
        command = [sys.executable, "-m", "idbroker.cli", "serve", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, env=made.environment, cwd=ROOT, stdout=log, stderr=log)
        try:
            _await(f"http://127.0.0.1:{port}/readyz", process, folder / "serve.log")
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)
            sys.stdout.write((folder / "serve.log").read_text(encoding="utf-8"))  # shown where something failed


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        with suppress(httpx2.TransportError):
            if httpx2.get(url, timeout=10, trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"not up in time: {log.read_text(encoding='utf-8')}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _zone(txt: dict[str, list[str]]) -> Any:
    def answering(asked: bytes) -> bytes:
        query = dns.message.from_wire(asked)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        texts = txt.get(question.name.to_text().rstrip(".").lower())
        if texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", *(f'"{one}"' for one in texts)))
        return answer.to_wire(max_size=60_000)

    return answering
