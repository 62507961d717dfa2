"""Who is meant, by every name that the stores know him by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from idbroker.admins.tenant_admins import TenantAdmin
from idbroker.audit.personal import addresses_in
from idbroker.audit.search import TrailQuery
from idbroker.audit.trail import Trail
from idbroker.directories.resource_rows import ScimEmail, ScimUser
from idbroker.directory.model import Identity, User
from idbroker.kernel.scope import TenantScope
from idbroker.sessions.model import Session
from idbroker.storage.unit import TenantUnit

SHORTEST = 6
"""A shorter name (``42``, ``bob``) stands in too much that is not his to be looked for as text."""

HISTORY = 2000
"""Records that tell by which addresses he was known before."""


@dataclass(frozen=True, slots=True)
class Person:
    """``addresses`` are folded. ``names``: what to look for as text, the person's id among them."""

    id: str
    addresses: tuple[str, ...]
    names: tuple[str, ...]
    admin_ids: tuple[str, ...]
    session_ids: tuple[str, ...]
    subjects: tuple[tuple[str, str], ...]
    directory_id: str | None

    @property
    def owners(self) -> tuple[str, ...]:
        """The ids under which the trail keeps what is his."""
        return (self.id, *self.admin_ids)

    def mentioned_in(self, text: str) -> bool:
        folded = text.casefold()
        return any(name in folded for name in self.names)


def read_person(unit: TenantUnit, user_id: str, past: Iterable[str]) -> Person | None:
    """``past``: addresses and user names that he had before. One that somebody else has now is not looked for."""
    user = unit.session.execute(select(User).where(User.id == user_id)).scalars().first()
    if user is None:
        return None
    subjects = _rows(unit, select(Identity.connection_id, Identity.subject).where(Identity.user_id == user_id))
    columns = (ScimUser.directory_id, ScimUser.user_name_key, ScimUser.external_id)
    resource = _rows(unit, select(*columns).where(ScimUser.id == user_id))  # type: ignore[type-var] # columns may be null
    emails = _rows(unit, select(ScimEmail.value_key).where(ScimEmail.user_id == user_id))
    sessions = _rows(unit, select(Session.id).where(Session.user_id == user_id))
    said = [user.email, user.user_name, *past, *(row[0] for row in emails), *(row[1] for row in subjects)]
    said += [text for row in resource for text in row[1:]]
    names = {text.casefold() for text in said if text}
    admins = _admins(unit, user, names)
    names |= {row.email for row in admins}
    names -= _of_others(unit, user_id, names)
    return Person(
        id=user_id,
        addresses=tuple(sorted({address for name in names for address in addresses_in(name)})),
        names=(user_id, *sorted(name for name in names if len(name) >= SHORTEST)),
        admin_ids=tuple(row.id for row in admins),
        session_ids=tuple(str(row[0]) for row in sessions),
        subjects=tuple((str(row[0]), str(row[1])) for row in subjects),
        directory_id=str(resource[0][0]) if resource else user.directory_id,
    )


def past_names(trail: Trail, scope: TenantScope, user_id: str) -> set[str]:
    """Addresses and user names that the trail tells of him, as far as it is open."""
    found: set[str] = set()
    for record in trail.search(scope, TrailQuery(resource=user_id, limit=HISTORY)):
        changes = record["changes"]
        sides = [changes[name][side] for name in ("email", "user_name") if name in changes for side in ("before", "after")]
        found |= {text for text in (record["resource"]["name"], *sides) if isinstance(text, str)}
    return found


def _admins(unit: TenantUnit, user: User, names: set[str]) -> list[TenantAdmin]:
    """The same human as an admin: linked by a sign-in, or invited by an address that is his and proven."""
    rows = unit.session.execute(select(TenantAdmin).where(col(TenantAdmin.user_id) == user.id)).scalars().all()
    if user.email and user.email_verified:
        invited = select(TenantAdmin).where(TenantAdmin.email == user.email, col(TenantAdmin.user_id).is_(None))
        rows = [*rows, *unit.session.execute(invited).scalars().all()]
    return list(rows)


def _of_others(unit: TenantUnit, user_id: str, names: set[str]) -> set[str]:
    found: set[str] = set()
    listed = sorted(names)
    for start in range(0, len(listed), 200):
        chunk = listed[start : start + 200]
        theirs = select(User.email, User.user_name).where(User.id != user_id)
        for column in (User.email, User.user_name):
            for row in unit.session.execute(theirs.where(col(column).in_(chunk)).limit(500)):
                found |= {text.casefold() for text in row if text}
    return found & names


def _rows(unit: TenantUnit, statement: Any) -> list[Any]:
    return list(unit.session.execute(statement).all())
