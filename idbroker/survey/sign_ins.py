"""Counting the sign-ins of all tenants by day and outcome, from their sealed trails.

Each worker counts what it has sealed itself, a moment later; a sweep over all tenants makes good what one that was killed had
noticed. How far a tenant is counted stands beside the counts, in one transaction: nothing is counted twice.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import structlog

from idbroker.audit.search import TrailQuery, TrailSearch
from idbroker.audit.trail import Trail
from idbroker.kernel.ids import PLATFORM_TRAIL, TenantId
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.storage.database import Database
from idbroker.survey.groups import in_groups
from idbroker.survey.model import DayKey, SurveyDays, SurveyReaches
from idbroker.tenants.model import Tenants

SUCCEEDED, REFUSED = "sign_in.succeeded", "sign_in.refused"
ACTIONS = (SUCCEEDED, REFUSED)
DAYS = 14
"""So far back a trail is read that is counted for the first time."""

PAGE = 500
log = structlog.get_logger("idbroker.survey")


class SignInSurvey:
    def __init__(self, database: Database, trail: Trail) -> None:
        self._database = database
        self._trail = trail
        self._noticed: set[TenantId] = set()
        self._lock = threading.Lock()
        trail.on_sealed.append(self._notice)

    def count_noticed(self) -> int:
        """Count the tenants of which records were sealed here since the last time. How many sign-ins."""
        with self._lock:
            noticed, self._noticed = sorted(self._noticed), set()
        return self.count_each(noticed)

    def count_each(self, tenants: Iterable[TenantId]) -> int:
        """How many sign-ins were counted. One tenant that cannot be counted now stops no other, and is tried again."""
        done = 0
        for group in in_groups(tenants):
            with self._database.platform(SYSTEM, read_only=True) as unit:
                reached, real = unit[SurveyReaches].of(group), unit[Tenants].real_among(group)
            for tenant in [*(PLATFORM_TRAIL,) * (PLATFORM_TRAIL in group), *(one.tenant_id for one in real)]:
                try:
                    done += self._count(tenant, reached.get(tenant))
                except Exception:
                    log.exception("sign-ins could not be counted", tenant_id=tenant)
                    self._notice(tenant, 1)
        return done

    def _notice(self, tenant: TenantId, count: int) -> None:
        del count
        with self._lock:
            self._noticed.add(tenant)

    def _count(self, tenant: TenantId, reached: int | None) -> int:
        done = 0
        while True:
            records, upto = self._read(tenant, reached)
            if upto == reached:
                return done
            with self._database.platform(SYSTEM) as unit:
                if not unit[SurveyReaches].move(tenant, reached, upto):
                    return done  # another worker is at it
                unit[SurveyDays].add(_counted(records))
            reached, done = upto, done + len(records)
            if len(records) < PAGE:
                return done

    def _read(self, tenant: TenantId, reached: int | None) -> tuple[list[dict[str, Any]], int]:
        """(sign-ins that are not counted, up to which sequence these are all)."""
        with self._trail.store.tenant(TenantScope(tenant, SYSTEM), read_only=True) as store:
            search = store[TrailSearch]
            if reached is None:
                reached = search.span(TrailQuery(since=store.clock.now() - timedelta(days=DAYS)))[0]
            return search.since(ACTIONS, reached, PAGE)


def _counted(records: Iterable[dict[str, Any]]) -> Counter[DayKey]:
    return Counter((one["ts"][:10], one["action"], str(one["context"].get("code") or "")) for one in records)
