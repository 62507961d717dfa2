"""The outbound guard over real sockets: what is reached, how much is read, how long it may take."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from idbroker.outbound.fetcher import FetchFailed, GuardedFetcher
from tests.support.servers import http, tcp_server

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]
ANY = "*/*"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture
def fetcher() -> Iterator[GuardedFetcher]:
    made = GuardedFetcher(LOOPBACK, timeout=20, limit=10_000)
    yield made
    made.close()


@pytest.fixture
def hurried() -> Iterator[GuardedFetcher]:
    """For servers that do not answer; one who answers at once may be too slow for it."""
    made = GuardedFetcher(LOOPBACK, timeout=0.4)
    yield made
    made.close()


@pytest.fixture
def strict() -> Iterator[GuardedFetcher]:
    made = GuardedFetcher([], timeout=20)
    yield made
    made.close()


def always(answer: bytes) -> Callable[[socket.socket, bytes], None]:
    return lambda connection, request: connection.sendall(answer)


def failed(fetch: GuardedFetcher, url: str) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        fetch.get(url, accept=ANY)
    assert caught.value.status == 502
    assert "127.0.0.1" not in caught.value.public
    return caught.value


def test_an_answer_comes_whole(fetcher: GuardedFetcher) -> None:
    requests: list[bytes] = []

    def answering(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        connection.sendall(http(b'{"a":1}', headers="Content-Type: application/json\r\nX-One: 1\r\n"))

    with tcp_server(answering) as port:
        got = fetcher.get(f"http://127.0.0.1:{port}/a?b=c", accept="application/json", headers={"if-none-match": '"x"'})
    assert (got.status, got.body, got.headers["content-type"], got.headers["x-one"]) == (
        200,
        b'{"a":1}',
        "application/json",
        "1",
    )
    head = requests[0].lower()
    assert head.startswith(b"get /a?b=c http/1.1\r\n")
    for line in (b"accept: application/json", b"accept-encoding: identity", b"user-agent: idbroker", b'if-none-match: "x"'):
        assert line in head
    assert b"cookie" not in head


def test_a_form_is_posted(fetcher: GuardedFetcher) -> None:
    requests: list[bytes] = []

    def answering(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        connection.sendall(http(b"{}", status="400 Bad Request"))

    with tcp_server(answering) as port:
        got = fetcher.post_form(f"http://127.0.0.1:{port}/token", {"code": "a b&c", "é": "1"})
    assert got.status == 400, "an error of the other side is an answer"
    assert requests[0].endswith(b"\r\n\r\ncode=a+b%26c&%C3%A9=1")


def test_cookies_are_not_kept(fetcher: GuardedFetcher) -> None:
    requests: list[bytes] = []

    def answering(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        connection.sendall(http(headers="Set-Cookie: tracked=1\r\n"))

    with tcp_server(answering) as port:
        for _ in range(2):
            fetcher.get(f"http://127.0.0.1:{port}/", accept=ANY)
    assert b"tracked" not in requests[1]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.9.9.9",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "127.1",
        "017700000001",
    ],
)  # fmt: skip
def test_private_addresses_are_not_called(strict: GuardedFetcher, host: str) -> None:
    called = threading.Event()
    with tcp_server(lambda connection, request: called.set()) as port:
        assert failed(strict, f"http://{host}:{port}/").code in ("outbound_blocked", "outbound_failed")
    assert not called.is_set()


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]", "168.63.129.16"])
def test_metadata_services_are_not_called(fetcher: GuardedFetcher, host: str) -> None:
    assert failed(fetcher, f"http://{host}/latest/meta-data/").code == "outbound_blocked"


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """The system's resolver knows every name, and these are its addresses."""
    asked: list[str] = []

    genuine = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host[-1].isdigit():
            return genuine(host, port, *args, **kwargs)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_name_that_leads_inside_is_not_called(strict: GuardedFetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, "127.0.0.1", "10.1.2.3", "169.254.169.254")
    refusal = failed(strict, "http://innocent.example.com/")
    assert refusal.code == "outbound_blocked"
    assert "10.1.2.3" not in refusal.public


