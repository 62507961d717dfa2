"""The whole demo as one thing that starts and ends: broker, two identity providers, an app, each on an address of its own.

The broker is at ``localhost``, the others at ``127.0.0.1``: two sites to a browser, which holds back cookies between them
as it would between companies. Ports alone would not do, cookies ignore them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from idbroker.demo.broker import demo_settings, running_broker
from idbroker.demo.notes.oidc_client import OidcClient, Settings
from idbroker.demo.notes.site import Account, NotesSite
from idbroker.demo.oidc_site import OidcSite
from idbroker.demo.people import HARBOR, ORCHARD, ORGANISATIONS
from idbroker.demo.saml_site import SamlSite
from idbroker.demo.seed import Operator, ScimClient
from idbroker.demo.servers import Server, bind
from idbroker.kernel.clock import SystemClock
from idbroker.kernel.secrets import new_secret
from oidc.demo_op import DemoClient, DemoOp
from saml.demo_idp import DemoSamlIdp
from saml.demo_logout import DemoLogout

OP_CLIENT = "broker"


@dataclass(frozen=True, slots=True)
class World:
    """Where everything is. ``operator_key`` opens the Admin API."""

    app: str
    broker: str
    saml_idp: str
    oidc_idp: str
    operator_key: str
    scim: ScimClient
    admin_login: str
    """Signs an operator into the pages of administration, once, within 15 minutes."""


class _Servers:
    """Ports first, then the applications that need to know each other's, then an end for all together."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self._sockets = [bind([wanted]) for wanted in (range(port, port + 4) if port else (0, 0, 0, 0))]
        self._running: list[Server] = []
        for listener in self._sockets:
            stack.callback(listener.close)
        stack.callback(self.stop)
        self.broker, self.app, self.saml_idp, self.oidc_idp = (
            f"http://{host}:{listener.getsockname()[1]}"
            for host, listener in zip(("localhost", "127.0.0.1", "127.0.0.1", "127.0.0.1"), self._sockets, strict=True)
        )

    def start(self, index: int, app: ASGIApp) -> None:
        server = Server(self._sockets[index], app)
        self._running.append(server)
        server.start()

    def stop(self) -> None:
        for server in self._running:
            server.ask_to_stop()
        for server in self._running:
            server.join()


@contextmanager
def demo_world(port: int) -> Iterator[World]:
    """Everything up, seeded and ready; everything gone on exit. ``port`` and the next three are used if free; 0 is any."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="idbroker-demo-", ignore_cleanup_errors=True)))
        servers = _Servers(port, stack)
        clock = SystemClock()
        idp = DemoSamlIdp(f"{servers.saml_idp}/metadata", f"{servers.saml_idp}/sso", clock)
        provider = DemoOp(servers.oidc_idp, {}, clock, logout=True)
        logout = DemoLogout(idp, f"{servers.saml_idp}/slo")
        servers.start(2, SamlSite(idp, logout, ORCHARD).application())
        servers.start(3, OidcSite(provider, HARBOR).application())

        asgi, key, login = stack.enter_context(running_broker(demo_settings(folder, servers.broker)))
        stack.callback(servers.stop)  # before the databases close
        servers.start(0, asgi)

        operator = Operator(servers.broker, key)
        stack.callback(operator.close)
        _connect_saml(operator, idp, logout)
        _connect_oidc(operator, provider)
        servers.start(1, _notes(operator, servers).application())
        scim = operator.directory(ORCHARD)
        yield World(servers.app, servers.broker, servers.saml_idp, servers.oidc_idp, key, scim, login)


def _connect_saml(operator: Operator, idp: DemoSamlIdp, logout: DemoLogout) -> None:
    made = operator.organisation(ORCHARD, {"metadata_xml": logout.metadata()})
    idp.trust(made["sp"]["entity_id"], made["sp"]["acs_url"])
    logout.trust(made["sp"]["entity_id"], made["sp"]["slo_url"])


def _connect_oidc(operator: Operator, provider: DemoOp) -> None:
    secret = new_secret()
    fields = {"issuer": provider.issuer, "client_id": OP_CLIENT, "client_secret": secret}
    scopes = {"scopes": ["openid", "email", "profile", "groups"]}
    made = operator.organisation(HARBOR, {**fields, **scopes})
    rp = made["rp"]
    provider.clients[OP_CLIENT] = DemoClient(
        (rp["redirect_uri"],), secret, (rp["post_logout_redirect_uri"],), rp["backchannel_logout_uri"]
    )


def _notes(operator: Operator, servers: _Servers) -> NotesSite:
    client = operator.app(servers.app)
    settings = Settings(
        issuer=servers.broker,
        client_id=client.client_id,
        client_secret=client.client_secret,
        redirect_uri=f"{servers.app}/callback",
        signed_out_uri=f"{servers.app}/signed-out",
    )
    accounts = [
        Account(person.email, person.password, organisation.name, organisation.kind)
        for organisation in ORGANISATIONS
        for person in organisation.people
    ]
    return NotesSite(OidcClient(settings), accounts, f"{servers.broker}/account")
