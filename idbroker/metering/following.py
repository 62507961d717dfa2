"""Sign-ins and active people, counted from the feed; connections, counted as they are."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from idbroker.audit.feed import FeedEntry, FeedOrder
from idbroker.audit.following import follow
from idbroker.connections.model import Connections
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.metering.meters import ACTIVE_CONNECTIONS, ACTIVE_USERS, SIGN_INS
from idbroker.metering.model import Usage, note_active, record
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit, TenantUnit

NAME = "metering"
SIGNED_IN = "session.started"


def count_sign_ins(database: Database) -> int:
    """Count what has come into the feed since the last time; how many events it went through."""
    return follow(database, NAME, _count_all)


def _count_all(platform: PlatformUnit, entries: Sequence[FeedEntry]) -> None:
    wanted = [entry for entry in entries if entry.type == SIGNED_IN]
    documents = platform[FeedOrder].documents([(entry.tenant_id, entry.event_id) for entry in wanted])
    by_tenant: dict[str, list[FeedEntry]] = {}
    for entry in wanted:
        by_tenant.setdefault(entry.tenant_id, []).append(entry)
    for tenant, mine in sorted(by_tenant.items()):
        with platform.enter(TenantScope(TenantId(tenant), SYSTEM)) as unit:
            people = {entry.event_id: _person(documents.get(entry.event_id)) for entry in mine}
            _count(unit, mine, people)


def _person(document: str | None) -> str | None:
    found = None if document is None else orjson.loads(document)["data"].get("user_id")
    return found if isinstance(found, str) else None


def _count(unit: TenantUnit, entries: Sequence[FeedEntry], people: dict[str, str | None]) -> None:
    cursor = unit[Usage].cursor(NAME)
    fresh = [entry for entry in entries if entry.position > cursor.position]
    by_day: dict[str, list[FeedEntry]] = {}
    for entry in fresh:
        by_day.setdefault(entry.at.date().isoformat(), []).append(entry)
    for day, mine in by_day.items():
        span = f"{mine[0].position}-{mine[-1].position}"
        record(unit, SIGN_INS, day, len(mine), f"feed:{span}:{SIGN_INS}")
        names = dict.fromkeys(name for entry in mine if (name := people[entry.event_id]) is not None)
        news = sum(note_active(unit, day[:7], name) for name in names)
        if news:
            record(unit, ACTIVE_USERS, day, news, f"feed:{span}:{ACTIVE_USERS}")
    if fresh:
        cursor.position = fresh[-1].position


def count_connections(database: Database, scope: TenantScope) -> int:
    """The day's peak, when it has risen. Whether it has."""
    with database.tenant(scope, read_only=True) as unit:
        day, number = unit.clock.now().date().isoformat(), len(unit[Connections].active())
        known = unit[Usage].day(day, ACTIVE_CONNECTIONS)
    if number == 0 or (known is not None and known.quantity >= number):
        return 0
    with database.tenant(scope) as unit:
        return int(record(unit, ACTIVE_CONNECTIONS, day, number, f"{ACTIVE_CONNECTIONS}:{day}:{number}"))
