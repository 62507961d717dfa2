"""What was found to do, as it is shown: one line a thing, with the fields that change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Action = Literal["create", "update", "remove", "unchanged"]
SIGNS: Mapping[Action, str] = {"create": "+", "update": "~", "remove": "-", "unchanged": "="}
HIDDEN = "(secret)"
MAX_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Step:
    """``changes``: field → (before, after). ``notes``: what somebody has to do now, elsewhere."""

    kind: str
    tenant: str | None
    name: str
    action: Action
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        where = f"{self.tenant}: " if self.tenant is not None else ""
        head = f"{SIGNS[self.action]} {self.kind} {where}{_printable(self.name)}"
        changed = [f"    {name}: {_shown(before)} → {_shown(after)}" for name, (before, after) in self.changes.items()]
        return [head, *changed, *(f"    {note}" for note in self.notes)]

    def as_document(self) -> dict[str, Any]:
        changes = {name: {"before": before, "after": after} for name, (before, after) in self.changes.items()}
        return {
            "kind": self.kind, "tenant": self.tenant, "name": self.name, "action": self.action, "changes": changes,
            "notes": list(self.notes),
        }  # fmt: skip


def _shown(value: Any) -> str:
    if value == HIDDEN:
        return HIDDEN
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _printable(text: str) -> str:
    """Nothing that a terminal obeys."""
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
