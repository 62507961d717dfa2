"""That hostile input does not keep the processor busy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

FAR_TOO_LONG = 20.0
"""Seconds. No measure of speed (that is benchmarks/): what is meant takes a small part of one, on a slow machine too, and what
an attacker hopes for takes minutes."""


@contextmanager
def not_for_long() -> Iterator[None]:
    """Counts the processor time of this thread alone: neither other threads nor other programs make a test fail."""
    started = time.thread_time()
    yield
    took = time.thread_time() - started
    assert took < FAR_TOO_LONG, f"{took:.1f} seconds of the processor"
