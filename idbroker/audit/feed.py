"""The feed: what apps are told, in the one order in which everybody is told it. Pulled by cursor, pushed by webhooks.

An event enters in the transaction in which it leaves the outbox for the trail: nothing is in the feed that is not in the
trail, and the other way round. Positions are given out under a lock that is held until the commit, so that they become
visible in their order: whoever has read up to a position has missed nothing below it, however many sealers there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import BigInteger, Index, Select, Text, delete, tuple_, update
from sqlalchemy import select as sql_select
from sqlmodel import Field, col, select

from idbroker.audit.outbox import OutboxRow
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.storage.database import Database
from idbroker.storage.dialect import Dialect
from idbroker.storage.rows import IndexRow, PlatformRow, TenantRow, UtcDateTime
from idbroker.storage.statement import insert_many
from idbroker.storage.unit import PlatformRepository, TenantRepository, changed

PURGE_BATCH = 5000


class FeedHead(PlatformRow, table=True):
    """One row: the last position that was given out."""

    __tablename__ = "feed_head"

    id: int = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger)


class FeedEntry(IndexRow, table=True):
    """The order over all tenants: whose event stands at which position."""

    __tablename__ = "feed_order"
    __table_args__ = (Index("ix_feed_order_at", "at"), Index("ix_feed_order_event_id", "event_id"))

    position: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    event_id: str
    type: str
    subject: str
    at: datetime = Field(sa_type=UtcDateTime)


class FeedEvent(TenantRow, table=True):
    """The event itself. ``document`` is the JSON that everybody gets, byte for byte."""

    __tablename__ = "feed_events"
    __table_args__ = (Index("ix_feed_events_tenant_id_position", "tenant_id", "position"),)

    id: str = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger)
    type: str
    at: datetime = Field(sa_type=UtcDateTime)
    document: str = Field(sa_type=Text)


@dataclass(frozen=True, slots=True)
class Told:
    """An event on its way into the feed. Events of one ``subject`` are delivered in their order."""

    id: str
    type: str
    subject: str
    at: datetime
    document: str


def told_event(row: OutboxRow) -> Told:
    """The event of a sealed record. Its id is the record's with another prefix: the same, however often it is made."""
    record = row.document
    resource, event_id = record["resource"], f"evt_{record['id'].removeprefix('aud_')}"
    data: dict[str, Any] = dict(row.portrait or {"id": resource["id"], "tenant_id": record["tenant_id"]})
    if record["action"].startswith("group.member_"):
        data["user_id"] = record["context"].get("user_id")
    document = {
        "id": event_id,
        "type": record["action"],
        "tenant_id": record["tenant_id"],
        "occurred_at": record["ts"],
        "data": data,
    }
    if record["action"] == "user.updated":
        document["previous"] = {name: change["before"] for name, change in record["changes"].items()}
    if "signal" in record["context"]:
        document["signal"] = record["context"]["signal"]
    return Told(event_id, record["action"], resource["id"], row.at, orjson.dumps(document).decode())


def matches(patterns: Iterable[str], event_type: str) -> bool:
    """Whether one of ``*``, ``user.*``, ``user.created`` names the type."""
    return any(
        pattern in ("*", event_type) or (pattern.endswith(".*") and event_type.startswith(pattern[:-1])) for pattern in patterns
    )


def wanted_types(patterns: Sequence[str], known: Iterable[str]) -> list[str] | None:
    """The known types that the patterns name; None for all of them."""
    return None if not patterns or "*" in patterns else [name for name in known if matches(patterns, name)]


