"""A Bulk request read whole, before anything is done (RFC 7644 3.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from typing import Any, Literal, cast

from scim.errors import ScimError, quoted
from scim.folding import fold
from scim.strict_json import Json

BULK_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
MAX_OPERATIONS = 1000

Method = Literal["POST", "PUT", "PATCH", "DELETE"]
_METHODS = ("POST", "PUT", "PATCH", "DELETE")
_ENDPOINTS = {"users": "Users", "groups": "Groups"}
_REFERENCE = "bulkId:"
_MAX_NAME = 256


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """``position``: place in the request, and in the answer. ``endpoint`` is ``Users`` or ``Groups``; ``id`` None for POST, and
    for a path of ``/Users/bulkId:x``, where ``id_from`` is ``x``. ``references``: the bulkIds that it needs first.
    ``fault``: known before it runs; it is answered with it, and ``method`` and ``endpoint`` may then be empty."""

    position: int
    method: Method | Literal[""]
    endpoint: str
    id: str | None = None
    id_from: str | None = None
    bulk_id: str | None = None
    version: str | None = None
    data: Json | None = None
    references: frozenset[str] = frozenset()
    fault: ScimError | None = None


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """``operations`` in the order of execution: that of the request, but what is referred to comes first.
    ``fail_on_errors``: stop once so many have failed (RFC 7644 3.7.3); None: never."""

    operations: tuple[BulkOperation, ...]
    fail_on_errors: int | None


def read_bulk(body: Mapping[str, Any]) -> BulkPlan:
    """Raises ScimError for a message that is no BulkRequest, 413 for too many operations. What is wrong with a single
    operation is its ``fault``."""
    values = {fold(name): value for name, value in body.items()}
    schemas = values.get("schemas")
    if not isinstance(schemas, list) or BULK_SCHEMA not in schemas:
        raise ScimError("invalidSyntax", f"'schemas' must name {BULK_SCHEMA}.")
    given = values.get("operations")
    if not isinstance(given, list) or not given:
        raise ScimError("invalidSyntax", "'Operations' must be an array of one operation or more.")
    if len(given) > MAX_OPERATIONS:
        raise ScimError(None, f"The request has more than {MAX_OPERATIONS} operations.", status=413)
    limit = values.get("failonerrors")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ScimError("invalidSyntax", "'failOnErrors' must be a whole number from 1 on.")
    return BulkPlan(_in_order([_operation(position, item) for position, item in enumerate(given)]), limit)


def bind(data: Json, ids: Mapping[str, str]) -> Json:
    """The data with every ``bulkId:x`` replaced by the id that x got. Raises ScimError 409 for one that got none, because its
    operation failed."""
    return cast("Json", _bound(data, ids))


def resolve(bulk_id: str, ids: Mapping[str, str]) -> str:
    """The id that an operation's resource got. Raises as ``bind``."""
    if bulk_id not in ids:
        raise ScimError("invalidValue", f"The operation with the bulkId {quoted(bulk_id)} failed.", status=409)
    return ids[bulk_id]


