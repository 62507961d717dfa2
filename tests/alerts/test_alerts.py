"""What an admin is told without looking: once, until it is over, of his own tenant alone; by mail to the addresses he named."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from idbroker.alerts.mail import AlertMail
from idbroker.alerts.model import Alert, AlertRecipients, Alerts
from idbroker.alerts.rules import refusals_rise
from idbroker.alerts.service import acknowledge
from idbroker.alerts.watch import AlertWatch
from idbroker.audit.outbox import Outbox
from idbroker.audit.search import TrailQuery
from idbroker.audit.trail import Trail
from idbroker.connections.model import Connection, Connections
from idbroker.connections.service import ConnectionService
from idbroker.directories.model import Directories, Directory, DirectoryToken, DirectoryTokens
from idbroker.kernel.errors import Conflict, NotFound
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import LocalMasterKeys
from idbroker.outbound.mail import NotMailed, SmtpMailer
from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.races import at_once
from tests.support.upkeep import ScriptedUpkeep
from tests.support.world import make_tenant

CERTIFICATE = Event(
    "connection.certificate_expiring", Resource("connection", "con_1", "Acme Okta"), context={"sha256": "ab", "days": 14}
)


def _certificate(days: int) -> Event:
    return replace(CERTIFICATE, context={"sha256": "ab", "days": days})


BRAKE = Event("directory.brake_engaged", Resource("directory", "dir_1", "Okta"), context={})
RELEASE = Event("directory.brake_released", Resource("directory", "dir_1", "Okta"), context={})
REFUSED = Event("sign_in.refused", Resource("sign_in", "K7QM-2XPA"), context={"code": "x"})


@dataclass
class Watched:
    stores: Stores
    clock: TestClock
    trail: Trail
    watch: AlertWatch
    scope: TenantScope

    def tell(self, *events: Event, scope: TenantScope | None = None) -> None:
        with self.stores.main.tenant(scope or self.scope) as unit:
            for event in events:
                unit[Outbox].record(event)
        self.trail.seal_all()

    def alerts(self, *statuses: str, scope: TenantScope | None = None) -> list[Alert]:
        with self.stores.main.tenant(scope or self.scope, read_only=True) as unit:
            return list(unit[Alerts].newest(statuses or ("open", "acknowledged")))

    def events(self) -> list[str]:
        self.trail.seal_all()
        found = self.trail.search(self.scope, TrailQuery(limit=1000))
        return [r["action"] for r in reversed(found) if r["action"].startswith("alert.")]


@pytest.fixture
def world(stores: Stores, clock: TestClock) -> Watched:
    trail = Trail(stores.main, stores.audit)
    scope = make_tenant(stores, "acme")
    trail.seal_all()
    return Watched(stores, clock, trail, AlertWatch(stores.main, trail, connections()), scope)


def connections() -> ConnectionService:
    """Of which the certificates are those in their settings."""
    upkeep = ScriptedUpkeep(ends={"ab": TestClock().now(), "cd": TestClock().now()})
    return ConnectionService({}, Envelope(LocalMasterKeys([bytes(32)])), {"scripted": upkeep})


def put_connection(world: Watched, *certificates: str) -> None:
    """``con_1``, that uses those certificates from now on."""
    with world.stores.main.tenant(world.scope) as unit:
        row, now = unit[Connections].get("con_1"), world.clock.now()
        if row is not None:
            row.settings = {"certificates": list(certificates)}
            return
        row = Connection(
            tenant_id=world.scope.tenant, id="con_1", type="scripted", name="Acme Okta", vendor="okta", status="active",
            settings={"certificates": list(certificates)}, secrets_sealed=b"", options={}, attribute_mapping={},
            routing_domains=[], warnings=[], created_at=now, updated_at=now,
        )  # fmt: skip
        unit[Connections].add(row)


def test_an_event_opens_an_alert_once_and_its_return_is_counted(world: Watched) -> None:
    assert world.watch.look(world.scope) == 0
    put_connection(world, "ab")
    world.tell(CERTIFICATE)
    assert world.watch.look(world.scope) == 1
    assert world.watch.look(world.scope) == 0
    (alert,) = world.alerts()
    assert (alert.kind, alert.status, alert.times) == ("certificate_expiring", "open", 1)
    assert alert.summary == "A certificate of connection Acme Okta ends in 14 day(s). Sign-ins fail when it has."
    world.tell(CERTIFICATE)
    assert world.watch.look(world.scope) == 0
    (alert,) = world.alerts()
    assert alert.times == 2
    assert world.events() == ["alert.opened"]


def test_what_is_over_is_settled_and_may_come_again(world: Watched) -> None:
    world.tell(BRAKE)
    world.watch.look(world.scope)
    world.tell(RELEASE)
    world.watch.look(world.scope)
    assert world.alerts() == []
    world.tell(BRAKE)
    assert world.watch.look(world.scope) == 1
    assert [row.status for row in world.alerts("open", "resolved")] == ["open", "resolved"]
    assert world.events() == ["alert.opened", "alert.resolved", "alert.opened"]


def test_what_has_come_nearer_is_told_again_and_is_over_when_it_is_renewed(world: Watched) -> None:
    put_connection(world, "ab")
    with world.stores.main.tenant(world.scope) as unit:
        unit[AlertRecipients].replace(["it@acme.example"])
    world.tell(_certificate(30))
    assert world.watch.look(world.scope) == 1
    with world.stores.main.tenant(world.scope) as unit:
        acknowledge(unit, world.alerts()[0].id).mail_due_at = None
    for days, status, mailed in ((30, "acknowledged", False), (7, "open", True), (1, "open", True)):
        world.tell(_certificate(days))
        assert world.watch.look(world.scope) == 0, "it is the same alert"
        (alert,) = world.alerts()
        assert (alert.status, alert.mail_due_at is not None) == (status, mailed)
    assert world.events() == ["alert.opened", "alert.acknowledged", "alert.opened", "alert.opened"]
    put_connection(world, "ab", "cd")
    world.watch.look(world.scope)
    assert len(world.alerts()) == 1, "the old one is used still"
    put_connection(world, "cd")
    world.watch.look(world.scope)
    assert [row.status for row in world.alerts("open", "acknowledged", "resolved")] == ["resolved"]


def test_what_is_removed_has_no_alerts(world: Watched) -> None:
    nouns = ("webhook", "log_stream", "directory")
    stopped = ("webhook.parked", "log_stream.parked", "directory.brake_engaged")
    world.tell(*(Event(action, Resource(noun, f"{noun}_1")) for noun, action in zip(nouns, stopped, strict=True)))
    assert world.watch.look(world.scope) == 3
    world.tell(*(Event(f"{noun}.deleted", Resource(noun, f"{noun}_1")) for noun in nouns))
    world.watch.look(world.scope)
    assert world.alerts() == []


def test_a_directory_whose_last_token_ends(world: Watched) -> None:
    now = world.clock.now()

    def put_token(name: str, ends_at: datetime | None) -> None:
        with world.stores.main.tenant(world.scope) as unit:
            unit[DirectoryTokens].add(
                DirectoryToken(tenant_id=world.scope.tenant, id=name, directory_id="dir_1", prefix="p", secret_digest=name,
                               scopes=[], created_at=now, expires_at=ends_at)
            )  # fmt: skip

    def look() -> list[tuple[str, int]]:
        world.watch.look(world.scope)
        return [(row.kind, row.details["days"]) for row in world.alerts()]

    with world.stores.main.tenant(world.scope) as unit:
        unit[Directories].add(Directory(tenant_id=world.scope.tenant, id="dir_1", name="Okta", created_at=now, updated_at=now))
    assert look() == []
    put_token("dtk_1", now + timedelta(days=20))
    assert look() == [("directory_token_expiring", 30)]
    put_token("dtk_2", now + timedelta(days=90))
    assert look() == [], "the other one is good for long"
    world.clock.advance(days=89.5)
    assert look() == [("directory_token_expiring", 1)]
    world.clock.advance(days=1)
    assert look() == [("directory_token_expiring", 0)]
    put_token("dtk_3", None)
    assert look() == []
    assert world.events() == ["alert.opened", "alert.resolved", "alert.opened", "alert.opened", "alert.resolved"]


def test_acknowledging(world: Watched) -> None:
    world.tell(BRAKE)
    world.watch.look(world.scope)
    (alert,) = world.alerts()
    for _ in range(2):
        with world.stores.main.tenant(world.scope) as unit:
            assert acknowledge(unit, alert.id).status == "acknowledged"
    assert world.events() == ["alert.opened", "alert.acknowledged"]
    world.tell(RELEASE)
    world.watch.look(world.scope)
    with world.stores.main.tenant(world.scope) as unit, pytest.raises(Conflict):
        acknowledge(unit, alert.id)
    bob = make_tenant(world.stores, "bob")
    with world.stores.main.tenant(bob) as unit, pytest.raises(NotFound):
        acknowledge(unit, alert.id)


def test_refusals_that_rise_and_fall(world: Watched) -> None:
    world.tell(*[REFUSED] * 9)
    assert world.watch.look(world.scope) == 0
    world.tell(REFUSED)
    assert world.watch.look(world.scope) == 1
    assert world.watch.look(world.scope) == 0
    assert world.alerts()[0].details == {"last_hour": 10, "day_before": 0}
    world.clock.advance(minutes=61)
    world.watch.look(world.scope)
    assert [row.status for row in world.alerts("resolved")] == ["resolved"]


def test_a_directory_that_falls_silent_and_speaks_again(world: Watched) -> None:
    now = world.clock.now()
    with world.stores.main.tenant(world.scope) as unit:
        for number, last in ((1, now), (2, None)):
            row = Directory(tenant_id=world.scope.tenant, id=f"dir_{number}", name="Okta", last_request_at=last,
                            created_at=now, updated_at=now)  # fmt: skip
            unit[Directories].add(row)
    world.clock.advance(hours=23)
    assert world.watch.look(world.scope) == 0
    world.clock.advance(hours=1)
    assert world.watch.look(world.scope) == 1
    assert [(row.kind, row.subject) for row in world.alerts()] == [("directory_silent", "dir_1")]
    with world.stores.main.tenant(world.scope) as unit:
        found = unit[Directories].get("dir_1")
        assert found is not None
        found.last_request_at = world.clock.now()
    world.watch.look(world.scope)
    assert world.alerts() == []


def test_several_workers_open_one(world: Watched) -> None:
    put_connection(world, "ab")
    world.tell(BRAKE, CERTIFICATE)
    results = at_once(4, lambda number: AlertWatch(world.stores.main, world.trail, connections()).look(world.scope))
    assert sum(results) == 2, results
    assert len(world.alerts()) == 2


def test_another_tenant_has_its_own(world: Watched) -> None:
    bob = make_tenant(world.stores, "bob")
    world.tell(BRAKE)
    assert world.watch.look(bob) == 0
    assert world.alerts(scope=bob) == []


@pytest.mark.parametrize(
    ("hour", "day", "rises"),
    [(0, 0, False), (9, 0, False), (10, 0, True), (29, 240, False), (30, 240, True), (1000, 24_000, False)],
)
def test_when_refusals_rise(hour: int, day: int, rises: bool) -> None:
    assert (refusals_rise(hour, day) is not None) is rises


class MailServer:
    """A mail server on loopback that writes down what it is sent. ``refuses``: it takes no message."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.17.25", 0))
        self.port = self.listener.getsockname()[1]
        self.messages: list[tuple[str, str]] = []
        self.refuses = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        self._thread.join()
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with suppress(OSError), connection, connection.makefile("rwb") as stream:
                self._talk(stream)

    def _talk(self, stream: Any) -> None:
        def say(text: str) -> None:
            stream.write(text.encode() + b"\r\n")
            stream.flush()

        say("220 double")
        recipient = ""
        while line := stream.readline().decode(errors="replace").strip():
            verb = line[:4].upper()
            if verb == "RCPT":
                recipient = line.partition("<")[2].partition(">")[0]
                say("550 no" if self.refuses else "250 ok")
            elif verb == "DATA":
                say("354 go on")
                body = b""
                while not body.endswith(b"\r\n.\r\n"):
                    body += stream.readline()
                self.messages.append((recipient, body.decode()))
                say("250 ok")
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")