class FeedOrder(PlatformRepository):
    """The feed over all tenants."""

    def take(self, count: int) -> range:
        """The next positions. Holds up every other taker until this transaction is over."""
        given = update(FeedHead).where(col(FeedHead.id) == 1).values(position=FeedHead.position + count)
        statement = given.returning(col(FeedHead.position)).execution_options(synchronize_session=False)
        last: int = self.session.execute(statement).scalar_one()
        return range(last - count + 1, last + 1)

    def head(self) -> int:
        """The last position; everything up to it can be read."""
        return self.session.execute(select(FeedHead.position).where(FeedHead.id == 1)).scalar_one()

    def position_of(self, event_id: str) -> int | None:
        return self.session.execute(select(FeedEntry.position).where(FeedEntry.event_id == event_id)).scalars().first()

    def known(self, event_ids: Sequence[str]) -> dict[str, int]:
        """Event id → its place, of those that have one already."""
        wanted = select(FeedEntry.event_id, FeedEntry.position).where(col(FeedEntry.event_id).in_(event_ids))
        return {row[0]: row[1] for row in self.session.execute(wanted)}

    def after(self, position: int, *, limit: int, types: Sequence[str] | None = None) -> Sequence[FeedEntry]:
        """The entries behind a position, in order."""
        statement = select(FeedEntry).where(col(FeedEntry.position) > position)
        if types is not None:
            statement = statement.where(col(FeedEntry.type).in_(types))
        return self.session.execute(statement.order_by(col(FeedEntry.position)).limit(limit)).scalars().all()

    def of(self, tenant: TenantId, position: int, upto: int, *, limit: int) -> Sequence[FeedEntry]:
        """One tenant's entries behind a position, up to another one, in order."""
        mine = select(FeedEntry).where(
            FeedEntry.tenant_id == tenant, col(FeedEntry.position) > position, col(FeedEntry.position) <= upto
        )
        return self.session.execute(mine.order_by(col(FeedEntry.position)).limit(limit)).scalars().all()

    def between(self, since: datetime, until: datetime) -> Iterator[FeedEntry]:
        """What happened in a span of time, in order."""
        position = 0
        while True:
            statement = select(FeedEntry).where(
                col(FeedEntry.at) >= since, col(FeedEntry.at) < until, col(FeedEntry.position) > position
            )
            page = self.session.execute(statement.order_by(col(FeedEntry.position)).limit(1000)).scalars().all()
            yield from page
            if len(page) < 1000:
                return
            position = page[-1].position

    def documents(self, entries: Sequence[tuple[str, str]]) -> dict[str, str]:
        """(tenant, event id) → the events themselves, by id. What is no longer kept is left out."""
        if not entries:
            return {}
        table: Any = FeedEvent.__table__  # type: ignore[attr-defined] # set by SQLModel

        def wanted(dialect: Dialect, tenants: Sequence[TenantId]) -> Select[Any]:
            del dialect
            theirs = [entry for entry in entries if entry[0] in tenants]
            return sql_select(table.c.id, table.c.document).where(tuple_(table.c.tenant_id, table.c.id).in_(theirs))

        found = self.unit.across_tenants({TenantId(tenant) for tenant, _ in entries}, wanted)
        return {str(event_id): str(document) for event_id, document in map(tuple, found)}

    def outdated(self, horizon: datetime) -> dict[TenantId, list[int]]:
        """The oldest positions before a time, by tenant, for ``Feed.forget``; not all of them at once."""
        old = select(FeedEntry).where(col(FeedEntry.at) < horizon).order_by(col(FeedEntry.at)).limit(PURGE_BATCH)
        by_tenant: dict[TenantId, list[int]] = {}
        for row in self.session.execute(old).scalars():
            by_tenant.setdefault(TenantId(row.tenant_id), []).append(row.position)
        return by_tenant


class Feed(TenantRepository):
    """One tenant's part of the feed."""

    def append(self, told: Sequence[Told], places: Sequence[int]) -> None:
        placed = list(zip(told, places, strict=True))
        entries = (
            {"position": position, "event_id": one.id, "type": one.type, "subject": one.subject, "at": one.at}
            for one, position in placed
        )
        events = (
            {"id": one.id, "position": position, "type": one.type, "at": one.at, "document": one.document}
            for one, position in placed
        )
        insert_many(self.unit, FeedEntry, entries)
        insert_many(self.unit, FeedEvent, events)

    def take_back(self, event_ids: Sequence[str]) -> None:
        """Out with what was entered here, while a kill kept it from its place in the order."""
        self.session.execute(delete(FeedEvent).where(col(FeedEvent.id).in_(event_ids)))

    def position_of(self, event_id: str) -> int | None:
        row = self.keyed(FeedEvent, event_id)
        return None if row is None else row.position

    def after(self, position: int, *, limit: int, types: Sequence[str] | None = None) -> Sequence[FeedEvent]:
        """This tenant's events behind a position, in order."""
        statement = select(FeedEvent).where(col(FeedEvent.position) > position)
        if types is not None:
            statement = statement.where(col(FeedEvent.type).in_(types))
        return self.session.execute(statement.order_by(col(FeedEvent.position)).limit(limit)).scalars().all()

    def forget(self, positions: Sequence[int]) -> int:
        """Take events out, with their places in the order."""
        self.session.execute(delete(FeedEntry).where(col(FeedEntry.position).in_(positions)))
        return changed(self.session.execute(delete(FeedEvent).where(col(FeedEvent.position).in_(positions))))


def forget_old(database: Database, kept: timedelta) -> int:
    """A bounded part of what has been kept long enough. How much it was."""
    with database.platform(SYSTEM, read_only=True) as platform:
        old = platform[FeedOrder].outdated(platform.clock.now() - kept)
    forgotten = 0
    for tenant, positions in old.items():
        with database.tenant(TenantScope(tenant, SYSTEM)) as unit:
            forgotten += unit[Feed].forget(positions)
    return forgotten
