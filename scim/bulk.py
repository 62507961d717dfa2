"""Bulk (RFC 7644 3.7): each operation is a transaction of its own, whole or not at all; the answer tells of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from idbroker.directories.resources import Kind, Stored
from idbroker.kernel.errors import Refusal
from scim.bulk_plan import BulkOperation, BulkPlan, bind, resolve
from scim.door import Desk
from scim.errors import error_document
from scim.groups import GroupResources
from scim.stored import etag
from scim.strict_json import Json
from scim.users import Users

BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
_WRITES: dict[str, tuple[Kind, str]] = {"Users": ("User", "users:write"), "Groups": ("Group", "groups:write")}

Transaction = Callable[[Callable[[Desk], "Done"]], "Done"]
"""Runs an action in a transaction of its own."""


@dataclass(frozen=True, slots=True)
class Done:
    status: int
    kind: Kind
    id: str
    version: str | None


class Bulk:
    def __init__(self, users: Users, groups: GroupResources) -> None:
        self._families: dict[Kind, Users | GroupResources] = {"User": users, "Group": groups}

    def run(self, plan: BulkPlan, base: str, transaction: Transaction) -> Json:
        """In the order of the plan, told in the order of the request. What comes after too many failures is not told of."""
        ids: dict[str, str] = {}
        told: dict[int, Json] = {}
        failed = 0
        for operation in plan.operations:
            told[operation.position] = answer = self._one(operation, base, transaction, ids)
            failed += int(answer["status"]) >= 400
            if plan.fail_on_errors is not None and failed >= plan.fail_on_errors:
                break
        return {"schemas": [BULK_RESPONSE], "Operations": [told[position] for position in sorted(told)]}

    def _one(self, operation: BulkOperation, base: str, transaction: Transaction, ids: dict[str, str]) -> Json:
        answer: Json = {"method": operation.method}
        if operation.bulk_id is not None:
            answer["bulkId"] = operation.bulk_id
        if operation.id is not None:
            answer["location"] = f"{base}/{operation.endpoint}/{operation.id}"
        try:
            if operation.fault is not None:
                raise operation.fault
            done = transaction(lambda desk: self._act(desk, operation, ids))
        except Refusal as refusal:
            return {**answer, "status": str(_status(refusal)), "response": error_document(refusal)}
        if operation.bulk_id is not None and operation.method == "POST":
            ids[operation.bulk_id] = done.id
        answer["location"] = f"{base}/{operation.endpoint}/{done.id}"
        if done.version is not None:
            answer["version"] = done.version
        return {**answer, "status": str(done.status)}

    def _act(self, desk: Desk, operation: BulkOperation, ids: dict[str, str]) -> Done:
        kind, scope = _WRITES[operation.endpoint]
        desk.caller.check(scope)
        family = self._families[kind]
        data: dict[str, Any] = {} if operation.data is None else bind(operation.data, ids)
        if operation.method == "POST":
            return _done(201, kind, family.create(desk, data))
        target = operation.id or resolve(operation.id_from or "", ids)
        match operation.method:
            case "PUT":
                return _done(200, kind, family.replace(desk, target, data, operation.version))
            case "PATCH":
                return _done(200, kind, family.patch(desk, target, data, operation.version))
            case _:
                family.delete(desk, target, operation.version)
                return Done(204, kind, target, None)


def _done(status: int, kind: Kind, stored: Stored) -> Done:
    return Done(status, kind, stored.id, etag(stored.version))


def _status(refusal: Refusal) -> int:
    return 400 if refusal.status == 422 else refusal.status
