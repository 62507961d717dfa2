"""Looking for alerts, tenant by tenant: the trail since the last look, the directories, the refusals of the hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from idbroker.alerts.model import Alert, AlertCursors, Alerts
from idbroker.alerts.rules import (
    CERTIFICATE,
    CLIENT_SECRET,
    OPENED_BY,
    SETTLED_BY,
    Sign,
    fallen_silent,
    refusals_rise,
    token_ends,
)
from idbroker.alerts.service import raise_alert, settle
from idbroker.audit.search import TrailSearch
from idbroker.audit.trail import Trail
from idbroker.connections.model import Connections
from idbroker.connections.service import ConnectionService
from idbroker.directories.model import Directories, DirectoryTokens
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit

ACTIONS = (*OPENED_BY, *SETTLED_BY)
PAGE = 500
NO_NEWS = timedelta(days=7)
"""What is older opens nothing any more: a trail that is looked through for the first time may be long."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COUNTED = 10_000
"""More refusals than that are more, and need not be counted."""


class AlertWatch:
    def __init__(self, database: Database, trail: Trail, connections: ConnectionService) -> None:
        self._database = database
        self._trail = trail
        self._connections = connections

    def look(self, scope: TenantScope) -> int:
        """How many alerts were opened."""
        try:
            return self._follow(scope) + self._measure(scope)
        except IntegrityError:
            return 0  # another worker is at it

    def _follow(self, scope: TenantScope) -> int:
        with self._database.tenant(scope, read_only=True) as unit:
            before = unit[AlertCursors].get()
        with self._trail.store.tenant(scope, read_only=True) as store:
            records, reached = store[TrailSearch].since(ACTIONS, before, PAGE)
        if reached == before:
            return 0
        with self._database.tenant(scope) as unit:
            if not unit[AlertCursors].move(before, reached):
                return 0
            return sum(self._take(unit, record) for record in records)

    def _take(self, unit: TenantUnit, record: dict[str, Any]) -> int:
        action = record["action"]
        if action in SETTLED_BY:
            row = unit[Alerts].unsettled(SETTLED_BY[action], record["resource"]["id"])
            if row is not None:
                settle(unit, row)
            return 0
        if unit.clock.now() - datetime.fromisoformat(record["ts"]) > NO_NEWS:
            return 0
        return raise_alert(unit, OPENED_BY[action](record)) is not None

    def _measure(self, scope: TenantScope) -> int:
        now = self._database.clock.now()
        with self._trail.store.tenant(scope, read_only=True) as store:
            count = store[TrailSearch].count
            last_hour = count("sign_in.refused", now - HOUR, now + HOUR, COUNTED)
            day_before = count("sign_in.refused", now - HOUR - DAY, now - HOUR, COUNTED) if last_hour else 0
        with self._database.tenant(scope, read_only=True) as unit:
            wanted = _signs(unit, last_hour, day_before)
            standing = {row.subject for kind in wanted for row in unit[Alerts].unsettled_of(kind)}
            renewed = self._renewed(unit)
        if not standing and not renewed and not any(wanted.values()):
            return 0
        with self._database.tenant(scope) as unit:
            for row in self._renewed(unit):
                settle(unit, row)
            return sum(_compare(unit, kind, signs) for kind, signs in wanted.items())

    def _renewed(self, unit: TenantUnit) -> list[Alert]:
        """Alerts of certificates and client secrets that no connection uses any more."""
        rows = [row for kind in (CERTIFICATE, CLIENT_SECRET) for row in unit[Alerts].unsettled_of(kind)]
        return [row for row in rows if not self._is_used(unit, row)]

    def _is_used(self, unit: TenantUnit, row: Alert) -> bool:
        connection_id, _, name = row.subject.partition(" ")
        connection = unit[Connections].get(connection_id)
        if connection is None or connection.status == "disabled":
            return False
        upkeep = self._connections.upkeep(connection.type)
        if row.kind == CERTIFICATE:
            return name in [one.sha256 for one in upkeep.certificates(connection.settings)]
        ends_at = upkeep.secret_ends(connection.settings)
        return ends_at is not None and rfc3339(ends_at) == name


def _signs(unit: TenantUnit, last_hour: int, day_before: int) -> dict[str, list[Sign]]:
    """Kind → the signs of it that there are now."""
    now = unit.clock.now()
    rising = refusals_rise(last_hour, day_before)
    directories = [row for row in unit[Directories].page(limit=200) if row.status == "active"]
    silent = [fallen_silent(row.id, row.name, row.last_request_at, now) for row in directories]
    ends = unit[DirectoryTokens].last_ends() if directories else {}
    ending = [token_ends(row.id, row.name, ends[row.id], now) for row in directories if row.id in ends]
    return {
        "refusals_rising": [rising] if rising is not None else [],
        "directory_silent": [sign for sign in silent if sign is not None],
        "directory_token_expiring": [sign for sign in ending if sign is not None],
    }


def _compare(unit: TenantUnit, kind: str, signs: list[Sign]) -> int:
    """Open what is new; settle what is no longer so; tell again what has come nearer."""
    standing = {row.subject: row for row in unit[Alerts].unsettled_of(kind)}
    now = {sign.subject: sign for sign in signs}
    for subject, row in standing.items():
        if subject not in now:
            settle(unit, row)
    news = [sign for sign in signs if sign.subject not in standing or sign.is_nearer_than(standing[sign.subject].details)]
    return sum(raise_alert(unit, sign) is not None for sign in news)
