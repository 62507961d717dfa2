"""Telling of what ends: certificates and client secrets that sign-ins depend on, and the leave to use SHA-1. Each once."""

from __future__ import annotations

from datetime import date

from sqlalchemy.exc import IntegrityError

from idbroker.audit.outbox import Outbox
from idbroker.connections.model import Connection, Connections
from idbroker.connections.notice_rows import ConnectionNotices
from idbroker.connections.service import ConnectionService, resource
from idbroker.connections.timing import notice_level
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.event import Event
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import TenantUnit

PAGE = 100


class CertificateWatch:
    def __init__(self, database: Database, connections: ConnectionService) -> None:
        self._database = database
        self._connections = connections

    def look(self, scope: TenantScope) -> int:
        """Look at one tenant's connections. Returns how many notices were given."""
        told, after = 0, None
        while True:
            with self._database.tenant(scope, read_only=True) as unit:
                page = unit[Connections].page(after=after, limit=PAGE)
            for row in page:
                if row.status != "disabled":
                    told += self._look_at(scope, row)
            if len(page) < PAGE:
                return told
            after = page[-1].id

    def _look_at(self, scope: TenantScope, row: Connection) -> int:
        if not self._notices(row, scope):
            return 0
        try:
            with self._database.tenant(scope) as unit:
                return sum(self._tell(unit, row, *notice) for notice in self._notices(row, scope))
        except IntegrityError:
            return 0  # another worker is telling of it

    def _notices(self, row: Connection, scope: TenantScope) -> list[tuple[str, int, Event]]:
        """(what it is about, level, the event), whether told before or not."""
        now = self._database.clock.now()
        found: list[tuple[str, int, Event]] = []
        for certificate in self._connections.upkeep(row.type).certificates(row.settings):
            level = notice_level(certificate.not_after, now)
            if level is not None:
                context = {"sha256": certificate.sha256, "not_after": rfc3339(certificate.not_after), "days": level}
                found.append(
                    (certificate.sha256, level, Event("connection.certificate_expiring", resource(row), context=context))
                )
        secret_ends = self._connections.upkeep(row.type).secret_ends(row.settings)
        level = notice_level(secret_ends, now) if secret_ends is not None else None
        if secret_ends is not None and level is not None:
            context = {"expires_at": rfc3339(secret_ends), "days": level}
            event = Event("connection.client_secret_expiring", resource(row), context=context)
            found.append((f"secret:{rfc3339(secret_ends)}", level, event))
        until = row.options.get("allow_sha1_until")
        if until is not None and date.fromisoformat(until) < now.date():
            found.append(
                (f"sha1:{until}", 0, Event("connection.weak_signatures_ended", resource(row), context={"until": until}))
            )
        return found

    def _tell(self, unit: TenantUnit, row: Connection, subject: str, level: int, event: Event) -> int:
        if unit[ConnectionNotices].lower(row.id, subject, level) is None:
            return 0
        unit[Outbox].record(event)
        return 1
