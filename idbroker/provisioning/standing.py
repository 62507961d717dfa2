"""Switching people off and on. What a person has open ends in the transaction that switches him off."""

from __future__ import annotations

from idbroker.audit.outbox import Outbox
from idbroker.directory.model import User
from idbroker.kernel.event import Event, Resource
from idbroker.sessions.service import SessionService
from idbroker.storage.unit import TenantUnit

DEACTIVATED = "user_deactivated"
DELETED = "user_deleted"


def deactivate(unit: TenantUnit, sessions: SessionService, user: User) -> None:
    """No sign-in any more, and nothing that an earlier one gave: sessions, codes, refresh families."""
    if not user.active:
        return
    user.active, user.updated_at = False, unit.clock.now()
    unit.session.flush()  # takes the person's row first: a sign-in that is under way is waited for, and its session is seen
    sessions.end_all(unit, user.id, DEACTIVATED)
    unit[Outbox].record(Event("user.deactivated", resource(user), context={"directory_id": user.directory_id}))


def reactivate(unit: TenantUnit, user: User) -> None:
    if user.active:
        return
    user.active, user.updated_at = True, unit.clock.now()
    unit[Outbox].record(Event("user.reactivated", resource(user), context={"directory_id": user.directory_id}))


def resource(user: User) -> Resource:
    return Resource("user", user.id, user.email or user.user_name)