def test_a_name_is_asked_once_and_what_was_judged_is_dialled(fetcher: GuardedFetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    with tcp_server(always(http())) as port:
        asked = names(monkeypatch, "10.1.2.3", "127.0.0.1")
        assert fetcher.get(f"http://innocent.example.com:{port}/", accept=ANY).body == b"hello"
        assert asked == ["innocent.example.com"]
        assert fetcher.get(f"http://innocent.example.com:{port}/", accept=ANY).body == b"hello"
        assert asked == ["innocent.example.com"], "the connection is kept"


def test_the_next_address_is_tried(fetcher: GuardedFetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    with tcp_server(always(http())) as port:
        names(monkeypatch, "127.0.0.9", "127.0.0.1")
        assert fetcher.get(f"http://two.example.com:{port}/", accept=ANY).body == b"hello"


def test_a_name_without_an_address(fetcher: GuardedFetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    assert failed(fetcher, "http://nowhere.example.com/").code == "outbound_failed"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_an_answer_and_is_not_followed(fetcher: GuardedFetcher, status: str) -> None:
    requests: list[bytes] = []

    def answering(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        connection.sendall(http(b"", status=status, headers="Location: http://169.254.169.254/\r\n"))

    with tcp_server(answering) as port:
        got = fetcher.get(f"http://127.0.0.1:{port}/", accept=ANY)
    assert (got.status, got.headers["location"], len(requests)) == (int(status[:3]), "http://169.254.169.254/", 1)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (http(b"x" * 10_000), None),
        (http(b"x" * 10_001), "outbound_too_large"),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 4,
            "outbound_too_large",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20_000, "outbound_too_large"),
        (http(zlib.compress(b"x" * 1_000_000), headers="Content-Encoding: deflate\r\n"), "outbound_encoding"),
        (http(b"x", headers="Content-Encoding: gzip\r\n"), "outbound_encoding"),
        (http(b"x", headers="Content-Encoding: br\r\n"), "outbound_encoding"),
        (http(b"x", headers="Content-Encoding: identity\r\n"), None),
        (b"not http at all\r\n\r\n", "outbound_failed"),
        (b"HTTP/1.1 200 OK\r\n" + b"x-long: " + b"y" * 200_000 + b"\r\n\r\n", "outbound_failed"),
        (http(b"x" * 10, length=20), "outbound_timeout"),
    ],
    ids=range(11),
)
def test_answers_within_bounds(fetcher: GuardedFetcher, hurried: GuardedFetcher, answer: bytes, code: str | None) -> None:
    def answering(connection: socket.socket, request: bytes) -> None:
        connection.sendall(answer)
        if b"content-length" not in answer and b"chunked" not in answer:
            connection.close()

    with tcp_server(answering) as port:
        if code is None:
            assert fetcher.get(f"http://127.0.0.1:{port}/", accept=ANY).status == 200
        else:
            asking = hurried if code == "outbound_timeout" else fetcher
            assert failed(asking, f"http://127.0.0.1:{port}/").code == code


LONG_BEFORE_THE_END = 6.0
"""Seconds: far beyond the call's deadline, so that a busy machine is no failure, and short of what a drip takes."""


def drip(*parts: bytes) -> Callable[[socket.socket, bytes], None]:
    """Each part well within any single read's patience, all of them far beyond the call's."""
    pause = threading.Event()

    def answering(connection: socket.socket, request: bytes) -> None:
        for part in parts:
            connection.sendall(part)
            pause.wait(0.08)

    return answering


@pytest.mark.parametrize(
    "parts",
    [
        [http(b"", length=100), *[b"x"] * 100],
        [bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nx-slow: " + b"y" * 100],
        [CHUNKED, *[b"1\r\nx\r\n"] * 100],
    ],
    ids=["body", "head", "chunks"],
)
def test_a_slow_drip_is_cut_at_the_deadline_of_the_whole(hurried: GuardedFetcher, parts: list[bytes]) -> None:
    with tcp_server(drip(*parts)) as port:
        began = time.monotonic()
        assert failed(hurried, f"http://127.0.0.1:{port}/").code == "outbound_timeout"
        assert time.monotonic() - began < LONG_BEFORE_THE_END


def test_a_silent_server_is_left_at_the_deadline(hurried: GuardedFetcher) -> None:
    with tcp_server(lambda connection, request: None) as port:
        began = time.monotonic()
        assert failed(hurried, f"http://127.0.0.1:{port}/").code == "outbound_timeout"
        assert time.monotonic() - began < LONG_BEFORE_THE_END


def test_each_call_has_its_own_deadline() -> None:
    fetcher = GuardedFetcher(LOOPBACK, timeout=3)
    with tcp_server(lambda connection, request: None) as silent, tcp_server(always(http())) as good:
        failed(fetcher, f"http://127.0.0.1:{silent}/")
        assert fetcher.get(f"http://127.0.0.1:{good}/", accept=ANY).body == b"hello"
    fetcher.close()


@pytest.mark.parametrize(
    "url", ["http://", "nonsense", "file:///etc/passwd", "http://[::1", "http://127.0.0.1:99999/", "http://a b/", ""]
)
def test_what_is_no_address_fails_like_any_other(fetcher: GuardedFetcher, url: str) -> None:
    assert failed(fetcher, url).code == "outbound_failed"


def test_a_closed_port_fails(fetcher: GuardedFetcher) -> None:
    with tcp_server(always(http())) as port:
        pass
    assert failed(fetcher, f"http://127.0.0.1:{port}/").code == "outbound_failed"


def test_a_connection_that_was_kept_and_then_closed_is_made_anew(fetcher: GuardedFetcher) -> None:
    closed = threading.Semaphore(0)

    def answering(connection: socket.socket, request: bytes) -> None:
        connection.sendall(http())
        connection.close()
        closed.release()

    with tcp_server(answering) as port:
        for _ in range(3):
            assert fetcher.get(f"http://127.0.0.1:{port}/", accept=ANY).body == b"hello"
            assert closed.acquire(timeout=20)


def test_proxies_of_the_environment_are_not_asked(fetcher: GuardedFetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with tcp_server(always(http())) as port:
        made = GuardedFetcher(LOOPBACK, timeout=20)
        assert made.get(f"http://127.0.0.1:{port}/", accept=ANY).body == b"hello"
        made.close()


def test_a_name_server_that_never_answers_holds_nobody_up(monkeypatch):
    release = threading.Event()

    def hang(*args, **options):
        release.wait(60)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    fetcher, begun = GuardedFetcher((), timeout=0.3), time.monotonic()
    with pytest.raises(FetchFailed) as failed:
        fetcher.get("https://idp.example.com/", accept="*/*")
    assert time.monotonic() - begun < LONG_BEFORE_THE_END
    release.set()
    assert failed.value.code == "outbound_timeout"
    fetcher.close()
