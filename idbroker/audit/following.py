"""Following the feed: one cursor over the events of all tenants, and a note of what could not be done while a cell was away.

A follower goes through the feed in batches. Events of a tenant whose cell does not answer are owed: the span of positions is
written down, the cursor moves on for everybody else, and the span is served, in order and before anything newer of that
tenant, once the cell is back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, bindparam, or_
from sqlalchemy import select as columns
from sqlmodel import Field, select

from idbroker.audit.feed import FeedEntry, FeedOrder
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import SYSTEM
from idbroker.storage.database import Database
from idbroker.storage.rows import MAIN, PlatformRow
from idbroker.storage.statement import PlatformStatement
from idbroker.storage.unit import PlatformRepository, PlatformUnit

BATCH = 500

Serve = Callable[[PlatformUnit, Sequence[FeedEntry]], None]


class Follower(PlatformRow, table=True):
    """How far a follower of the feed has come."""

    __tablename__ = "feed_followers"

    name: str = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger)


class FeedDebt(PlatformRow, table=True):
    """What a follower owes a tenant: the tenant's events behind one position, up to another."""

    __tablename__ = "feed_debts"

    follower: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    behind: int = Field(sa_type=BigInteger)
    upto: int = Field(sa_type=BigInteger)


def _behind() -> Any:
    heads, followers, debts = (MAIN.tables[name] for name in ("feed_head", "feed_followers", "feed_debts"))
    head = columns(heads.c.position).where(heads.c.id == 1).scalar_subquery()
    owed = columns(debts.c.tenant).where(debts.c.follower == followers.c.name).exists()
    return columns(followers.c.name).where(followers.c.name == bindparam("follower"), or_(followers.c.position < head, owed))


_BEHIND = PlatformStatement(_behind)


class Followers(PlatformRepository):
    def is_behind(self, name: str) -> bool:
        """Whether the feed has something that the follower has not come to, or owes. Asked several times a second."""
        return bool(_BEHIND.rows(self.unit, follower=name))

    def position(self, name: str) -> int:
        return self.session.execute(select(Follower.position).where(Follower.name == name)).scalar_one()

    def lock(self, name: str) -> Follower:
        """The follower's row, for one worker at a time."""
        statement = select(Follower).where(Follower.name == name).with_for_update()
        return self.session.execute(statement).scalars().one()


class FeedDebts(PlatformRepository):
    def of(self, follower: str) -> Sequence[FeedDebt]:
        return self.session.execute(select(FeedDebt).where(FeedDebt.follower == follower)).scalars().all()

    def add(self, row: FeedDebt) -> None:
        self.session.add(row)

    def remove(self, row: FeedDebt) -> None:
        self.session.delete(row)
        self.session.flush()


def follow(database: Database, name: str, serve: Serve) -> int:
    """Serve what has come into the feed since the last time. One worker at a time; how many events it went through.

    The cursor moves in the transaction in which ``serve`` writes: a worker that is killed has done all of it or nothing.
    Where tenants live in several databases these commit first, so that nothing is lost: ``serve`` may then see events again,
    and passes over what is there.
    """
    with database.platform(SYSTEM, read_only=True) as platform:
        if not platform[Followers].is_behind(name):
            return 0
    with database.platform(SYSTEM) as platform:
        platform.transaction.cells_first = True
        follower = platform[Followers].lock(name)
        settled, owing = _settle(platform, name, serve)
        entries = platform[FeedOrder].after(follower.position, limit=BATCH)
        if not entries:
            return settled
        last = entries[-1].position
        told_of = {TenantId(entry.tenant_id) for entry in entries}
        here = platform.reachable(told_of - owing.keys())
        for tenant in sorted(told_of - here):
            if tenant in owing:
                owing[tenant].upto = last
            else:
                platform[FeedDebts].add(FeedDebt(follower=name, tenant=tenant, behind=follower.position, upto=last))
        serve(platform, [entry for entry in entries if entry.tenant_id in here])
        follower.position = last
        return settled + len(entries)


def _settle(platform: PlatformUnit, name: str, serve: Serve) -> tuple[int, dict[TenantId, FeedDebt]]:
    """(how many events were served late, what is owed still)."""
    owing = {TenantId(row.tenant): row for row in platform[FeedDebts].of(name)}
    count = 0
    for tenant in sorted(platform.reachable(owing)):
        debt = owing[tenant]
        entries = platform[FeedOrder].of(tenant, debt.behind, debt.upto, limit=BATCH)
        serve(platform, entries)
        count += len(entries)
        if len(entries) == BATCH:
            debt.behind = entries[-1].position
        else:
            platform[FeedDebts].remove(owing.pop(tenant))
    return count, owing
