"""The export as a stream: one JSON document, written piece by piece. Each page of rows is a transaction of its own.

That somebody takes it away is an event of the tenant's, before the first piece, whoever he is.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import or_
from sqlmodel import col, select, tuple_

from idbroker.alerts.model import Alert
from idbroker.audit.export import matching
from idbroker.audit.feed import FeedEvent
from idbroker.audit.outbox import Outbox
from idbroker.audit.records import AuditRecords
from idbroker.audit.search import TrailQuery
from idbroker.audit.trail import Trail
from idbroker.directories.resource_rows import ScimUser
from idbroker.directory.model import User
from idbroker.erasure.holdings import DELETED
from idbroker.erasure.persons import Person, past_names, read_person
from idbroker.erasure.sealed_stores import SEALED_STORES
from idbroker.exports.sections import OPENED, SHOWN, shown
from idbroker.kernel.clock import rfc3339
from idbroker.kernel.errors import NotFound
from idbroker.kernel.event import Event, Resource
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import CannotOpen
from idbroker.keys.person_keys import KeptPersonKeys
from idbroker.outbound_scim.model import ScimPush
from idbroker.sessions.revocations import LogoutDelivery, Revocation
from idbroker.signals.model import SignalSet
from idbroker.storage.database import Database
from idbroker.storage.rows import MAIN, tenant_tables
from idbroker.storage.unit import TenantUnit
from idbroker.tenants.model import Tenants
from idbroker.webhooks.model import WebhookDelivery

FORMAT = "idbroker-export/1"
PAGE = 200
RECORDS = 500

_OF_A_PERSON: dict[str, Callable[[Person], Any]] = {
    **{str(cls.__tablename__): condition for cls, condition in DELETED},
    "users": lambda person: col(User.id) == person.id,
    "scim_users": lambda person: col(ScimUser.id) == person.id,
    "scim_pushes": lambda person: col(ScimPush.resource_id) == person.id,
    "revocations": lambda person: col(Revocation.user_id) == person.id,
    "logout_deliveries": lambda person: col(LogoutDelivery.user_id) == person.id,
    "signal_sets": lambda person: col(SignalSet.subject) == person.id,
    "webhook_deliveries": lambda person: col(WebhookDelivery.subject) == person.id,
}
"""Tables in which a condition finds what is his. Of those that are sealed, and of alerts, what names him is shown."""


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    cls: type[Any]
    condition: Any = None
    keep: Callable[[dict[str, Any]], bool] | None = None


class Exporter:
    def __init__(self, database: Database, trail: Trail, envelope: Envelope, keys: KeptPersonKeys) -> None:
        self._database = database
        self._trail = trail
        self._envelope = envelope
        self._keys = keys

    def tenant(self, scope: TenantScope) -> Iterator[bytes]:
        """All of the tenant. Raises NotFound before the first piece."""
        head = self._head(scope, None)
        self._tell(scope, Event("tenant.exported", Resource("tenant", scope.tenant, head["tenant"]["name"])))
        kinds = tenant_tables(MAIN)
        sections = [_Section(name, kinds[table]) for table, name in SHOWN.items()]
        return self._written(head, scope, sections, self._records_of_tenant(scope))

    def person(self, scope: TenantScope, user_id: str) -> Iterator[bytes]:
        """All of one person. Raises NotFound before the first piece."""
        past = past_names(self._trail, scope, user_id)
        with self._database.tenant(scope, read_only=True) as unit:
            person = read_person(unit, user_id, past)
            strangers = self._keys.strangers(unit, person.addresses) if person is not None else []
        if person is None:
            raise NotFound("user")
        head = self._head(scope, user_id)
        self._tell(scope, Event("user.exported", Resource("user", user_id)))
        kinds, sections = tenant_tables(MAIN), []
        for table, name in SHOWN.items():
            if table in _OF_A_PERSON:
                sections.append(_Section(name, kinds[table], _OF_A_PERSON[table](person)))
            elif table in OPENED or table == Alert.__tablename__:
                sections.append(_Section(name, kinds[table], keep=_naming(person)))
            elif table == "feed_events":
                told = or_(*(col(FeedEvent.document).contains(one) for one in person.owners))
                sections.append(_Section(name, FeedEvent, told))
        return self._written(head, scope, sections, self._records_of_person(scope, [*person.owners, *strangers]))

    def _tell(self, scope: TenantScope, event: Event) -> None:
        with self._database.tenant(scope) as unit:
            unit[Outbox].record(event)

    def _head(self, scope: TenantScope, user_id: str | None) -> dict[str, Any]:
        with self._database.platform(scope.actor, read_only=True) as unit:
            tenant, now = unit[Tenants].get(scope.tenant), unit.clock.now()
            if tenant is None:
                raise NotFound("tenant")
            return {
                "format": FORMAT,
                "exported_at": rfc3339(now),
                "user_id": user_id,
                "tenant": {
                    "id": tenant.id,
                    "slug": tenant.slug,
                    "name": tenant.name,
                    "tier": tenant.tier,
                    "status": tenant.status,
                    "region": tenant.region,
                    "limits": tenant.limits,
                    "created_at": rfc3339(tenant.created_at),
                },
            }

    def _written(
        self, head: dict[str, Any], scope: TenantScope, sections: list[_Section], records: Iterator[list[dict[str, Any]]]
    ) -> Iterator[bytes]:
        yield orjson.dumps(head)[:-1] + b',"data":{'
        for number, section in enumerate(sections):
            yield (b"," if number else b"") + orjson.dumps(section.name) + b":["
            yield from _listed(self._pages(scope, section))
            yield b"]"
        yield b'},"audit_events":['
        yield from _listed(records)
        yield b"]}\n"

    def _pages(self, scope: TenantScope, section: _Section) -> Iterator[list[dict[str, Any]]]:
        table = section.cls.__table__
        key = [column for column in table.primary_key.columns if column.name != "tenant_id"]
        after: tuple[Any, ...] | None = None
        while True:
            with self._database.tenant(scope, read_only=True) as unit:
                statement = select(section.cls).order_by(*key).limit(PAGE)
                if section.condition is not None:
                    statement = statement.where(section.condition)
                if after is not None and key:
                    statement = statement.where(tuple_(*key) > after)
                rows = list(unit.session.execute(statement).scalars())
                page = [self._shown(unit, table, row) for row in rows]
            yield [one for one in page if section.keep is None or section.keep(one)]
            if len(rows) < PAGE or not key:
                return
            after = tuple(getattr(rows[-1], column.name) for column in key)

    def _shown(self, unit: TenantUnit, table: Any, row: Any) -> dict[str, Any]:
        found = shown(table, row)
        store = next((one for one in SEALED_STORES if one.name == table.name and one.name in OPENED), None)
        if store is not None:
            try:
                said = store.read(self._envelope, unit, row)
            except (CannotOpen, zlib.error, ValueError):
                return found
            found["opened"] = _parsed(said)
        return found

    def _records_of_tenant(self, scope: TenantScope) -> Iterator[list[dict[str, Any]]]:
        return matching(self._trail, scope, TrailQuery())

    def _records_of_person(self, scope: TenantScope, owners: list[str]) -> Iterator[list[dict[str, Any]]]:
        """What he did, what was done to him, and what holds a part of his."""
        after = 0
        while True:
            with self._trail.store.tenant(scope, read_only=True) as unit:
                sequences = unit[AuditRecords].of_persons(owners, after, RECORDS)
                page = [record for one in sequences for _, record in unit[AuditRecords].following(one - 1, 1)]
            if page:
                yield self._trail.opened(scope, page)
            if len(sequences) < RECORDS:
                return
            after = sequences[-1]


def _listed(pages: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    first = True
    for page in pages:
        if page:
            yield (b"" if first else b",") + b",".join(orjson.dumps(one, option=orjson.OPT_NON_STR_KEYS) for one in page)
            first = False


def _naming(person: Person) -> Callable[[dict[str, Any]], bool]:
    return lambda row: person.mentioned_in(json.dumps(row, ensure_ascii=False, default=str))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def find_person(database: Database, scopes: Iterator[TenantScope], user_id: str) -> TenantId | None:
    """Whose person that is: for an operator who knows no more than the id."""
    for scope in scopes:
        with database.tenant(scope, read_only=True) as unit:
            if unit.session.execute(select(User.id).where(User.id == user_id)).first() is not None:
                return scope.tenant
    return None
