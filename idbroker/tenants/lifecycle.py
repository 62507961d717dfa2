"""The life cycle of a tenant as two tables (CONTRACT section 9): the steps, and what each state allows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from idbroker.kernel.errors import Conflict, Forbidden, Refusal

Status = Literal["prospect", "trial", "active", "past_due", "paused", "cancelled", "deleted", "erased"]
Tier = Literal["free", "growth", "enterprise"]
Administration = Literal["all", "read", "export", "none"]

STEPS: Mapping[str, tuple[Status, ...]] = {
    "prospect": ("trial", "active"),
    "trial": ("active", "paused", "cancelled"),
    "active": ("past_due", "paused", "cancelled"),
    "past_due": ("active", "paused", "cancelled"),
    "paused": ("active", "cancelled"),
    "cancelled": ("active", "deleted"),
    "deleted": ("cancelled",),
}


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a state lets happen. ``administration`` is the tenant's own; operators may always.

    ``sign_in`` also stands for what a sign-in gave: tokens are refreshed, told about and provisioned for only with it.
    """

    sign_in: bool
    administration: Administration
    after_grace: Administration | None = None
    """What is left of it ``GRACE`` after the state began."""


GRACE = timedelta(days=7)
ALLOWED: Mapping[str, Allowed] = {
    "prospect": Allowed(sign_in=True, administration="all"),
    "trial": Allowed(sign_in=True, administration="all"),
    "active": Allowed(sign_in=True, administration="all"),
    "past_due": Allowed(sign_in=True, administration="all", after_grace="read"),
    "paused": Allowed(sign_in=False, administration="read"),
    "cancelled": Allowed(sign_in=False, administration="export"),
    "deleted": Allowed(sign_in=False, administration="none"),
}
NOTHING = Allowed(sign_in=False, administration="none")
"""Of a tenant that is ``erased``, which is no state of a life any more: no step leads there but ``erasure.tenants``."""

SIGN_IN_ALLOWED = frozenset(status for status, allowed in ALLOWED.items() if allowed.sign_in)
RECOVERABLE = timedelta(days=30)
"""How long a deleted tenant can be taken back; then it is erased."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a state lasts before time moves the tenant on; None for ever."""

    trial: timedelta | None
    past_due: timedelta | None
    cancelled: timedelta | None


class SignInClosed(Refusal):
    """The tenant's state allows no sign-in."""

    status = 403


def check_step(current: str, wanted: str, since: datetime, now: datetime) -> None:
    """Raise Conflict unless this step can be taken now. ``since`` when it is in the current state."""
    if due_for_erasure(current, since, now):
        raise Conflict("illegal_transition", f"It was deleted {RECOVERABLE.days} days ago or more: it is being erased.")
    check_path(current, wanted)


def check_path(current: str, wanted: str) -> None:
    """Raise Conflict, naming the legal steps, unless the life cycle has this one."""
    legal = STEPS.get(current, ())
    if wanted not in legal:
        raise Conflict(
            "illegal_transition", f"A tenant that is {current} can become: {', '.join(legal)}; it cannot become {wanted}."
        )


def check_sign_in(status: str) -> None:
    """Raise SignInClosed unless people may sign in to a tenant in that state."""
    if status not in SIGN_IN_ALLOWED:
        raise SignInClosed("tenant_closed", "Sign-in is switched off for your organisation.", detail=f"tenant is {status}")


def administration(status: str, since: datetime, now: datetime) -> Administration:
    """How much of its administration a tenant has itself."""
    allowed = ALLOWED.get(status, NOTHING)
    return allowed.after_grace if allowed.after_grace is not None and now - since >= GRACE else allowed.administration


def check_administration(status: str, since: datetime, now: datetime, *, writes: bool, exports: bool, frozen: bool) -> None:
    """Raise Forbidden unless the tenant's own people may do that now."""
    left = administration(status, since, now)
    if left == "none" or (left == "export" and not exports):
        raise Forbidden("tenant_closed_to_admins", f"This organisation is {status}: {_LEFT[left]}")
    if writes and left != "all":
        raise Forbidden("tenant_read_only", f"This organisation is {status}: it can be looked at, and nothing can be changed.")
    if writes and frozen:
        raise Forbidden("tenant_frozen", "This organisation is frozen by its operator: nothing can be changed for now.")


_LEFT = {"export": "its data can be exported, and nothing else.", "none": "nothing can be done with it any more."}


def due_steps(terms: Terms) -> Mapping[str, tuple[timedelta, Status, str]]:
    """State → how long it lasts, the state that time then moves the tenant on to, and why. States that last are not there."""
    moves: Mapping[str, tuple[timedelta | None, Status, str]] = {
        "trial": (terms.trial, "paused", "the trial ended"),
        "past_due": (terms.past_due, "paused", "the payment stayed overdue"),
        "cancelled": (terms.cancelled, "deleted", "the time after the cancellation is over"),
    }
    return {status: (span, to, reason) for status, (span, to, reason) in moves.items() if span is not None}


def due_for_erasure(status: str, since: datetime, now: datetime) -> bool:
    return status == "deleted" and now - since >= RECOVERABLE
