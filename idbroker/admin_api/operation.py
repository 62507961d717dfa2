"""One call of the Admin API: its row in the route table, and beside it what its description says. One table, two uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from idbroker.web.route import Row

API = "/api/v1"
TENANT = f"{API}/tenants/{{tenant}}"


@dataclass(frozen=True, kw_only=True)
class QueryParameter:
    name: str
    description: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, kw_only=True)
class Operation:
    """``name`` is the OpenAPI ``operationId``, ``area`` its tag. What a row says already is not repeated here."""

    name: str
    area: str
    summary: str
    row: Row
    body: type[BaseModel] | None = None
    partial: bool = False
    """Any part of ``body`` may be given: a PATCH."""
    answer: type[BaseModel] | None = None
    many: bool = False
    """A page of ``answer``, with a cursor to the next one."""
    status: int = 200
    media: tuple[str, ...] = ()
    """What may be answered beside JSON of a model, or instead of it."""
    query: tuple[QueryParameter, ...] = ()
    problems: tuple[int, ...] = ()
    """Statuses of refusals beside those that follow from the row."""
    versioned: bool = False
    """It writes what has a version: ``If-Match`` is heeded."""
    app_credentials: bool = False
    """An app proves itself with its client id and secret (HTTP Basic)."""
