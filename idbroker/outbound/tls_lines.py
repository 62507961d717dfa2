"""Bytes to a TLS server, and the word that it has read them: for syslog (RFC 5425). Guarded addresses, verified certificate."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Sequence
from typing import Protocol

from idbroker.outbound.address_guard import Network
from idbroker.outbound.fetcher import FetchFailed
from idbroker.outbound.resolving import BlockedAddress, NoAddress, NoAnswerInTime, reachable

TIMEOUT_SECONDS = 10.0
PIECE = 16_384
"""A TLS record's worth: between two of them the time is looked at."""


class TlsSender(Protocol):
    def send(self, host: str, port: int, data: bytes, *, authorities: str | None) -> None:
        """``authorities``: certificates in PEM that the server's must come from, not the system's. Raises FetchFailed."""
        ...


class GuardedTls:
    """The real one. Thread-safe: each call has a connection of its own."""

    def __init__(self, allowed: Sequence[Network], *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._allowed = allowed
        self._timeout = timeout

    def send(self, host: str, port: int, data: bytes, *, authorities: str | None) -> None:
        until, where = time.monotonic() + self._timeout, f"{host}:{port}"
        try:
            with self._connected(host, port, until, authorities) as stream:
                for start in range(0, len(data), PIECE):
                    stream.settimeout(_left(until))
                    stream.sendall(data[start : start + PIECE])
                _closed(stream, until)
        except BlockedAddress as error:
            raise FetchFailed(
                "outbound_blocked", "The address points into a private network and is not called.", detail=where
            ) from error
        except ssl.SSLCertVerificationError as error:
            told = f"The other server's certificate cannot be verified: {error.verify_message}."
            raise FetchFailed("outbound_failed", told, detail=where) from error
        except (TimeoutError, NoAnswerInTime) as error:
            raise FetchFailed("outbound_timeout", "The other server did not answer in time.", detail=where) from error
        except (OSError, NoAddress, UnicodeError, ValueError) as error:
            raise FetchFailed(
                "outbound_failed", "The other server could not be reached.", detail=f"{where}: {error!r}"
            ) from error

    def _connected(self, host: str, port: int, until: float, authorities: str | None) -> ssl.SSLSocket:
        context = ssl.create_default_context(cadata=authorities)
        plain = _dialled(reachable(host, port, self._allowed, _left(until)), port, until)
        try:
            plain.settimeout(_left(until))
            return context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise


def _dialled(addresses: Sequence[str], port: int, until: float) -> socket.socket:
    """A connection to the first address that takes one."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout=_left(until))
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), timeout=_left(until))


def _closed(stream: ssl.SSLSocket, until: float) -> None:
    """Say goodbye and wait for the same. A syslog receiver answers close_notify once it has read what came before (RFC 5425
    4.4); one that only closes the connection has read it too, for unread data would have made a reset."""
    stream.settimeout(_left(until))
    try:
        stream.unwrap()
    except (ConnectionResetError, BrokenPipeError, TimeoutError):
        raise
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        return
    except OSError as error:
        if error.errno:
            raise


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the whole call took too long")
    return left
