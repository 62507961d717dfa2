"""Erasing a person (GDPR 17): first what is not of the chain, in one transaction; then the index of the trail, then the files.

    main     the rows that are his go, his keys are destroyed, and the receipt is begun: all of it or nothing
    trail    the words of his that search knows go. The records themselves cannot be opened any more
    files    what the engine keeps of deleted rows is overwritten (SQLite)

While the tenant is between two cells, the one in which it does not live holds a copy of him that no unit reaches. The receipt
says that it waits, and is complete when the move has ended and that copy is gone.

From the first transaction on nothing of him is shown anywhere. A kill after it leaves a receipt that is not complete; the
worker, or the same call again, goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import String, cast, func, or_
from sqlmodel import col, delete, select

from idbroker.admins.passkeys import Passkey
from idbroker.admins.sessions import AdminSession
from idbroker.admins.tenant_admins import TenantAdmins
from idbroker.alerts.model import Alert
from idbroker.audit.outbox import Outbox
from idbroker.audit.trail import Trail
from idbroker.connections.candidate_rows import ConnectionCandidate, PreviousConfiguration
from idbroker.connections.model import Connection, Connections, Domain
from idbroker.connections.reservations import ConnectionReservation
from idbroker.directories.resources import Resources
from idbroker.directory.members import GroupMembers
from idbroker.directory.model import Membership, Users
from idbroker.erasure.holdings import DELETED
from idbroker.erasure.persons import Person, past_names, read_person
from idbroker.erasure.receipts import PersonErasure, PersonErasures
from idbroker.erasure.sealed_stores import SEALED_STORES, naming, remove
from idbroker.erasure.told import cut_feed, cut_outbox, cut_signals, empty_answers, empty_pushes
from idbroker.kernel.errors import NotFound
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId, new_id
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.person_keys import KeptPersonKeys, PersonKeyRows
from idbroker.login.attempt import Attempt
from idbroker.login.logout_attempt import LogoutAttempt
from idbroker.sessions.pushed import PushedRequest
from idbroker.sessions.service import SessionService
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit, TenantUnit, changed
from idbroker.tenants.move_rows import TenantMoves

REASON = "user_erased"
OLD_COPY = "copy in the other cell of a move"
SWEPT_FOR = timedelta(minutes=30)
"""How long after an erasure requests that were logged meanwhile are looked through once more."""


class PersonEraser:
    def __init__(
        self, database: Database, trail: Trail, keys: KeptPersonKeys, envelope: Envelope, sessions: SessionService
    ) -> None:
        self._database = database
        self._trail = trail
        self._keys = keys
        self._envelope = envelope
        self._sessions = sessions

    def erase(self, scope: TenantScope, user_id: str, reason: str | None = None) -> PersonErasure:
        """The receipt, complete unless the tenant is between two cells. Of somebody who is erased already, the one that there
        is. Raises NotFound, or Conflict for the tenant's last owner."""
        with self._database.tenant(scope, read_only=True) as unit:
            known = unit[PersonErasures].of_person(user_id)
            here = unit[Users].get(user_id) is not None
        if not here and known is None:
            raise NotFound("user")
        if here:
            while self._trail.seal(scope.tenant):
                pass  # what waits is sealed under his key while there is one
            past = past_names(self._trail, scope, user_id)
            with self._database.tenant(scope, read_only=True) as unit:
                person = read_person(unit, user_id, past)
                found = {} if person is None else self._naming(unit, person)
            known = self._take_away(scope, user_id, past, found, reason)
        if known is None:
            raise NotFound("user")
        return self.finish(scope, known.id)

    def finish(self, scope: TenantScope, erasure_id: str) -> PersonErasure:
        """What comes after the first transaction; nothing where it is done."""
        with self._database.tenant(scope, read_only=True) as unit:
            row = self.known(unit, erasure_id)
        if row.completed_at is not None:
            return row
        while self._trail.seal(scope.tenant):
            pass
        words = self._trail.forget_words(scope.tenant, row.owners)
        theirs = self._trail.forget_words(PLATFORM_TRAIL, row.strangers)
        between_cells = self._is_between_cells(scope)
        files = 0 if between_cells else self._database.scrub() + self._trail.store.scrub()
        with self._database.tenant(scope) as unit:
            row, now = self.known(unit, erasure_id), unit.clock.now()
            has_waited = row.noted(OLD_COPY)
            if not has_waited:
                row.note("search index of the trail", now, rows=words)
                row.note("search index of the operators' trail", now, rows=theirs)
            if between_cells:
                if not has_waited:
                    row.note(OLD_COPY, now, waiting=True)
                return row
            if has_waited:
                row.note(OLD_COPY, now, gone=True)
            row.note("files", now, overwritten=files)
            row.completed_at = now
        return row

    def _is_between_cells(self, scope: TenantScope) -> bool:
        with self._database.platform(scope.actor, read_only=True) as unit:
            return unit[TenantMoves].open_of(scope.tenant) is not None

    def finish_all(self, scopes: Iterable[TenantScope]) -> int:
        """For the worker: go on with what a kill has left, and look through what was logged meanwhile."""
        done = 0
        for scope in scopes:
            with self._database.tenant(scope, read_only=True) as unit:
                left, late = list(unit[PersonErasures].unfinished()), self._lately(unit)
            for row in left:
                done += self.finish(scope, row.id).completed_at is not None
            if late:
                done += self._sweep(scope, late)
        return done

    def known(self, unit: TenantUnit, erasure_id: str) -> PersonErasure:
        """Raises NotFound."""
        row = unit[PersonErasures].get(erasure_id)
        if row is None:
            raise NotFound("erasure")
        return row

    def _naming(self, unit: TenantUnit, person: Person) -> dict[str, list[str]]:
        """Outside the transaction that writes, because it opens all there is."""
        return {store.name: naming(self._envelope, unit, store, person.mentioned_in) for store in SEALED_STORES}

    def _take_away(
        self, scope: TenantScope, user_id: str, past: set[str], found: dict[str, list[str]], reason: str | None
    ) -> PersonErasure:
        with self._database.platform(scope.actor) as platform:
            with platform.enter(scope) as unit:
                person = self._held(unit, user_id, past)
                row = self._begun(unit, person, reason)
                now, domains = unit.clock.now(), _domains(unit)
                self._sessions.end_all(unit, person.id, REASON)
                cut = cut_feed(unit, person)
                for name, count in self._rows(unit, person, found, cut):
                    row.note(name, now, rows=count)
                row.note("feed_events", now, rows=len(cut))
                strangers = self._keys.strangers(unit, person.addresses)
                row.owners = [*person.owners, *strangers]
                row.note("person_keys", now, destroyed=unit[PersonKeyRows].destroy(row.owners))
                unit[PersonKeyRows].bury(person.owners)
                unit[Outbox].record(Event("user.erased", Resource("user", person.id), context={"erasure_id": row.id}))
            noted = _platform_rows(platform, scope.tenant, person)
            own = platform.own_trail()
            noted.append(("webhook_deliveries of the operator", empty_answers(own, person, cut, scope.tenant)))
            noted.append(("signal_sets of the operator", cut_signals(own, person, scope.tenant)))
            theirs = self._keys.strangers(own, [one for one in person.addresses if one.rpartition("@")[2] in domains])
            own[PersonKeyRows].destroy(theirs)
            platform.transaction.flush()
            with platform.enter(scope) as unit:
                row = self.known(unit, row.id)
                row.strangers = theirs
                for name, count in noted:
                    row.note(name, now, rows=count)
        return row

    def _held(self, unit: TenantUnit, user_id: str, past: set[str]) -> Person:
        """Read again, for this transaction alone: a sign-in of this very moment waits, and finds nobody."""
        person = read_person(unit, user_id, past) if unit[Users].held(user_id) is not None else None
        if person is None:
            raise NotFound("user")
        unit[TenantAdmins].check_one_left(person.admin_ids)
        return person

    def _begun(self, unit: TenantUnit, person: Person, reason: str | None) -> PersonErasure:
        actor = unit.scope.actor
        row = PersonErasure(
            tenant_id=unit.scope.tenant,
            id=new_id("ers"),
            user_id=person.id,
            requested_at=unit.clock.now(),
            requested_by=" ".join(part for part in (actor.type, actor.id) if part),
            reason=None if reason is None or person.mentioned_in(reason) else reason,
            owners=list(person.owners),
            strangers=[],
            stores=[],
        )
        unit[PersonErasures].add(row)
        return row

    def _rows(self, unit: TenantUnit, person: Person, found: dict[str, list[str]], cut: list[str]) -> list[tuple[str, int]]:
        """(table, how many) of everything in the tenant's own tables."""
        groups = list(unit.session.execute(select(Membership.group_id).where(Membership.user_id == person.id)).scalars())
        directory = person.directory_id
        resource = directory is not None and unit[Resources].remove("User", directory, person.id)
        unit[GroupMembers].forget("User", person.id)
        unit[Resources].touch("Group", sorted(groups))
        done = [("memberships", len(groups)), ("scim_users", int(resource))]
        for table, condition in DELETED:
            gone = delete(table).where(condition(person)).execution_options(synchronize_session=False)
            done.append((str(table.__tablename__), changed(unit.session.execute(gone))))
        done += [(store.name, remove(unit, store, found.get(store.name, []))) for store in SEALED_STORES]
        done += [
            ("alerts", _alerts(unit, person)),
            ("connections", _named_in_options(unit, person)),
            ("scim_pushes", empty_pushes(unit, person)),
            ("webhook_deliveries", empty_answers(unit, person, cut, unit.scope.tenant)),
            ("signal_sets", cut_signals(unit, person, unit.scope.tenant)),
            ("outbox", cut_outbox(unit, person)),
        ]
        user = unit[Users].get(person.id)
        if user is not None:
            unit[Users].delete(user)
        return [*done, ("users", 1)]

    def _lately(self, unit: TenantUnit) -> list[str]:
        recent = col(PersonErasure.requested_at) > unit.clock.now() - SWEPT_FOR
        return list(unit.session.execute(select(PersonErasure.user_id).where(recent)).scalars())

    def _sweep(self, scope: TenantScope, user_ids: Sequence[str]) -> int:
        """A server writes its log of requests a moment later than it answers them."""
        with self._database.tenant(scope) as unit:
            return sum(
                remove(unit, store, naming(self._envelope, unit, store, lambda text: any(one in text for one in user_ids)))
                for store in SEALED_STORES
            )