def _bound(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith(_REFERENCE):
        return resolve(value[len(_REFERENCE) :], ids)
    if isinstance(value, dict):
        return {name: _bound(part, ids) for name, part in value.items()}
    return [_bound(item, ids) for item in value] if isinstance(value, list) else value


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(_REFERENCE):
        yield value[len(_REFERENCE) :]
    elif isinstance(value, dict):
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _operation(position: int, item: Any) -> BulkOperation:
    try:
        return _read(position, item)
    except ScimError as fault:
        values = {fold(name): value for name, value in item.items()} if isinstance(item, Mapping) else {}
        method = values.get("method")
        known = method.upper() if isinstance(method, str) and method.upper() in _METHODS else ""
        bulk_id = values.get("bulkid")
        named = bulk_id if isinstance(bulk_id, str) and len(bulk_id) <= _MAX_NAME else None
        return BulkOperation(position, cast("Method", known), "", bulk_id=named, fault=fault)


def _read(position: int, item: Any) -> BulkOperation:
    if not isinstance(item, Mapping):
        raise ScimError("invalidSyntax", "Each of 'Operations' must be an object.")
    values = {fold(name): value for name, value in item.items()}
    method = str(values.get("method", "")).upper()
    if method not in _METHODS:
        raise ScimError("invalidSyntax", "'method' must be POST, PUT, PATCH or DELETE.")
    bulk_id = _text(values, "bulkId")
    if method == "POST" and not bulk_id:
        raise ScimError("invalidSyntax", "A POST needs a 'bulkId'.")
    endpoint, target = _path(values.get("path"), creates=method == "POST")
    id_from = target[len(_REFERENCE) :] if target is not None and target.startswith(_REFERENCE) else None
    data = values.get("data")
    if method != "DELETE" and not isinstance(data, dict):
        raise ScimError("invalidSyntax", f"A {method} needs 'data', an object.")
    return BulkOperation(
        position,
        cast("Method", method),
        endpoint,
        None if id_from is not None else target,
        id_from,
        bulk_id,
        _text(values, "version"),
        data if method != "DELETE" else None,
        frozenset(_references(data if method != "DELETE" else None)) | ({id_from} if id_from is not None else set()),
    )


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(fold(name))
    if value is not None and (not isinstance(value, str) or len(value) > _MAX_NAME):
        raise ScimError("invalidSyntax", f"'{name}' must be a string of at most {_MAX_NAME} characters.")
    return value


def _path(path: Any, *, creates: bool) -> tuple[str, str | None]:
    parts = path.strip("/").split("/") if isinstance(path, str) and len(path) <= 2 * _MAX_NAME else []
    endpoint = _ENDPOINTS.get(fold(parts[0])) if parts else None
    if endpoint is None or len(parts) != (1 if creates else 2) or not all(parts):
        wanted = "/Users or /Groups" if creates else "/Users/{id} or /Groups/{id}"
        raise ScimError("invalidPath", f"'path' must be {wanted}.")
    return endpoint, None if creates else parts[1]


def _in_order(operations: Sequence[BulkOperation]) -> tuple[BulkOperation, ...]:
    """Request order, but for what must wait. What waits for itself is circular (RFC 7644 3.7.1: 409)."""
    makers: dict[str, int] = {}
    checked: list[BulkOperation] = []
    for operation in operations:
        if operation.method == "POST" and operation.fault is None and operation.bulk_id is not None:
            if operation.bulk_id in makers:
                fault = ScimError("invalidValue", f"The bulkId {quoted(operation.bulk_id)} is used twice.")
                checked.append(replace(operation, fault=fault))
                continue
            makers[operation.bulk_id] = operation.position
        checked.append(operation)
    for position, operation in enumerate(checked):
        unknown = next((name for name in sorted(operation.references) if name not in makers), None)
        if operation.fault is None and unknown is not None:
            fault = ScimError("invalidValue", f"No operation creates the bulkId {quoted(unknown)}.", status=409)
            checked[position] = replace(operation, fault=fault)
    return _sorted(checked, makers)


def _sorted(operations: list[BulkOperation], makers: Mapping[str, int]) -> tuple[BulkOperation, ...]:
    waits: list[int] = [0] * len(operations)
    followers: dict[int, list[int]] = {}
    for operation in operations:
        for name in operation.references if operation.fault is None else ():
            followers.setdefault(makers[name], []).append(operation.position)
            waits[operation.position] += 1
    ready = [position for position, count in enumerate(waits) if count == 0]
    heapify(ready)
    done: list[BulkOperation] = []
    while ready:
        position = heappop(ready)
        done.append(operations[position])
        for follower in followers.get(position, ()):
            waits[follower] -= 1
            if waits[follower] == 0:
                heappush(ready, follower)
    circular = ScimError("invalidValue", "The bulkIds of this operation lead in a circle.", status=409)
    left = [replace(operations[position], fault=circular) for position, count in enumerate(waits) if count > 0]
    return (*done, *left)
