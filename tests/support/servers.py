"""Small real servers on loopback, for what must be proven over a socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answering = Callable[[socket.socket, bytes], None]


@contextmanager
def tcp_server(answering: Answering, *, host: str = "127.0.0.1") -> Iterator[int]:
    """Its port. ``answering`` gets each connection after a request's head and body have come, and writes what it likes."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    stopped = threading.Event()
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen(8)
        listener.settimeout(0.05)

        def serve_one(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.settimeout(0.05)
                while request := _request(connection, stopped):
                    answering(connection, request)

        def serve() -> None:
            while not stopped.is_set():
                with suppress(TimeoutError):
                    connection, _ = listener.accept()
                    workers.append(threading.Thread(target=serve_one, args=(connection,), daemon=True))
                    workers[-1].start()

        workers: list[threading.Thread] = []
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopped.set()
            thread.join(timeout=5)
            for worker in workers:
                worker.join(timeout=5)


def _request(connection: socket.socket, stopped: threading.Event) -> bytes:
    """One request, whole; nothing when the other side has gone or the server stops."""
    received = b""
    while not stopped.is_set():
        head, end, body = received.partition(b"\r\n\r\n")
        lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if end and len(body) >= sum(lengths):
            return received
        with suppress(TimeoutError):
            part = connection.recv(65_536)
            if not part:
                return b""
            received += part
    return b""


def http(body: bytes = b"hello", *, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """An HTTP/1.1 answer."""
    head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body) if length is None else length}\r\n{headers}\r\n"
    return head.encode() + body


@contextmanager
def udp_server(answering: Callable[[bytes], bytes | None]) -> Iterator[int]:
    """Its port. Each datagram is answered with what ``answering`` makes of it, or not at all."""
    stopped = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.05)

        def serve() -> None:
            while not stopped.is_set():
                with suppress(TimeoutError):
                    asked, client = listener.recvfrom(4096)
                    if (answer := answering(asked)) is not None:
                        listener.sendto(answer, client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopped.set()
            thread.join(timeout=5)