def _alerts(unit: TenantUnit, person: Person) -> int:
    count = 0
    for row in unit.session.execute(select(Alert)).scalars().all():
        if person.mentioned_in(row.acknowledged_by or ""):
            row.acknowledged_by, count = None, count + 1
        if person.mentioned_in(f"{row.summary}\n{row.details}"):
            row.summary, row.details, count = "What this told of was erased.", {}, count + 1
    unit.session.flush()
    return count


def _named_in_options(unit: TenantUnit, person: Person) -> int:
    """How many configurations named him among the people who may try a connection out; none does any more."""
    kinds: tuple[type[Any], ...] = (Connection, ConnectionCandidate, PreviousConfiguration, ConnectionReservation)
    count = 0
    for kind in kinds:
        for row in unit.session.execute(select(kind)).scalars().all():
            named = row.options.get("test_users") or ()
            kept = [one for one in named if one.casefold() not in person.addresses]
            if len(kept) < len(named):
                row.options, count = {**row.options, "test_users": kept}, count + 1
                if isinstance(row, Connection):
                    unit[Connections].bump(row)
    unit.session.flush()
    return count


def _domains(unit: TenantUnit) -> set[str]:
    """Whose addresses are certainly this tenant's people."""
    return set(unit.session.execute(select(Domain.name).where(Domain.status == "verified")).scalars())


