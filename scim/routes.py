"""SCIM's table of addresses: people, groups, Bulk, search, and what the server says of itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import orjson

from idbroker.kernel.clock import Clock
from idbroker.kernel.errors import Forbidden
from idbroker.kernel.event import Event
from idbroker.kernel.ids import TenantId
from idbroker.keys.envelope import Envelope
from idbroker.provisioning.people import DirectoryPeople
from idbroker.sessions.service import SessionService
from idbroker.storage.database import Database
from idbroker.web.call import Answer
from idbroker.web.route import Row
from scim.access_tokens import AccessTokens
from scim.bulk import Bulk
from scim.bulk_plan import MAX_OPERATIONS, BulkPlan, read_bulk
from scim.cursors import LIFETIME, Cursors
from scim.discovery import Features, resource_type_document, schema_document, service_provider_config
from scim.door import Caller, Desk, Door
from scim.endpoints import Endpoints
from scim.errors import ScimError
from scim.face import MEDIA_TYPE, Exchange, Face
from scim.folding import fold
from scim.groups import GroupResources
from scim.list_query import DEFAULT_COUNT, MAX_COUNT, read_searches
from scim.listing import LIST_SCHEMA, Lister
from scim.oauth import TokenEndpoint
from scim.strict_json import MAX_BODY, Json
from scim.traffic import Traffic
from scim.users import Users, no_such_resource

T = TypeVar("T")
_READS: dict[str, str] = {"User": "users:read", "Group": "groups:read"}


class Scim:
    """``secrets``: cursors and access tokens are signed with what they give."""

    def __init__(
        self,
        *,
        database: Database,
        sessions: SessionService,
        envelope: Envelope,
        secrets: Sequence[bytes],
        clock: Clock,
        served: Callable[[TenantId, int], None] | None = None,
    ) -> None:
        access_tokens = AccessTokens(secrets)
        self.traffic = Traffic(database, envelope, clock)
        self._door = Door(database, clock, access_tokens)
        self._face = Face(self.traffic, served)
        self._lister = Lister(Cursors(secrets))
        users, groups = Users(DirectoryPeople(sessions)), GroupResources()
        self._families: list[Endpoints] = [
            Endpoints("User", users, self._door, self._lister, self._face),
            Endpoints("Group", groups, self._door, self._lister, self._face),
        ]
        self._bulk = Bulk(users, groups)
        self._tokens = TokenEndpoint(database, clock, access_tokens)

    def rows(self) -> list[Row]:
        row = self._face.row
        rows: list[Row] = [one for family in self._families for one in family.rows()]
        rows += [
            row("POST", "/.search", self.search, "scim_read"),
            row("POST", "/Bulk", self.bulk, "scim_write"),
            row("GET", "/ServiceProviderConfig", self.config, "scim_read"),
            row("GET", "/ResourceTypes", self.resource_types, "scim_read"),
            row("GET", "/ResourceTypes/{id}", self.resource_type, "scim_read"),
            row("GET", "/Schemas", self.schemas, "scim_read"),
            row("GET", "/Schemas/{id}", self.schema, "scim_read"),
        ]
        rows += [row(method, "/Me", self.me, "scim_read") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")]
        return [*rows, *self._tokens.rows()]

    def search(self, exchange: Exchange) -> Answer:
        """People and groups in one list; those that the token may not read are not in it."""
        caller = self._door.prove(exchange)
        kinds = [kind for kind in caller.schemas.resource_types if _READS[kind.name] in caller.scopes]
        if not kinds:
            raise Forbidden("scim_scope", "This token has neither the scope users:read nor groups:read.")
        queries = read_searches(exchange.body(), kinds)

        listed = self._door.read(exchange, lambda desk: self._lister.list(desk, queries))
        if listed.anchor is not None:
            self._door.note(exchange, listed.anchor.keep)
        return Answer(200, listed.body, MEDIA_TYPE)

    def bulk(self, exchange: Exchange) -> Answer:
        caller = self._door.prove(exchange)
        if not caller.scopes & {"users:write", "groups:write"}:
            raise Forbidden("scim_scope", "This token has neither the scope users:write nor groups:write.")
        plan = read_bulk(exchange.body())

        def transaction(action: Callable[[Desk], T]) -> T:
            def acting(desk: Desk) -> T:
                done = action(desk)
                noted[:] = desk.effects
                exchange.observed |= desk.observed
                return done

            noted: list[Event] = []
            done = self._door.write(exchange, acting)
            exchange.effects += noted
            return done

        exchange.operations = len(plan.operations)
        exchange.call.meter.does_the_work_of(exchange.operations)
        if exchange.dry or caller.dry_run:
            return self._door.write(exchange, lambda desk: self._try_bulk(exchange, desk, plan), dry=True)
        return _json(self._bulk.run(plan, exchange.base, transaction))

    def _try_bulk(self, exchange: Exchange, desk: Desk, plan: BulkPlan) -> Answer:
        """All within one transaction, which the door rolls back: each operation in a savepoint instead of its own."""

        def transaction(action: Callable[[Desk], T]) -> T:
            before = len(desk.effects)
            with desk.unit.session.begin_nested():
                desk.unit.session.connection()  # which sets the savepoint now: most statements go past the session
                done = action(desk)
            exchange.effects += desk.effects[before:]
            return done

        exchange.effects = []
        answer = self._bulk.run(plan, exchange.base, transaction)
        exchange.tried = {"Operations": answer["Operations"]}
        exchange.observed |= desk.observed
        return _json(answer)

    def me(self, exchange: Exchange) -> Answer:
        """RFC 7644 3.11: the resource of whoever is authenticated. A directory's token is that of a program."""
        self._door.prove(exchange)
        raise ScimError(None, "This token is a directory's: it stands for no person, so there is no 'Me'.", status=404)

    def config(self, exchange: Exchange) -> Answer:
        self._door.prove(exchange)
        features = Features(
            max_operations=MAX_OPERATIONS,
            max_payload_size=MAX_BODY,
            max_results=MAX_COUNT,
            default_page_size=DEFAULT_COUNT,
            cursor_timeout=int(LIFETIME.total_seconds()),
            oauth=True,
        )
        return _json(service_provider_config(features, exchange.base))

    def resource_types(self, exchange: Exchange) -> Answer:
        kinds = self._discovered(exchange).schemas.resource_types
        return _list([resource_type_document(kind, exchange.base) for kind in kinds])

    def resource_type(self, exchange: Exchange) -> Answer:
        for kind in self._discovered(exchange).schemas.resource_types:
            if kind.name == exchange.call.path_params["id"]:
                return _json(resource_type_document(kind, exchange.base))
        raise no_such_resource()

    def schemas(self, exchange: Exchange) -> Answer:
        return _list([schema_document(schema, exchange.base) for schema in self._discovered(exchange).schemas.schemas])

    def schema(self, exchange: Exchange) -> Answer:
        wanted = fold(exchange.call.path_params["id"])
        for schema in self._discovered(exchange).schemas.schemas:
            if fold(schema.id) == wanted:
                return _json(schema_document(schema, exchange.base))
        raise no_such_resource()

    def _discovered(self, exchange: Exchange) -> Caller:
        """RFC 7644 4: a filter at these addresses is 403."""
        caller = self._door.prove(exchange)
        if any(fold(name) == "filter" for name in exchange.call.query):
            raise ScimError(None, "These documents cannot be filtered.", status=403)
        return caller


def _json(document: Json) -> Answer:
    return Answer(200, orjson.dumps(document), MEDIA_TYPE)


def _list(documents: Sequence[Json]) -> Answer:
    number = len(documents)
    return _json(
        {
            "schemas": [LIST_SCHEMA],
            "totalResults": number,
            "itemsPerPage": number,
            "startIndex": 1,
            "Resources": list(documents),
        }
    )
