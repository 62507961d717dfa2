"""Bulk (RFC 7644 3.7): each operation is whole or not done at all; the answer tells of each.

An operation is a transaction of its own, but for people who are made one after the other: they are made together, in a few
statements. Where one of them cannot be, none is, and each is tried by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol, TypeVar

from idbroker.directories.resources import Kind, Stored
from idbroker.kernel.errors import Refusal
from scim.bulk_plan import BulkOperation, BulkPlan, bind, resolve
from scim.door import Desk
from scim.errors import error_document
from scim.groups import GroupResources
from scim.preconditions import Preconditions
from scim.stored import etag
from scim.strict_json import Json
from scim.users import Users

BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
_WRITES: dict[str, tuple[Kind, str]] = {"Users": ("User", "users:write"), "Groups": ("Group", "groups:write")}

T = TypeVar("T")
AT_ONCE = 100
"""So many are made together: nobody else waits for longer than that takes."""


class Transaction(Protocol):
    """Runs an action in a transaction of its own."""

    def __call__(self, action: Callable[[Desk], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class Done:
    status: int
    kind: Kind
    id: str
    version: str | None


class Bulk:
    def __init__(self, users: Users, groups: GroupResources) -> None:
        self._users = users
        self._families: dict[Kind, Users | GroupResources] = {"User": users, "Group": groups}

    def run(self, plan: BulkPlan, base: str, transaction: Transaction) -> Json:
        """In the order of the plan, told in the order of the request. What comes after too many failures is not told of."""
        ids: dict[str, str] = {}
        told: dict[int, Json] = {}
        failed = 0
        for operation, answer in self._answers(plan.operations, base, transaction, ids):
            told[operation.position] = answer
            failed += int(answer["status"]) >= 400
            if plan.fail_on_errors is not None and failed >= plan.fail_on_errors:
                break
        return {"schemas": [BULK_RESPONSE], "Operations": [told[position] for position in sorted(told)]}

    def _answers(
        self, operations: Sequence[BulkOperation], base: str, transaction: Transaction, ids: dict[str, str]
    ) -> Iterator[tuple[BulkOperation, Json]]:
        """Nothing is done before it is asked for, but for what is made together."""
        for together, run in _runs(operations):
            made = self._together(run, transaction) if together else None
            each: Sequence[Done | None] = made or [None] * len(run)
            for operation, done in zip(run, each, strict=True):
                if done is None:
                    yield operation, self._one(operation, base, transaction, ids)
                else:
                    yield operation, _told(operation, base, done, ids)

    def _together(self, run: Sequence[BulkOperation], transaction: Transaction) -> list[Done] | None:
        """None where one of them is refused."""

        def act(desk: Desk) -> list[Done]:
            desk.caller.check("users:write")
            return [_done(201, "User", stored) for stored in self._users.create_all(desk, [one.data or {} for one in run])]

        try:
            return transaction(act)
        except Refusal:
            return None

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
        return {**answer, **_told(operation, base, done, ids)}

    def _act(self, desk: Desk, operation: BulkOperation, ids: dict[str, str]) -> Done:
        kind, scope = _WRITES[operation.endpoint]
        desk.caller.check(scope)
        family = self._families[kind]
        data: dict[str, Any] = {} if operation.data is None else bind(operation.data, ids)
        if operation.method == "POST":
            return _done(201, kind, family.create(desk, data))
        target = operation.id or resolve(operation.id_from or "", ids)
        wanted = Preconditions(if_match=operation.version)
        match operation.method:
            case "PUT":
                return _done(200, kind, family.replace(desk, target, data, wanted))
            case "PATCH":
                return _done(200, kind, family.patch(desk, target, data, wanted))
            case _:
                family.delete(desk, target, wanted)
                return Done(204, kind, target, None)


def _runs(operations: Sequence[BulkOperation]) -> Iterator[tuple[bool, Sequence[BulkOperation]]]:
    """In their order: several people to be made, who refer to nobody, or anything else by itself."""
    for plain, run in groupby(operations, _is_plain):
        several = list(run)
        size = AT_ONCE if plain else 1
        for start in range(0, len(several), size):
            part = several[start : start + size]
            yield len(part) > 1, part


def _is_plain(operation: BulkOperation) -> bool:
    makes = operation.method == "POST" and operation.endpoint == "Users"
    return makes and operation.fault is None and not operation.references


def _told(operation: BulkOperation, base: str, done: Done, ids: dict[str, str]) -> Json:
    """The answer to what was done; its id is noted for whoever refers to it."""
    answer: Json = {"method": operation.method}
    if operation.bulk_id is not None:
        answer["bulkId"] = operation.bulk_id
        if operation.method == "POST":
            ids[operation.bulk_id] = done.id
    answer["location"] = f"{base}/{operation.endpoint}/{done.id}"
    if done.version is not None:
        answer["version"] = done.version
    return {**answer, "status": str(done.status)}


def _done(status: int, kind: Kind, stored: Stored) -> Done:
    return Done(status, kind, stored.id, etag(stored.version))


def _status(refusal: Refusal) -> int:
    return 400 if refusal.status == 422 else refusal.status
