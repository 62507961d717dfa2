"""Whether there is anything behind an IdP's logout address. Metadata often lists one that nobody serves, and a browser that is
sent there does not come back.

The address is asked without a message and without cookies, which signs nobody out. Only a plain "there is nothing here"
counts; an IdP that we cannot reach may well be reachable for the browser.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from idbroker.kernel.clock import Clock
from idbroker.kernel.errors import Refusal
from idbroker.outbound.fetcher import Fetcher

MESSAGE = (
    "SAMLRequest=", "RelayState=", "SigAlg=", "Signature=",
    "id_token_hint=", "client_id=", "post_logout_redirect_uri=", "state=",
)  # fmt: skip
NOTHING_THERE = frozenset({404, 410, 501})
KEPT = timedelta(minutes=10)
MAX_KEPT = 1000


class LogoutAddresses:
    """Thread-safe; remembers each address for ten minutes."""

    def __init__(self, fetcher: Fetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._known: OrderedDict[str, tuple[datetime, int | None]] = OrderedDict()
        self._lock = threading.Lock()

    def missing(self, url: str) -> int | None:
        """The status with which the address says that there is nothing; None when there is something, or nobody knows."""
        address = _bare(url)
        now = self._clock.now()
        with self._lock:
            known = self._known.get(address)
        if known is not None and now < known[0] + KEPT:
            return known[1]
        status = self._asked(address)
        with self._lock:
            self._known[address] = (now, status)
            self._known.move_to_end(address)
            while len(self._known) > MAX_KEPT:
                self._known.popitem(last=False)
        return status

    def _asked(self, address: str) -> int | None:
        try:
            status = self._fetcher.get(address, accept="text/html").status
        except Refusal:
            return None
        return status if status in NOTHING_THERE else None


def _bare(url: str) -> str:
    """The address without our message; a query of its own stays."""
    parts = urlsplit(url)
    own = [part for part in parts.query.split("&") if not part.startswith(MESSAGE)]
    return parts._replace(query="&".join(own), fragment="").geturl()
