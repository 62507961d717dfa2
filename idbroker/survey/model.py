"""The figures as rows, all of them in the platform's database wherever the tenants live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Index, and_, func, or_, tuple_, update
from sqlmodel import Field, col, select

from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.storage.rows import IndexRow, PlatformRow, UtcDateTime
from idbroker.storage.unit import PlatformRepository, TenantRepository, changed
from idbroker.tenants.lifecycle import SIGN_IN_ALLOWED
from idbroker.tenants.model import Tenant

Kind = Literal["certificate", "client_secret", "directory_token", "trial", "dead_deliveries", "parked_webhook"]

DayKey = tuple[str, str, str]
"""Day, action, code."""


class SurveyDay(PlatformRow, table=True):
    """How many events of an action all tenants together had on a day."""

    __tablename__ = "survey_days"

    day: str = Field(primary_key=True)
    """UTC, ``2026-11-27``."""
    action: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    """Why it was refused; empty for what was not."""
    number: int


class SurveyReach(PlatformRow, table=True):
    """Up to which sequence of its trail a tenant is in the counts."""

    __tablename__ = "survey_reaches"

    tenant: str = Field(primary_key=True)
    sequence: int


class Concern(IndexRow, table=True):
    """Something of a tenant that wants attention: what ends, or deliveries that were given up. No names, no contents.

    ``of_id``: the connection, directory, webhook or tenant. ``at``: when it ends, or since when it is so. ``number``: how many
    there are of it.
    """

    __tablename__ = "concerns"
    __table_args__ = (Index("ix_concerns_at", "at"),)

    tenant_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    of_id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    number: int = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """A concern as an operator sees it. ``tenant`` is None for what is the operator's own."""

    concern: Concern
    tenant: Tenant | None

    @property
    def place(self) -> tuple[datetime, str, str, str]:
        """Where it stands in the list."""
        return (self.concern.at, self.concern.tenant_id, self.concern.kind, self.concern.of_id)


class SurveyDays(PlatformRepository):
    def add(self, counts: Mapping[DayKey, int]) -> None:
        """On top of what is there. Two that begin the same day at once: one of them fails as a whole, and comes again."""
        for (day, action, code), number in sorted(counts.items()):
            more = update(SurveyDay).where(
                col(SurveyDay.day) == day, col(SurveyDay.action) == action, col(SurveyDay.code) == code
            )
            more = more.values(number=col(SurveyDay.number) + number).execution_options(synchronize_session=False)
            if changed(self.session.execute(more)) == 0:
                self.session.add(SurveyDay(day=day, action=action, code=code, number=number))
                self.session.flush()

    def by_day(self, since: str) -> dict[tuple[str, str], int]:
        """(day, action) → how many, from that day on."""
        statement = select(SurveyDay.day, SurveyDay.action, func.sum(SurveyDay.number)).where(col(SurveyDay.day) >= since)
        found = self.session.execute(statement.group_by(col(SurveyDay.day), col(SurveyDay.action)))
        return {(day, action): int(number) for day, action, number in found}

    def by_code(self, action: str, since: str) -> list[tuple[str, int]]:
        """(code, how many) of an action from that day on, the most frequent first."""
        number = func.sum(SurveyDay.number)
        statement = select(SurveyDay.code, number).where(col(SurveyDay.day) >= since, SurveyDay.action == action)
        found = self.session.execute(statement.group_by(col(SurveyDay.code)).order_by(number.desc(), col(SurveyDay.code)))
        return [(code, int(of)) for code, of in found]


class SurveyReaches(PlatformRepository):
    def of(self, tenants: Iterable[TenantId]) -> dict[TenantId, int]:
        """Those that have been counted before."""
        statement = select(SurveyReach).where(col(SurveyReach.tenant).in_(list(tenants)))
        return {TenantId(row.tenant): row.sequence for row in self.session.execute(statement).scalars()}

    def move(self, tenant: TenantId, before: int | None, sequence: int) -> bool:
        """From where it was to there, for one caller only; ``before`` is None the first time."""
        if before is None:
            if self.keyed(SurveyReach, tenant) is not None:
                return False
            self.session.add(SurveyReach(tenant=tenant, sequence=sequence))
            self.session.flush()
            return True
        forward = update(SurveyReach).where(col(SurveyReach.tenant) == tenant, col(SurveyReach.sequence) == before)
        moved = forward.values(sequence=sequence).execution_options(synchronize_session=False)
        return changed(self.session.execute(moved)) == 1


class Concerns(TenantRepository):
    """Those of one tenant, for whoever keeps them."""

    def all(self) -> list[Concern]:
        return list(self.session.execute(select(Concern).where(Concern.tenant_id == self.tenant)).scalars())

    def replace(self, wanted: Mapping[tuple[Kind, str], tuple[datetime, int]]) -> None:
        """Write the difference. ``wanted``: (kind, of) → (at, number)."""
        known = {(row.kind, row.of_id): row for row in self.all()}
        for key, row in known.items():
            if key not in wanted:
                self.session.delete(row)
        for (kind, of_id), (at, number) in wanted.items():
            standing = known.get((kind, of_id))
            if standing is None:
                self.session.add(Concern(tenant_id=self.tenant, kind=kind, of_id=of_id, at=at, number=number))
            else:
                standing.at, standing.number = at, number
        self.session.flush()


class ConcernsOfAll(PlatformRepository):
    """Those of all tenants that are in use, synthetic ones left out."""

    def page(
        self,
        until: datetime,
        *,
        kind: Kind | None = None,
        after: tuple[datetime, str, str, str] | None = None,
        limit: int = 50,
    ) -> list[Seen]:
        """Up to ``until``, the oldest first. ``after``: the place of the last one of the page before."""
        columns = (col(Concern.at), col(Concern.tenant_id), col(Concern.kind), col(Concern.of_id))
        statement = select(Concern, Tenant).join(Tenant, col(Tenant.id) == col(Concern.tenant_id), isouter=True)
        statement = statement.where(col(Concern.at) <= until, _IN_USE)
        if kind is not None:
            statement = statement.where(Concern.kind == kind)
        if after is not None:
            statement = statement.where(tuple_(*columns) > tuple_(*after))
        return [Seen(row[0], row[1]) for row in self.session.execute(statement.order_by(*columns).limit(limit))]

    def count(self, until: datetime, at_most: int) -> int:
        """How many up to ``until``."""
        statement = select(Concern.of_id).join(Tenant, col(Tenant.id) == col(Concern.tenant_id), isouter=True)
        return len(self.session.execute(statement.where(col(Concern.at) <= until, _IN_USE).limit(at_most)).all())


_IN_USE = or_(
    col(Concern.tenant_id) == PLATFORM_TRAIL,
    and_(
        col(Tenant.status).in_(sorted(SIGN_IN_ALLOWED)),
        ~col(Tenant.synthetic),
        or_(col(Concern.kind) != "trial", col(Tenant.status) == "trial"),
    ),
)
"""What nobody signs in to wants nothing; and a trial that has become a contract does not end."""
