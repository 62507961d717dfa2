"""What a request changed, in a few words: for the log, and for whoever asks what it would change."""

from __future__ import annotations

from typing import Any

from idbroker.kernel.event import Event


def effect(event: Event) -> dict[str, Any]:
    """A change in a few words: what, of whom, which fields."""
    told: dict[str, Any] = {"action": event.action, **event.resource.as_document()}
    if event.changes:
        told["changes"] = {name: {"before": one.before, "after": one.after} for name, one in event.changes.items()}
    member = event.context.get("user_id") or event.context.get("group_id")
    if member is not None:
        told["member"] = member
    return told
