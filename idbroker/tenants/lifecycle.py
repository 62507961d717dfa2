"""The life cycle of a tenant as a table (CONTRACT section 9), and what each state allows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from idbroker.kernel.errors import Conflict, Refusal

Status = Literal["prospect", "trial", "active", "past_due", "paused", "cancelled", "deleted"]
Tier = Literal["free", "growth", "enterprise"]

STEPS: Mapping[str, tuple[Status, ...]] = {
    "prospect": ("trial", "active"),
    "trial": ("active", "paused", "cancelled"),
    "active": ("past_due", "paused", "cancelled"),
    "past_due": ("active", "paused", "cancelled"),
    "paused": ("active", "cancelled"),
    "cancelled": ("active", "deleted"),
    "deleted": ("cancelled",),
}
SIGN_IN_ALLOWED = frozenset({"prospect", "trial", "active", "past_due"})


class SignInClosed(Refusal):
    """The tenant's state allows no sign-in."""

    status = 403


def check_step(current: str, wanted: str) -> None:
    """Raise Conflict, naming the legal steps, unless the life cycle has this one."""
    legal = STEPS[current]
    if wanted not in legal:
        raise Conflict(
            "illegal_transition", f"A tenant that is {current} can become: {', '.join(legal)}; it cannot become {wanted}."
        )


def check_sign_in(status: str) -> None:
    """Raise SignInClosed unless people may sign in to a tenant in that state."""
    if status not in SIGN_IN_ALLOWED:
        raise SignInClosed("tenant_closed", "Sign-in is switched off for your organisation.", detail=f"tenant is {status}")
