"""Who a person would be: the admission of a real sign-in, in a transaction that is always rolled back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

from idbroker.directory.model import Groups, Identities, RoleMappings, User, Users
from idbroker.federation.contract import ConnectionConfig, Document, ExternalIdentity
from idbroker.kernel.addresses import BadAddress, normal_email
from idbroker.kernel.errors import Refusal
from idbroker.kernel.scope import TenantScope
from idbroker.login.replay import SeenReplies
from idbroker.provisioning.admit import admit
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit

TRIES = 3
_COMPARED = ("email", "given_name", "family_name", "display_name", "department", "employee_number")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """``person``: who it would be; None when admission refuses. ``comparison``: with the one who has that address now."""

    person: Document | None
    comparison: Document | None
    refusal: Refusal | None = None


class _Over(Exception):
    """Carries the outcome out of the transaction and rolls it back."""

    def __init__(self, outcome: Rehearsal) -> None:
        super().__init__()
        self.outcome = outcome


def rehearse(database: Database, scope: TenantScope, config: ConnectionConfig, identity: ExternalIdentity) -> Rehearsal:
    """Everything as in a sign-in, and nothing of it stays."""
    for last in (False,) * (TRIES - 1) + (True,):
        try:
            with database.tenant(scope) as unit:
                raise _Over(_played(unit, config, identity))
        except _Over as over:
            return over.outcome
        except IntegrityError:
            if last:
                raise
    raise AssertionError("unreachable: the last try returns or raises")


def _played(unit: TenantUnit, config: ConnectionConfig, identity: ExternalIdentity) -> Rehearsal:
    comparison = _comparison(unit, config, identity)
    try:
        unit[SeenReplies].claim(config.id, identity.replay_key, identity.replay_until)
        admitted = admit(unit, config, identity)
    except Refusal as refusal:
        return Rehearsal(None, comparison, refusal)
    unit.session.flush()
    groups = list(dict.fromkeys(group.display_name for group in unit[Groups].of_user(admitted.user.id)))
    roles = [{"role": one.role, "app": one.app or None} for one in unit[RoleMappings].for_groups(groups)]
    person = {
        "user_id": None if admitted.created else admitted.user.id,
        "created": admitted.created,
        "email": admitted.user.email,
        "display_name": admitted.user.display_name,
        "groups": groups,
        "roles": sorted(roles, key=lambda one: (one["role"] or "", one["app"] or "")),
    }
    return Rehearsal(person, comparison)


def _comparison(unit: TenantUnit, config: ConnectionConfig, identity: ExternalIdentity) -> Document | None:
    """The person who bears this address, beside what has just come. None when nobody does, or several."""
    known = _bearer(unit, identity.profile.email)
    if known is None:
        return None
    subjects = list(unit[Identities].subjects_of(config.id, known.id))
    return {
        "user_id": known.id,
        "subjects": subjects,
        "same_subject": identity.subject in subjects,
        "attributes": _attributes(unit, config, known, identity),
    }


def _bearer(unit: TenantUnit, email: str | None) -> User | None:
    try:
        found = unit[Users].with_email(normal_email(email)) if email else []
    except BadAddress:
        return None
    return found[0] if len(found) == 1 else None


def _attributes(unit: TenantUnit, config: ConnectionConfig, known: User, identity: ExternalIdentity) -> list[dict[str, Any]]:
    """Name, what is kept of the person, what came, and whether they agree. What did not come changes nothing."""
    rows = [(name, getattr(known, name), getattr(identity.profile, name)) for name in _COMPARED]
    groups = sorted(group.display_name for group in unit[Groups].of_user(known.id) if group.source == config.id)
    come = identity.profile.groups
    rows.append(("groups", groups, sorted(come) if come is not None else None))
    return [
        {"name": name, "kept": kept, "received": received, "same": received is None or _same(name, kept, received)}
        for name, kept, received in rows
    ]


def _same(name: str, kept: Any, received: Any) -> bool:
    if name == "email":
        return bool(kept == normal_email(received))
    return bool(kept == received)
