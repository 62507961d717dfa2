"""Usage as rows: records that are only ever added, their sums by day, who was active, and what was told to a biller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, Index, bindparam, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, col, select

from idbroker.metering.meters import METERS
from idbroker.storage.rows import TenantRow, UtcDateTime
from idbroker.storage.statement import TenantStatement, scope
from idbroker.storage.unit import TenantRepository, TenantUnit


class UsageRecord(TenantRow, table=True):
    """``key`` makes it count once, however often it is reported. Never changed."""

    __tablename__ = "usage_records"
    __table_args__ = (Index("ix_usage_records_tenant_id_day", "tenant_id", "day", "meter"),)

    key: str = Field(primary_key=True)
    meter: str
    day: str
    """UTC, ``2026-11-27``."""
    quantity: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)


class UsageDay(TenantRow, table=True):
    """The records of a day and meter, rolled up."""

    __tablename__ = "usage_days"

    day: str = Field(primary_key=True)
    meter: str = Field(primary_key=True)
    quantity: int = Field(sa_type=BigInteger)


class UsagePerson(TenantRow, table=True):
    """Somebody who signed in in that month."""

    __tablename__ = "usage_people"

    month: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)


class UsageCursor(TenantRow, table=True):
    """How far the feed was counted for this tenant: beside the records, so that both are written or neither."""

    __tablename__ = "usage_cursors"

    name: str = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger)


class UsageCustomer(TenantRow, table=True):
    """Who the tenant is to the biller, and from which day on it is told."""

    __tablename__ = "usage_customers"

    biller: str = Field(primary_key=True)
    customer: str
    since: str


class UsageExport(TenantRow, table=True):
    """What the biller was told of a day and meter. ``pending`` is written before it is told: a retry says the same again."""

    __tablename__ = "usage_exports"

    day: str = Field(primary_key=True)
    meter: str = Field(primary_key=True)
    sent: int = Field(sa_type=BigInteger)
    pending: int | None = Field(default=None, sa_type=BigInteger)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str | None = None


def _record(made: Any) -> Any:
    values = {
        name: bindparam(f"new_{name}", type_=_table(UsageRecord).c[name].type)
        for name in ("key", "meter", "day", "quantity", "at")
    }
    return made(_table(UsageRecord)).values(tenant_id=scope(), **values).on_conflict_do_nothing()


def _person(made: Any) -> Any:
    given = made(_table(UsagePerson)).values(tenant_id=scope(), month=bindparam("new_month"), user_id=bindparam("new_user"))
    return given.on_conflict_do_nothing()


def _day(made: Any, *, peak: bool) -> Any:
    table = _table(UsageDay)
    fresh = made(table).values(
        tenant_id=scope(), day=bindparam("new_day"), meter=bindparam("new_meter"), quantity=bindparam("new_quantity")
    )
    largest = func.max if made is sqlite.insert else func.greatest
    both = largest(table.c.quantity, fresh.excluded.quantity) if peak else table.c.quantity + fresh.excluded.quantity
    return fresh.on_conflict_do_update(index_elements=["tenant_id", "day", "meter"], set_={"quantity": both})


def _table(cls: Any) -> Any:
    return cls.__table__


_MAKERS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_RECORD = {name: TenantStatement(partial(_record, made)) for name, made in _MAKERS.items()}
_PERSON = {name: TenantStatement(partial(_person, made)) for name, made in _MAKERS.items()}
_SUM = {name: TenantStatement(partial(_day, made, peak=False)) for name, made in _MAKERS.items()}
_PEAK = {name: TenantStatement(partial(_day, made, peak=True)) for name, made in _MAKERS.items()}


def record(unit: TenantUnit, meter: str, day: str, quantity: int, key: str) -> bool:
    """Append, and roll up. False when that key was recorded before: nothing is counted twice."""
    dialect = unit.dialect.name
    fresh = _RECORD[dialect].change(
        unit, new_key=key, new_meter=meter, new_day=day, new_quantity=quantity, new_at=unit.clock.now()
    )
    if fresh != 1:
        return False
    rolled = _PEAK if METERS[meter].kind == "peak" else _SUM
    rolled[dialect].change(unit, new_day=day, new_meter=meter, new_quantity=quantity)
    return True


def note_active(unit: TenantUnit, month: str, user_id: str) -> bool:
    """Whether that is news."""
    return _PERSON[unit.dialect.name].change(unit, new_month=month, new_user=user_id) == 1


class Usage(TenantRepository):
    def days(self, first: str, last_day: str) -> Sequence[UsageDay]:
        """Both ends included, in order."""
        statement = select(UsageDay).where(col(UsageDay.day) >= first, col(UsageDay.day) <= last_day)
        return self.session.execute(statement.order_by(col(UsageDay.day), col(UsageDay.meter))).scalars().all()

    def day(self, day: str, meter: str) -> UsageDay | None:
        return self.keyed(UsageDay, day, meter)

    def page(self, *, day: str | None = None, after: str | None = None, limit: int = 50) -> Sequence[UsageRecord]:
        """The records by their keys."""
        statement = select(UsageRecord).order_by(col(UsageRecord.key)).limit(limit)
        if day is not None:
            statement = statement.where(UsageRecord.day == day)
        if after is not None:
            statement = statement.where(col(UsageRecord.key) > after)
        return self.session.execute(statement).scalars().all()

    def recorded(self, first: str, last_day: str) -> dict[tuple[str, str], int]:
        """(day, meter) → what the records themselves come to, whatever was rolled up."""
        statement = (
            select(UsageRecord.day, UsageRecord.meter, func.sum(UsageRecord.quantity), func.max(UsageRecord.quantity))
            .where(col(UsageRecord.day) >= first, col(UsageRecord.day) <= last_day)
            .group_by(col(UsageRecord.day), col(UsageRecord.meter))
        )
        return {
            (day, meter): int(peak if METERS[meter].kind == "peak" else total)
            for day, meter, total, peak in self.session.execute(statement)
            if meter in METERS
        }

    def cursor(self, name: str) -> UsageCursor:
        found = self.keyed(UsageCursor, name)
        if found is None:
            found = UsageCursor(tenant_id=self.tenant, name=name, position=0)
            self.session.add(found)
        return found


class UsageExports(TenantRepository):
    def customer(self, biller: str) -> UsageCustomer | None:
        return self.keyed(UsageCustomer, biller)

    def set_customer(self, biller: str, customer: str | None, first: str) -> None:
        row = self.customer(biller)
        if customer is None and row is not None:
            self.session.delete(row)
        elif customer is not None and row is not None:
            row.customer = customer
        elif customer is not None:
            self.session.add(UsageCustomer(tenant_id=self.tenant, biller=biller, customer=customer, since=first))
        self.session.flush()

    def held(self, day: str, meter: str) -> UsageExport | None:
        statement = select(UsageExport).where(UsageExport.day == day, UsageExport.meter == meter).with_for_update()
        return self.session.execute(statement).scalars().first()

    def add(self, row: UsageExport) -> None:
        self.session.add(row)
        self.session.flush()

    def between(self, first: str, last_day: str) -> dict[tuple[str, str], UsageExport]:
        statement = select(UsageExport).where(col(UsageExport.day) >= first, col(UsageExport.day) <= last_day)
        return {(row.day, row.meter): row for row in self.session.execute(statement).scalars()}
