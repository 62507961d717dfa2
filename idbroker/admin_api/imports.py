"""Many tenants and connections in one call: each item is one operation of its own, with a result of its own.

An item that is there already (a tenant by its slug, a connection by its name in its tenant) is left as it is, so a call that
was cut off is sent again. ``dry_run`` does each item and takes it back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from idbroker.access.api_keys import Principal
from idbroker.access.permissions import OPERATOR, Permission
from idbroker.admin_api.body import parse, read_object
from idbroker.admin_api.connections import ConnectionCalls
from idbroker.admin_api.operation import API, Operation
from idbroker.admin_api.shapes import Body, Document, shown
from idbroker.admin_api.tenants import TenantCalls
from idbroker.connections.model import Connections
from idbroker.kernel.errors import FieldError, Forbidden, Invalid, Refusal, invalid_field
from idbroker.kernel.ids import TenantId
from idbroker.kernel.scope import TenantScope
from idbroker.storage.database import Database
from idbroker.storage.unit import PlatformUnit
from idbroker.tenants.model import Tenants
from idbroker.web.call import Answer, BadRequest, Call
from idbroker.web.route import KeyRoute

PATH = f"{API}/imports"
MAX_ITEMS = 500
LINES = "application/x-ndjson"


class NewImport(Body):
    """``items``: ``{"kind": "tenant", …}`` as for ``POST /tenants``, or ``{"kind": "connection", "tenant": slug or id, …}`` as
    for ``POST /tenants/{tenant}/connections``, in the order in which they need each other."""

    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_ITEMS)]
    dry_run: bool = False


class ImportProblem(Document):
    pointer: str
    message: str


class ImportedItem(Document):
    """``present``: it was there and was left alone. ``id`` is null where nothing was made."""

    index: int
    kind: str
    outcome: Literal["created", "present", "failed"]
    id: str | None
    code: str | None
    detail: str | None
    errors: list[ImportProblem]


class ImportDocument(Document):
    dry_run: bool
    created: int
    present: int
    failed: int
    data: list[ImportedItem]


class _TakenBack(Exception):
    pass


@dataclass
class _Rehearsed:
    """What a dry run would have made so far, for the items that come after it."""

    tenants: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Slug → (tier, status)."""
    connections: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Tenant (its id, or the slug of one that would be made) → names."""


class ImportCalls:
    def __init__(self, database: Database, tenants: TenantCalls, connections: ConnectionCalls) -> None:
        self._database = database
        self._tenants = tenants
        self._connections = connections

    def operations(self) -> list[Operation]:
        return [
            Operation(
                name="import_items",
                area="Imports",
                summary="Make many tenants and connections, each with a result of its own; what is there is left alone. JSON, "
                "or one item a line (application/x-ndjson, with ?dry_run=true).",
                row=KeyRoute(
                    method="POST", path=PATH, handler=self.run, limit="admin_write", permission=Permission.OPERATE_TENANTS
                ),
                body=NewImport,
                answer=ImportDocument,
            )
        ]

    def run(self, call: Call, principal: Principal) -> Answer:
        if principal.tenant is not None or not principal.permissions >= OPERATOR:
            raise Forbidden("operators_only", "Imports are made by operators only.")
        form = parse(NewImport, _lines(call) if call.content_type == LINES else read_object(call))
        made = _Rehearsed()
        results = [self._one(call, number, item, made, dry=form.dry_run) for number, item in enumerate(form.items)]
        counts = {outcome: sum(one.outcome == outcome for one in results) for outcome in ("created", "present", "failed")}
        return shown(ImportDocument(dry_run=form.dry_run, data=results, **counts))

    def _one(self, call: Call, number: int, item: Mapping[str, Any], made: _Rehearsed, *, dry: bool) -> ImportedItem:
        kind = item.get("kind")
        body = {name: value for name, value in item.items() if name != "kind"}
        try:
            if kind == "tenant":
                outcome, its_id = self._tenant(call, body, made, dry=dry)
            elif kind == "connection":
                outcome, its_id = self._connection(call, body, made, dry=dry)
            else:
                raise invalid_field("/kind", "An item is a tenant or a connection.")
        except Refusal as refusal:
            errors = refusal.errors if isinstance(refusal, Invalid) else ()
            return ImportedItem(
                index=number,
                kind=str(kind)[:40],
                outcome="failed",
                id=None,
                code=refusal.code,
                detail=refusal.public,
                errors=[_problem(number, error) for error in errors],
            )
        return ImportedItem(index=number, kind=str(kind), outcome=outcome, id=its_id, code=None, detail=None, errors=[])

    def _tenant(
        self, call: Call, body: Mapping[str, Any], made: _Rehearsed, *, dry: bool
    ) -> tuple[Literal["created", "present"], str | None]:
        slug = body.get("slug")
        with self._database.platform(call.actor, read_only=True) as unit:
            there = unit[Tenants].by_slug(slug) if isinstance(slug, str) else None
            if there is not None:
                return "present", there.id
        if isinstance(slug, str) and slug in made.tenants:
            return "present", None
        answer: Answer | None = None
        try:
            with self._database.platform(call.actor) as unit:
                answer = self._tenants.create(_asked(call, body), unit)
                if dry:
                    raise _TakenBack
        except _TakenBack:
            document = orjson.loads(answer.body) if answer is not None else {}
            made.tenants[str(slug)] = document["tier"], document["status"]
            return "created", None
        return "created", _id(answer)

    def _connection(
        self, call: Call, body: Mapping[str, Any], made: _Rehearsed, *, dry: bool
    ) -> tuple[Literal["created", "present"], str | None]:
        wanted = body.get("tenant")
        if not isinstance(wanted, str):
            raise invalid_field("/tenant", "Say which tenant's it is, by slug or id.")
        given = {name: value for name, value in body.items() if name != "tenant"}
        with self._database.platform(call.actor, read_only=True) as unit:
            scope = self._scope(unit, call, wanted)
            if scope is None and wanted not in made.tenants:
                raise invalid_field("/tenant", "There is no such tenant.")
            if scope is not None:
                with unit.enter(scope) as inside:
                    there = inside[Connections].called(given.get("name"))
                if there is not None:
                    return "present", there
        asked = _asked(call, given)
        if not dry and scope is not None:
            return "created", _id(self._connections.rehearsable_create(asked, scope))
        rehearsed = made.connections[wanted if scope is None else scope.tenant]
        if isinstance(given.get("name"), str) and given["name"] in rehearsed:
            return "present", None
        if scope is None:  # its tenant would be made by this very rehearsal
            self._connections.check(asked, *made.tenants[wanted], has=len(rehearsed))
        else:
            self._connections.rehearsable_create(replace(asked, raw_query="dry_run=true"), scope)
            with self._database.tenant(scope) as inside:
                self._connections.check_room(inside, beside=len(rehearsed))
        rehearsed.add(given["name"])
        return "created", None

    def _scope(self, unit: PlatformUnit, call: Call, wanted: str) -> TenantScope | None:
        tenant = unit[Tenants].find(wanted)
        return None if tenant is None else TenantScope(TenantId(tenant.id), call.actor, call.request_id)


def _asked(call: Call, body: Mapping[str, Any]) -> Call:
    """The call that this item would be alone."""
    headers = {name: value for name, value in call.headers.items() if name not in ("if-match", "if-none-match")}
    return replace(
        call, raw_query="", path_params={}, headers={**headers, "content-type": "application/json"}, body=orjson.dumps(body)
    )


def _lines(call: Call) -> dict[str, Any]:
    """One JSON object a line, as an import. Raises BadRequest, naming the line."""
    items = []
    for number, line in enumerate(call.body.splitlines(), start=1):
        if line.strip():
            try:
                items.append(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                raise BadRequest("bad_json", f"Line {number} is not JSON.", detail=str(error)) from error
    dry = call.query.get("dry_run", "false")
    if dry not in ("true", "false"):
        raise invalid_field("/dry_run", "dry_run is true or false.")
    return read_object(replace(call, headers={}, body=orjson.dumps({"items": items, "dry_run": dry == "true"})))


def _problem(number: int, error: FieldError) -> ImportProblem:
    return ImportProblem(pointer=f"/items/{number}{error.pointer}", message=error.message)


def _id(answer: Answer | None) -> str:
    return str(orjson.loads(answer.body)["id"]) if answer is not None else ""
