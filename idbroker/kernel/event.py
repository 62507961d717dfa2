"""What happened: the fact that a state change hands to the outbox in its own transaction.

``audit/events.py`` is the catalogue of actions; this is only the shape of one occurrence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource:
    """What an event is about."""

    type: str
    id: str
    name: str | None = None

    def as_document(self) -> dict[str, str | None]:
        return {"type": self.type, "id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True)
class Change:
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. ``action`` is ``noun.past_tense``; ``changes`` maps a field to its two values; all JSON-able."""

    action: str
    resource: Resource
    changes: Mapping[str, Change] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    auth_method: str | None = None
    session_id: str | None = None
