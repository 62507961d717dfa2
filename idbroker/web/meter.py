"""What one request is charged to. First its address; as soon as it has proven whose it is, that tenant in the address's place.

A stranger can name any tenant, so naming is not enough: ``proven`` is called by whoever has checked a credential of the
tenant, or a message that only its identity provider can have made.
"""

from __future__ import annotations

from typing import Protocol

from idbroker.kernel.errors import Refusal
from idbroker.kernel.ids import TenantId
from idbroker.limits.bucket import Decision
from idbroker.storage.unit import PlatformUnit, TenantUnit


class TooMany(Refusal):
    """A bucket is empty. ``recorded`` is False for all but one of a minute's refusals: a flood must not fill a trail."""

    status = 429

    def __init__(self, decision: Decision, *, recorded: bool, detail: str) -> None:
        super().__init__("rate_limited", "Too many requests. Please wait a moment, then try again.", detail=detail)
        self.decision = decision
        self.recorded = recorded


class Meter(Protocol):
    def proven(self, tenant: TenantId, unit: PlatformUnit | TenantUnit | None = None) -> None:
        """The request is that tenant's; said again, it costs nothing more. Raises TooMany when the tenant has too many.
        ``unit`` is the unit that is open, if any."""
        ...

    def does_the_work_of(self, requests: int) -> None:
        """One request that stands for many, once it is proven: it takes what the bucket still holds, if need be all of it."""
        ...

    def proven_operator(self, key: str) -> None:
        """The request bears an operator's key. Raises TooMany."""
        ...


class Unmetered:
    """For routes without a limit."""

    def proven(self, tenant: TenantId, unit: PlatformUnit | TenantUnit | None = None) -> None:
        """Nothing is charged."""

    def does_the_work_of(self, requests: int) -> None:
        """Nothing is charged."""

    def proven_operator(self, key: str) -> None:
        """Nothing is charged."""


UNMETERED = Unmetered()
