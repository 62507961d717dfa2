"""What keeps buckets: the seam between one process and several."""

from __future__ import annotations

from typing import Protocol

from idbroker.limits.bucket import Decision
from idbroker.limits.quota import Quota


class StoreGone(Exception):
    """The shared store does not answer. The limiter goes on by itself."""


class Buckets(Protocol):
    """Thread-safe. Keys are text of ours, never a client's."""

    def take(self, key: str, quota: Quota, cost: int = 1) -> Decision:
        """Charge a bucket; a negative cost gives back. Raises StoreGone."""
        ...

    def first(self, key: str, seconds: int) -> bool:
        """Whether nobody has asked this in the last ``seconds``. Raises StoreGone."""
        ...

    def ping(self) -> None:
        """Raises StoreGone."""
        ...

    def close(self) -> None: ...
