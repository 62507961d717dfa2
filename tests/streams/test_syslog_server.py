"""Over real sockets: Debian's syslog server takes our streams, and what a TLS receiver can do wrong."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from idbroker import plugins
from idbroker.audit.chain import canonical, first_fault
from idbroker.kernel.clock import SystemClock
from idbroker.kernel.ids import TenantId
from idbroker.outbound.fetcher import FetchFailed
from idbroker.outbound.tls_lines import GuardedTls
from idbroker.streams.contract import Destination, Doors, Record, Sink
from tests.streams.trailing import tell
from tests.support.admin_world import AdminWorld
from tests.support.receivers import Receivers
from tests.support.syslog_server import HAS_TLS, RSYSLOGD, Certificates, certificates, lines, rsyslog

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
debian = pytest.mark.skipif(RSYSLOGD is None or not HAS_TLS, reason="needs Debian's rsyslog and rsyslog-gnutls")


def syslog_sink(timeout: float = 10) -> Sink:
    doors = Doors(Receivers(), GuardedTls(LOOPBACK, timeout=timeout), SystemClock(), None)
    return plugins.sinks(doors)["syslog"]


def sealed(world: AdminWorld, count: int) -> list[Any]:
    tenant = world.tenant("acme")
    tell(world, tenant, *(f'usr_{n} é💥 "]\\' for n in range(count)))
    return list(reversed(world.sealed(tenant, limit="200")))


@debian
def test_debians_syslog_server_takes_a_stream(quick: AdminWorld, tmp_path: Path) -> None:
    records = sealed(quick, 150)
    as_sealed = [Record(one["sequence"], one["id"], quick.clock.now(), canonical(one).decode()) for one in records]
    with rsyslog(tmp_path) as (port, log, made):
        settings = {"host": "127.0.0.1", "port": port, "ca_certificates": made.authority.read_text()}
        to = Destination(TenantId("tnt_x"), "lst_x", settings)
        for start in (0, 50, 100):
            assert syslog_sink().deliver(to, as_sealed[start : start + 50]).problem is None
        assert syslog_sink().deliver(to, as_sealed[150:]).problem is None
        told = [json.loads(line) for line in lines(log, len(records))]
    assert [json.loads(one["message"].strip()) for one in told] == records
    assert first_fault([json.loads(one["message"]) for one in told]) is None
    assert {(one["priority"], one["app"]) for one in told} == {("109", "idbroker")}
    for one, record in zip(told, records, strict=True):
        assert one["msgid"] == record["action"]
        assert f'[audit@32473 tenant="tnt_x" sequence="{record["sequence"]}"' in one["data"]
        (resource,) = re.findall(r'resource="((?:[^"\\\]]|\\["\\\]])*)"', one["data"])
        assert re.sub(r'\\(["\\\]])', r"\1", resource) == record["resource"]["id"]


@debian
@pytest.mark.parametrize("authority", ["none", "another"])
def test_a_certificate_that_nobody_vouches_for_gets_nothing(tmp_path: Path, authority: str) -> None:
    with rsyslog(tmp_path) as (port, log, _):
        (tmp_path / "other").mkdir()
        pem = None if authority == "none" else certificates(tmp_path / "other").authority.read_text()
        with pytest.raises(FetchFailed) as refused:
            GuardedTls(LOOPBACK).send("127.0.0.1", port, b"5 hello", authorities=pem)
        assert "certificate cannot be verified" in refused.value.public
        assert not log.exists()


@contextmanager
def tls_server(made: Certificates, serve: Callable[[ssl.SSLSocket], None]) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with suppress(OSError):
                plain, _ = listener.accept()
                with context.wrap_socket(plain, server_side=True) as stream:
                    serve(stream)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=5)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls"))


def send(made: Certificates, port: int, data: bytes = b"5 hello", *, host: str = "127.0.0.1", timeout: float = 5) -> None:
    GuardedTls(LOOPBACK, timeout=timeout).send(host, port, data, authorities=made.authority.read_text())


def test_what_was_sent_was_read(made: Certificates) -> None:
    got: list[bytes] = []

    def reader(stream: ssl.SSLSocket) -> None:
        while part := stream.recv(1000):
            got.append(part)

    with tls_server(made, reader) as port:
        send(made, port, b"x" * 100_000)
    assert b"".join(got) == b"x" * 100_000


@pytest.mark.parametrize("data", [b"5 hello", b"x" * 20_000_000], ids=["a little", "more than buffers hold"])
def test_one_who_hangs_is_not_waited_for(made: Certificates, data: bytes) -> None:
    """He reads nothing and never says goodbye."""
    over = threading.Event()

    def hanging(stream: ssl.SSLSocket) -> None:
        over.wait(60)

    with tls_server(made, hanging) as port:
        begun = time.monotonic()
        with pytest.raises(FetchFailed) as refused:
            send(made, port, data, timeout=0.5)
        assert time.monotonic() - begun < 40
        assert refused.value.code == "outbound_timeout"
        over.set()


def test_one_who_resets_has_not_read(made: Certificates) -> None:
    def resetting(stream: ssl.SSLSocket) -> None:
        stream.recv(1)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    with tls_server(made, resetting) as port, pytest.raises(FetchFailed):
        send(made, port, b"x" * 2_000_000)


def test_the_name_must_be_the_certificates(made: Certificates) -> None:
    with tls_server(made, lambda stream: None) as port, pytest.raises(FetchFailed) as refused:
        send(made, port, host="localhost")
    assert "certificate" in refused.value.public


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "localhost", "::1", "0.0.0.0", "::ffff:10.0.0.1"])
def test_private_addresses_are_not_called(host: str) -> None:
    with pytest.raises(FetchFailed) as refused:
        GuardedTls([]).send(host, 6514, b"x", authorities=None)
    assert refused.value.code == "outbound_blocked"
    assert host not in refused.value.public


def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FetchFailed, match="Refused"):
        GuardedTls(LOOPBACK).send("127.0.0.1", port, b"x", authorities=None)
