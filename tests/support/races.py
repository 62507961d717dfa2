"""Many callers at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def at_once(count: int, action: Callable[[int], Any]) -> list[Any]:
    """Call ``action(0)`` … ``action(count - 1)`` together, a thread each. Their results or exceptions, in that order."""
    gate = threading.Barrier(count, timeout=20)

    def run(number: int) -> Any:
        gate.wait()
        try:
            return action(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