@pytest.fixture
def server() -> Iterator[MailServer]:
    made = MailServer()
    yield made
    made.close()


def test_due_alerts_are_mailed_to_the_named_addresses_and_to_nobody_else(world: Watched, server: MailServer) -> None:
    bob = make_tenant(world.stores, "bob")
    mail = AlertMail(
        world.stores.main, SmtpMailer("127.0.17.25", server.port, "broker@id.example", "none"), "https://id.example"
    )
    for scope, address in ((world.scope, "it@acme.example"), (bob, "it@bob.example")):
        with world.stores.main.tenant(scope) as unit:
            unit[AlertRecipients].replace([address, f"second-{address}"])
    put_connection(world, "ab")
    world.tell(BRAKE, CERTIFICATE)
    world.tell(
        Event("directory.brake_engaged", Resource("directory", "dir_9", "Bob’s secret\r\nBcc: x@evil.example")), scope=bob
    )
    for scope in (world.scope, bob):
        world.watch.look(scope)
        mail.send(scope)
        assert mail.send(scope) == 0
    assert sorted(to for to, _ in server.messages) == [
        "it@acme.example", "it@bob.example", "second-it@acme.example", "second-it@bob.example",
    ]  # fmt: skip
    for to, text in server.messages:
        assert ("Okta" in text) is to.endswith("acme.example"), text
        headers = text.partition("\r\n\r\n")[0]
        assert "bcc" not in [line.partition(":")[0].lower() for line in headers.splitlines()]
        assert "second" not in text or to.startswith("second")


def test_a_mail_server_that_refuses_is_asked_again_and_then_left(world: Watched, server: MailServer) -> None:
    mail = AlertMail(
        world.stores.main, SmtpMailer("127.0.17.25", server.port, "broker@id.example", "none"), "https://id.example"
    )
    with world.stores.main.tenant(world.scope) as unit:
        unit[AlertRecipients].replace(["it@acme.example"])
    world.tell(BRAKE)
    world.watch.look(world.scope)
    server.refuses = True
    for _ in range(4):
        assert mail.send(world.scope) == 0
        world.clock.advance(hours=7)
    server.refuses = False
    assert mail.send(world.scope) == 1
    assert len(server.messages) == 1


def test_nobody_named_gets_no_mail(world: Watched) -> None:
    mail = AlertMail(world.stores.main, SmtpMailer("127.0.17.25", 1, "broker@id.example", "none"), "https://id.example")
    world.tell(BRAKE)
    world.watch.look(world.scope)
    assert mail.send(world.scope) == 0


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_without_encryption_gets_nothing(server: MailServer, security: Any) -> None:
    with pytest.raises(NotMailed):
        SmtpMailer("127.0.17.25", server.port, "broker@id.example", security).send(["a@b.example"], "s", "t")
    assert server.messages == []
