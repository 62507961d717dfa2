"""Structured logs: JSON for machines, colours for people, nothing secret in either."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog

_SECRET_NAME = re.compile(
    r"secret|password|authorization|cookie|token|handle|saml_?response|relay_?state|code_verifier|master_key|^code$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"idbk_[0-9a-z]{26}_[\w-]+|eyJ[\w-]{8,}\.[\w-]+(\.[\w-]+)?|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*"
    r"|scim_[0-9a-z]{26}\.[0-9a-z]{26}\.[\w-]+|whsec_[A-Za-z0-9+/=]{16,}"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # user and password in a URL
)
REDACTED = "[redacted]"


def redact(logger: Any, method: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop values whose name or shape says that they are secret, at any depth."""
    for name, value in record.items():
        record[name] = _clean(name, value)
    return record


def _clean(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name):
        return REDACTED
    if isinstance(value, str):
        return _SECRET_VALUE.sub(REDACTED, value)
    if isinstance(value, Mapping):
        return {key: _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", inner) for inner in value]
    return value


PROCESSORS: list[Any] = []
"""One list, filled in place: a logger keeps the list that it found at its first use."""


def set_up_logs(form: Literal["json", "console"]) -> None:
    """Once, at start. Everything goes to stderr: stdout belongs to what a command answers."""
    renderer: Any = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    PROCESSORS[:] = [*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
    structlog.configure(
        processors=PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for noisy in ("httpx2", "httpcore2", "uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
