"""HTTP to the world: one kept client, no redirects, 5 s for the whole call, 1 MB of answer, guarded addresses."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Protocol
from urllib.parse import urlencode

import httpcore2
import httpx2

from idbroker.kernel.errors import Refusal
from idbroker.outbound.address_guard import Network
from idbroker.outbound.resolving import BlockedAddress, NoAddress, NoAnswerInTime, reachable

TIMEOUT_SECONDS = 5.0
MAX_BYTES = 1_000_000
USER_AGENT = "idbroker"


class FetchFailed(Refusal):
    """The other side could not be asked. ``public`` names what happened, never an address that it resolved to."""

    status = 502


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, whole and within bounds. Header names are lower-case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetcher(Protocol):
    """What features ask for; tests give a scripted one."""

    def get(self, url: str, *, accept: str, headers: Mapping[str, str] | None = None) -> Fetched: ...

    def post_form(self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched: ...

    def close(self) -> None: ...


class Sender(Protocol):
    """What deliveries ask for: any method, a body as it is, whatever the answer's status."""

    def send(self, method: str, url: str, *, body: bytes | None, headers: Mapping[str, str]) -> Fetched: ...

    def close(self) -> None: ...


class GuardedFetcher:
    """The real one. Thread-safe."""

    def __init__(self, allowed: Sequence[Network], *, timeout: float = TIMEOUT_SECONDS, limit: int = MAX_BYTES) -> None:
        self._timeout = timeout
        self._limit = limit
        self._deadline = _Deadline()
        transport = httpx2.HTTPTransport(verify=ssl.create_default_context(), trust_env=False)
        # httpx2 has no public way to choose how a name becomes an address; the pool is rebuilt around our backend.
        transport._pool = httpcore2.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=64,
            max_keepalive_connections=16,
            keepalive_expiry=30.0,
            network_backend=_GuardedBackend(allowed, self._deadline),
        )
        self._client = httpx2.Client(
            transport=transport,
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            # One client serves every tenant: what one call was given must not go out with another's.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    def get(self, url: str, *, accept: str, headers: Mapping[str, str] | None = None) -> Fetched:
        return self._send("GET", url, {"accept": accept, **(headers or {})}, None)

    def post_form(self, url: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        form = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded", **(headers or {})}
        return self._send("POST", url, form, urlencode(fields).encode())

    def send(self, method: str, url: str, *, body: bytes | None, headers: Mapping[str, str]) -> Fetched:
        return self._send(method, url, headers, body)

    def close(self) -> None:
        self._client.close()

    def _send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Fetched:
        sent = {"user-agent": USER_AGENT, "accept-encoding": "identity", **headers}
        self._deadline.start(self._timeout)
        try:
            with self._client.stream(method, url, headers=sent, content=content) as response:
                body = self._read(response)
                return Fetched(url, response.status_code, dict(response.headers.items()), body)
        except BlockedAddress as error:
            raise FetchFailed(
                "outbound_blocked", "The address points into a private network and is not called.", detail=f"{url}: {error}"
            ) from error
        except httpx2.TimeoutException as error:
            raise FetchFailed("outbound_timeout", "The other server did not answer in time.", detail=url) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError, ValueError) as error:
            raise FetchFailed(
                "outbound_failed", "The other server could not be reached.", detail=f"{url}: {error!r}"
            ) from error

    def _read(self, response: httpx2.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in response.iter_raw():
            size += len(part)
            if size > self._limit:
                raise FetchFailed("outbound_too_large", "The other server's answer is too large.", detail=str(response.url))
            parts.append(part)
        if response.headers.get("content-encoding", "identity") != "identity":
            raise FetchFailed("outbound_encoding", "The other server compressed its answer unasked.", detail=str(response.url))
        return b"".join(parts)


class _Deadline(threading.local):
    """When the call of this thread must be over: slow drips count against the whole, not against each read."""

    _until = 0.0

    def start(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.001, self._until - time.monotonic())

    def over(self) -> bool:
        return time.monotonic() >= self._until


class _GuardedBackend(httpcore2.NetworkBackend):
    """Resolves a name once, judges the addresses, and connects to a judged one: no second look-up to rebind."""

    def __init__(self, allowed: Sequence[Network], deadline: _Deadline) -> None:
        self._allowed = allowed
        self._deadline = deadline
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            judged = reachable(host, port, self._allowed, self._deadline.left())
        except NoAnswerInTime as error:
            raise httpcore2.ConnectTimeout(str(error)) from error
        except NoAddress as error:
            raise httpcore2.ConnectError(str(error)) from error
        for position, address in enumerate(judged):
            try:
                stream = self._plain.connect_tcp(address, port, self._deadline.left(), local_address, socket_options)
                return _DeadlineStream(stream, self._deadline)
            except httpcore2.ConnectError:
                if position == len(judged) - 1:
                    raise
        raise httpcore2.ConnectError(f"{host} cannot be reached")


class _DeadlineStream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._deadline.over():
            raise httpcore2.ReadTimeout("the whole call took too long")
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _DeadlineStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