def _platform_rows(platform: PlatformUnit, tenant: TenantId, person: Person) -> list[tuple[str, int]]:
    """Short-lived rows that are of no tenant yet, or serve one: ended with what they belong to."""
    session = platform.session
    here = or_(col(Attempt.tenant_id) == tenant, col(Attempt.tenant_id).is_(None))
    hinted = func.lower(col(Attempt.login_hint)).in_(person.addresses)
    wanted: list[tuple[str, type, tuple[object, ...]]] = [
        ("attempts", Attempt, (here, or_(hinted, col(Attempt.session_id).in_(person.session_ids)))),
        ("logout_attempts", LogoutAttempt, (col(LogoutAttempt.session_id).in_(person.session_ids),)),
        (
            "admin_sessions",
            AdminSession,
            (
                col(AdminSession.tenant_id) == tenant,
                or_(
                    col(AdminSession.subject_id).in_(person.admin_ids),
                    col(AdminSession.person_session_id).in_(person.session_ids),
                ),
            ),
        ),
    ]
    mine = (col(Passkey.tenant_id) == tenant, col(Passkey.subject_id).in_(person.admin_ids))
    wanted.append(("passkeys", Passkey, mine))
    if person.addresses:
        said = func.lower(cast(col(PushedRequest.parameters), String))
        wanted.append(
            ("pushed_requests", PushedRequest, (or_(*(said.contains(one, autoescape=True) for one in person.addresses)),))
        )
    done = []
    for name, cls, conditions in wanted:
        gone = delete(cls).where(*conditions).execution_options(synchronize_session=False)  # type: ignore[arg-type] # columns
        done.append((name, changed(session.execute(gone))))
    return done
