"""A directory's request log and what its client was seen to do. Bounded: a week, and so many requests of each directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, case, delete, func, not_
from sqlmodel import col, select

from idbroker.directories.model import Directory
from idbroker.directories.traffic_rows import DirectoryRequest, DirectoryTraffic
from idbroker.kernel.clock import Day
from idbroker.storage.statement import insert_many
from idbroker.storage.unit import TenantRepository, changed

KEPT_FOR = timedelta(days=7)
KEPT_OF_ONE = 10_000
MAX_AGENTS = 20


def sealed_purpose(row_id: str) -> str:
    return f"directory-request:{row_id}"


@dataclass(frozen=True, slots=True)
class DayOfTraffic:
    """``usual`` and ``longest``: milliseconds that an answer took."""

    day: str
    reads: int
    writes: int
    errors: int
    usual: int
    longest: int


class DirectoryRequests(TenantRepository):
    def note(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """All columns of each but the tenant, which is the unit's."""
        insert_many(self.unit, DirectoryRequest, entries)

    def page(self, directory_id: str, *, after: str | None = None, limit: int = 50) -> Sequence[DirectoryRequest]:
        """Newest first."""
        statement = select(DirectoryRequest).where(DirectoryRequest.directory_id == directory_id)
        if after:
            statement = statement.where(col(DirectoryRequest.id) < after)
        return self.session.execute(statement.order_by(col(DirectoryRequest.id).desc()).limit(limit)).scalars().all()

    def by_day(self, directory_id: str, days: Sequence[Day]) -> list[DayOfTraffic]:
        """How much was asked on each day, how it went and how long it took."""
        at, milliseconds = col(DirectoryRequest.at), col(DirectoryRequest.milliseconds)
        wrote = col(DirectoryRequest.method).in_(("POST", "PUT", "PATCH", "DELETE"))
        failed = col(DirectoryRequest.status) >= 400
        columns: list[Any] = []
        for day in days:
            then = and_(at >= day.begins, at < day.ends)
            columns += [
                func.count(case((and_(then, not_(wrote)), 1))),
                func.count(case((and_(then, wrote), 1))),
                func.count(case((and_(then, failed), 1))),
                func.avg(case((then, milliseconds))),
                func.max(case((then, milliseconds))),
            ]
        mine = select(*columns).where(DirectoryRequest.directory_id == directory_id, at >= days[0].begins)
        row = self.session.execute(mine).one()
        found: list[DayOfTraffic] = []
        for number, day in enumerate(days):
            reads, writes, errors, usual, longest = row[number * 5 : number * 5 + 5]
            found.append(DayOfTraffic(day.name, reads, writes, errors, round(float(usual or 0)), longest or 0))
        return found

    def forget(self, directory_id: str) -> None:
        """With the directory."""
        self.session.execute(delete(DirectoryRequest).where(col(DirectoryRequest.directory_id) == directory_id))

    def purge(self) -> int:
        """What is older than a week, and of each directory what is beyond its share."""
        old = delete(DirectoryRequest).where(col(DirectoryRequest.at) < self.now() - KEPT_FOR)
        gone = changed(self.session.execute(old.execution_options(synchronize_session=False)))
        counts = select(DirectoryRequest.directory_id, func.count()).group_by(col(DirectoryRequest.directory_id))
        for directory_id, number in self.session.execute(counts).all():
            if number > KEPT_OF_ONE:
                gone += self._shorten(directory_id)
        return gone

    def _shorten(self, directory_id: str) -> int:
        mine = col(DirectoryRequest.directory_id) == directory_id
        newest = select(DirectoryRequest.id).where(mine).order_by(col(DirectoryRequest.id).desc()).offset(KEPT_OF_ONE).limit(1)
        horizon = self.session.execute(newest).scalar()
        statement = delete(DirectoryRequest).where(mine, col(DirectoryRequest.id) <= horizon)
        return changed(self.session.execute(statement.execution_options(synchronize_session=False)))


class TrafficCounts(TenantRepository):
    def get(self, directory_id: str) -> DirectoryTraffic | None:
        return self.keyed(DirectoryTraffic, directory_id)

    def exists(self, directory_id: str) -> bool:
        return self.keyed(Directory, directory_id) is not None

    def count(self, directory_id: str, names: Sequence[str], agents: Sequence[str | None]) -> DirectoryTraffic:
        statement = select(DirectoryTraffic).where(DirectoryTraffic.directory_id == directory_id).with_for_update()
        row = self.session.execute(statement).scalars().first()
        if row is None:
            row = DirectoryTraffic(
                tenant_id=self.tenant, directory_id=directory_id, counts={}, user_agents=[], since=self.now()
            )
            self.session.add(row)
        counts = dict(row.counts)
        counts["requests"] = counts.get("requests", 0) + len(agents)
        for name in names:
            counts[name] = counts.get(name, 0) + 1
        row.counts = counts
        row.user_agents = list(dict.fromkeys([*row.user_agents, *(one for one in agents if one)]))[:MAX_AGENTS]
        return row

    def forget(self, directory_id: str) -> None:
        self.session.execute(delete(DirectoryTraffic).where(col(DirectoryTraffic.directory_id) == directory_id))
