"""From a name to the addresses that may be dialled: resolved once, judged, and what was judged is what is connected to."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Sequence

from idbroker.outbound.address_guard import Network, may_reach


class BlockedAddress(Exception):
    """The guard said no to every address of a name."""


class NoAddress(Exception):
    """The name has no address."""


class NoAnswerInTime(Exception):
    """The name server did not say where it is."""


def reachable(host: str, port: int, allowed: Sequence[Network], seconds: float) -> list[str]:
    """The addresses of ``host`` that the guard lets through, in the resolver's order.

    Raises BlockedAddress when there are none of those, NoAddress, NoAnswerInTime.
    """
    found = _resolved(host, port, seconds)
    judged = [text for text in dict.fromkeys(found) if may_reach(ipaddress.ip_address(text), allowed)]
    if not judged:
        raise BlockedAddress(host)
    return judged


def _resolved(host: str, port: int, seconds: float) -> list[str]:
    """What the name resolves to. The system's resolver cannot be told to hurry, so it is asked in a thread of its own: a name
    server that never answers holds that thread, and not the call."""
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put([str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise NoAnswerInTime(f"the name server did not say where {host} is") from None
    if isinstance(answer, Exception):
        raise NoAddress(f"{host} has no address") from answer
    return answer
