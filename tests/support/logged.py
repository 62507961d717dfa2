"""What the program logs, as it is before it is written out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from idbroker.telemetry.logs import PROCESSORS


@contextmanager
def everything_logged() -> Iterator[list[Any]]:
    """Also by loggers that another test has used, after it had set up logs."""
    structlog.configure(processors=PROCESSORS)
    try:
        with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
            yield lines
    finally:
        structlog.reset_defaults()
