"""Tenants, some at a time: what is asked of the platform's database about them is asked once for each group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from idbroker.kernel.ids import TenantId

SIZE = 200


def in_groups(tenants: Iterable[TenantId]) -> Iterator[list[TenantId]]:
    """Each group is taken when the one before is done with: whoever hands the tenants out may rest in between."""
    waiting = iter(tenants)
    while group := list(islice(waiting, SIZE)):
        yield group
