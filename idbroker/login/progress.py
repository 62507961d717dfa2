"""What the trail keeps of a sign-in beside its outcome: who was expected, where it was sent and why, and when each step was.

It rides in the one event that every sign-in writes anyway; ``admin_api/sign_ins.py`` reads it from the sealed trail.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from idbroker.kernel.clock import rfc3339
from idbroker.login.attempt import Attempt

STEPS = ("begun", "sent", "answered")
"""The end of the last one is the event itself."""


def progress_of(attempt: Attempt, answered_at: datetime | None = None) -> dict[str, Any]:
    """``answered_at``: when the IdP's answer came; None as long as it has not."""
    moments = zip(STEPS, (attempt.created_at, attempt.sent_at, answered_at), strict=True)
    return {
        "app": attempt.app_id,
        "login_hint": attempt.login_hint,
        "route": attempt.route,
        "steps": [{"step": step, "at": rfc3339(at)} for step, at in moments if at is not None],
    }
