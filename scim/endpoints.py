"""The addresses of people and groups: one family of handlers for both (RFC 7644 3.2)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from idbroker.directories.resources import Kind, Stored
from idbroker.web.call import Answer
from idbroker.web.route import OpenRoute
from scim.door import Desk, Door
from scim.errors import ScimError
from scim.face import MEDIA_TYPE, Exchange, Face
from scim.groups import GroupResources
from scim.list_query import ListQuery, read_query, read_search
from scim.listing import Listed, Lister
from scim.preconditions import Preconditions, check_match, is_known
from scim.projection import Projection
from scim.schemas.schema_set import ResourceType
from scim.stored import etag
from scim.users import Users


class Endpoints:
    """``/Users`` or ``/Groups``."""

    def __init__(self, kind: Kind, family: Users | GroupResources, door: Door, lister: Lister, face: Face) -> None:
        self._kind: Kind = kind
        self._family = family
        self._door = door
        self._lister = lister
        self._face = face
        self._scopes = f"{kind.lower()}s"

    def rows(self) -> list[OpenRoute]:
        row, path = self._face.row, f"/{self._kind}s"
        return [
            row("GET", path, self.list, "scim_read"),
            row("POST", path, self.create, "scim_write"),
            row("POST", f"{path}/.search", self.search, "scim_read"),
            row("GET", f"{path}/{{id}}", self.get, "scim_read"),
            row("PUT", f"{path}/{{id}}", self.put, "scim_write"),
            row("PATCH", f"{path}/{{id}}", self.patch, "scim_write"),
            row("DELETE", f"{path}/{{id}}", self.delete, "scim_write"),
        ]

    def list(self, exchange: Exchange) -> Answer:
        return self._listed(exchange, lambda kind: read_query(exchange.call.query, kind))

    def search(self, exchange: Exchange) -> Answer:
        caller = self._door.prove(exchange)
        caller.check(f"{self._scopes}:read")
        body = exchange.body()
        return self._listed(exchange, lambda kind: read_search(body, kind))

    def _listed(self, exchange: Exchange, read: Callable[[ResourceType], ListQuery]) -> Answer:
        def act(desk: Desk) -> Listed:
            desk.caller.check(f"{self._scopes}:read")
            return self._lister.list(desk, {self._kind: read(self._type(desk))})

        listed = self._door.read(exchange, act)
        if listed.anchor is not None:
            self._door.note(exchange, listed.anchor.keep)
        return Answer(200, listed.body, MEDIA_TYPE)

    def create(self, exchange: Exchange) -> Answer:
        def act(desk: Desk) -> Answer:
            made = self._family.create(desk, body)
            return self._answer(desk, made, self._family.shown_new(desk, made, self._projection(exchange, desk)), 201)

        body = self._proven_body(exchange)
        return self._written(exchange, act)

    def get(self, exchange: Exchange) -> Answer:
        def act(desk: Desk) -> Answer:
            desk.caller.check(f"{self._scopes}:read")
            stored = self._family.read(desk, exchange.call.path_params["id"])
            tag = etag(stored.version)
            check_match(exchange.call.headers.get("if-match"), tag)
            if is_known(exchange.call.headers.get("if-none-match"), tag):
                return Answer(304, b"", None, (("etag", tag),))
            return self._shown(desk, stored, self._projection(exchange, desk), 200)

        return self._door.read(exchange, act)

    def put(self, exchange: Exchange) -> Answer:
        def act(desk: Desk) -> Answer:
            stored = self._family.replace(desk, exchange.call.path_params["id"], body, wanted)
            return self._shown(desk, stored, self._projection(exchange, desk), 200)

        body, wanted = self._proven_body(exchange), Preconditions.of(exchange.call.headers)
        return self._written(exchange, act)

    def patch(self, exchange: Exchange) -> Answer:
        def act(desk: Desk) -> Answer:
            projection = self._projection(exchange, desk)
            stored = self._family.patch(desk, exchange.call.path_params["id"], body, wanted)
            if self._kind == "Group" and not _asks_for_attributes(exchange):
                # A group may be large: 204, unless the client wants to see something of it (RFC 7644 3.5.2).
                return Answer(204, b"", None, (("etag", etag(stored.version)),))
            return self._shown(desk, stored, projection, 200)

        body, wanted = self._proven_body(exchange), Preconditions.of(exchange.call.headers)
        return self._written(exchange, act)

    def delete(self, exchange: Exchange) -> Answer:
        def act(desk: Desk) -> Answer:
            self._family.delete(desk, exchange.call.path_params["id"], Preconditions.of(exchange.call.headers))
            return Answer(204)

        return self._written(exchange, act)

    def _proven_body(self, exchange: Exchange) -> dict[str, object]:
        """The body, read before any transaction that writes. Of what is wrong with it only a proven sender hears."""
        if self._door.knows(exchange.call):
            with suppress(ScimError):
                return exchange.body()
        self._door.prove(exchange).check(f"{self._scopes}:write")
        return exchange.body()

    def _written(self, exchange: Exchange, act: Callable[[Desk], Answer]) -> Answer:
        def acting(desk: Desk) -> Answer:
            desk.caller.check(f"{self._scopes}:write")
            try:
                return act(desk)
            finally:
                exchange.effects = desk.effects
                exchange.observed |= desk.observed

        return self._door.write(exchange, acting, dry=exchange.dry)

    def _type(self, desk: Desk) -> ResourceType:
        return desk.caller.schemas.user if self._kind == "User" else desk.caller.schemas.group

    def _projection(self, exchange: Exchange, desk: Desk) -> Projection:
        query = exchange.call.query
        return Projection(self._type(desk), _names(query.get("attributes")), _names(query.get("excludedAttributes")))

    def _shown(self, desk: Desk, stored: Stored, projection: Projection, status: int) -> Answer:
        return self._answer(desk, stored, self._family.shown(desk, stored, projection), status)

    def _answer(self, desk: Desk, stored: Stored, body: bytes, status: int) -> Answer:
        location = f"{desk.base}/{self._kind}s/{stored.id}"
        return Answer(status, body, MEDIA_TYPE, (("etag", etag(stored.version)), ("location", location)))


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(stripped for item in (text or "").split(",") if (stripped := item.strip(" ")))


def _asks_for_attributes(exchange: Exchange) -> bool:
    query = exchange.call.query
    return bool(query.get("attributes") or query.get("excludedAttributes"))
