"""From the feed into the streams: every event that is told, once for every stream that asked for it, in the feed's order.

Nothing goes into a stream of what its app is not open to at that moment, whatever it was when the stream was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from idbroker.apps.model import App, Apps
from idbroker.audit.feed import FeedEntry, FeedOrder
from idbroker.audit.following import follow
from idbroker.directory.model import Users
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId, new_id
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.outbound.retrying import GIVE_UP_AFTER
from idbroker.signals.issuers import issuer_url
from idbroker.signals.model import SignalQueue, SignalQueues, SignalSet, SignalSets, SignalStream, SignalStreams, SignalSubjects
from idbroker.signals.subjects import digest_of, is_about, names_of, person_subject, session_subject
from idbroker.signals.telling import TELLING, Signal, signals_of
from idbroker.storage.database import Database
from idbroker.storage.statements.persons import groups_and_roles
from idbroker.storage.unit import PlatformUnit, TenantUnit
from idbroker.tenants.model import Tenants

NAME = "signals"


@dataclass(frozen=True, slots=True)
class Told:
    """A signal with where it comes from."""

    entry: FeedEntry
    signal: Signal


def fan_out(database: Database, base_url: str) -> int:
    """Queue what has come into the feed since the last time; how many events it went through."""

    def fill(platform: PlatformUnit, entries: Sequence[FeedEntry]) -> None:
        queues, told = platform[SignalQueues].filling(), [entry for entry in entries if entry.type in TELLING]
        if queues and told:
            _fill(platform, queues, told, base_url)

    return follow(database, NAME, fill)


def _fill(platform: PlatformUnit, queues: Sequence[SignalQueue], entries: Sequence[FeedEntry], base_url: str) -> None:
    apps = {app_id: platform[Apps].get(app_id) for app_id in {queue.app_id for queue in queues}}
    wanted = [entry for entry in entries if any(_hears(queue, apps[queue.app_id], entry) for queue in queues)]
    documents = platform[FeedOrder].documents([(entry.tenant_id, entry.event_id) for entry in wanted])
    told = [
        Told(entry, signal)
        for entry in wanted
        if entry.event_id in documents
        for signal in signals_of(orjson.loads(documents[entry.event_id]))
    ]
    slugs = {tenant: row.slug for tenant in {queue.tenant_id for queue in queues} if (row := platform[Tenants].get(tenant))}
    told = _with_addresses(platform, told)
    for queue in sorted(queues, key=lambda queue: queue.stream_id):  # in one order everywhere: nobody waits in a ring
        app = apps[queue.app_id]
        mine = [one for one in told if _hears(queue, app, one.entry)]
        if app is None or not mine:
            continue
        mine = _with_standing(platform, app, mine)
        issuer = issuer_url(base_url, slugs.get(queue.tenant_id))
        with platform.enter(TenantScope(TenantId(queue.tenant_id), SYSTEM)) as unit:
            stream = unit[SignalStreams].get(queue.stream_id)
            if stream is not None:
                _put(unit, stream, mine, issuer if stream.pinned else base_url)


def _hears(queue: SignalQueue, app: App | None, entry: FeedEntry) -> bool:
    if app is None or entry.position <= queue.after_position or not app.serves(TenantId(entry.tenant_id)):
        return False
    return queue.tenant_id in (PLATFORM_TRAIL, entry.tenant_id)


def _put(unit: TenantUnit, stream: SignalStream, told: Sequence[Told], issuer: str) -> None:
    wanted = [one for one in told if one.signal.event in stream.events_requested]
    spans = wanted and unit.transaction.spans
    there = unit[SignalSets].placed(stream.id, wanted[0].entry.position) if spans else set()
    filled = bool(there)
    for one in wanted:
        place = (one.entry.position, one.signal.event, one.signal.user_id)
        if place not in there and not _taken_off(unit, stream, one, issuer):
            unit[SignalSets].add(set_of(stream, one, issuer, unit.clock.now()))
            filled = True
    if filled:
        unit[SignalStreams].wake([stream.id])


def _taken_off(unit: TenantUnit, stream: SignalStream, told: Told, issuer: str) -> bool:
    """Whether the receiver wants to hear nothing of that person, session or tenant."""
    signal = told.signal
    names = names_of(issuer, signal.user_id, signal.email or signal.old_email, signal.session_id, told.entry.tenant_id)
    digests = [digest_of(name) for name in names["user"]]
    return any(is_about(row.subject, names) for row in unit[SignalSubjects].concerning(stream.id, digests))


def set_of(stream: SignalStream, told: Told, issuer: str, now: datetime) -> SignalSet:
    """The claims are RFC 8417 2.2's without ``iss``, ``aud`` and ``jti``; ``txn`` is the event of the feed (SSF 4.1.8)."""
    entry, signal = told.entry, told.signal
    subject = person_subject(stream.format, issuer, signal.user_id, signal.email)
    if signal.old_email is not None:  # RISC 2.5: the address as it was
        subject = {"format": "email", "email": signal.old_email}
    elif signal.session_id is not None:
        subject = session_subject(subject, signal.session_id, entry.tenant_id)
    claims = {
        "iat": int(now.timestamp()),
        "txn": entry.event_id,
        "sub_id": subject,
        "tenant_id": entry.tenant_id,
        "events": {signal.event: dict(signal.claims)},
    }
    return SignalSet(
        tenant_id=stream.tenant_id,
        id=new_id("set"),
        stream_id=stream.id,
        event_tenant=entry.tenant_id,
        subject=signal.user_id,
        type=signal.event,
        position=entry.position,
        control=False,
        claims=claims,
        due_at=now,
        give_up_at=now + GIVE_UP_AFTER,
        created_at=now,
    )


def _with_addresses(platform: PlatformUnit, told: Sequence[Told]) -> list[Told]:
    """Signals of sessions and memberships do not say the person's address; it is read once for all streams."""
    missing: dict[str, set[str]] = {}
    for one in told:
        if one.signal.email is None:
            missing.setdefault(one.entry.tenant_id, set()).add(one.signal.user_id)
    known: dict[tuple[str, str], str | None] = {}
    for tenant, people in missing.items():
        with platform.enter(TenantScope(TenantId(tenant), SYSTEM)) as unit:
            for user_id in people:
                user = unit[Users].get(user_id)
                known[tenant, user_id] = None if user is None else user.email
    return [
        replace(one, signal=replace(one.signal, email=one.signal.email or known.get((one.entry.tenant_id, one.signal.user_id))))
        for one in told
    ]


def _with_standing(platform: PlatformUnit, app: App, told: Sequence[Told]) -> list[Told]:
    """Groups and roles are read as this app's tokens would show them."""
    return [replace(one, signal=_standing(platform, app, one)) if one.signal.standing else one for one in told]


def _standing(platform: PlatformUnit, app: App, told: Told) -> Signal:
    with platform.enter(TenantScope(TenantId(told.entry.tenant_id), SYSTEM)) as unit:
        groups, roles = groups_and_roles(unit, told.signal.user_id, app.id)
    claims: Mapping[str, object] = {**told.signal.claims, "claims": {"groups": list(groups), "roles": list(roles)}}
    return replace(told.signal, claims=claims)
