"""The Admin API as whoever declares uses it: in this process on the database, or on a server by its address and a key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import httpx2
import orjson

from idbroker.access.api_keys import Principal
from idbroker.access.permissions import OPERATOR
from idbroker.admin_api.operation import API, Operation
from idbroker.kernel.errors import FieldError, Invalid, Refusal
from idbroker.kernel.ids import KeyId
from idbroker.kernel.scope import new_request_id
from idbroker.web.call import Answer, Call
from idbroker.web.route import OpenRoute, PageRoute
from idbroker.web.tenancy import Tenancy

Json = dict[str, Any]
_PARAMETER = re.compile(r"{(\w+)}")
TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Reply:
    document: Json
    version: str


class Refused(Exception):
    """The API said no. ``errors`` point into the body that was sent."""

    def __init__(self, status: int, code: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)


class Administration(Protocol):
    def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *,
        query: Mapping[str, str] | None = None, version: str = "",
    ) -> Reply:  # fmt: skip
        """One call below ``/api/v1``. ``version``: what ``If-Match`` says. Raises Refused."""
        ...


def at(*parts: str) -> str:
    """A path of those parts, each whole whatever is in it."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def pages(api: Administration, path: str) -> Iterator[Json]:
    """Everything of a list."""
    query = {"limit": "200"}
    while True:
        document = api.send("GET", path, query=query).document
        yield from document["data"]
        if document["next_cursor"] is None:
            return
        query = {**query, "cursor": document["next_cursor"]}


class LocalAdministration:
    """The same operations, run for an operator at the command line."""

    def __init__(self, operations: Sequence[Operation], tenancy: Tenancy, base_url: str, name: str) -> None:
        self._tenancy = tenancy
        self._base_url = base_url
        self._principal = Principal(KeyId("command_line"), name, None, OPERATOR)
        self._rows = [
            (operation.row.method, _pattern(operation.row.path), operation.row)
            for operation in operations
            if not isinstance(operation.row, OpenRoute | PageRoute)
        ]

    def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *,
        query: Mapping[str, str] | None = None, version: str = "",
    ) -> Reply:  # fmt: skip
        for its_method, pattern, row in self._rows:
            found = pattern.fullmatch(f"{API}{path}") if its_method == method else None
            if found is not None:
                headers = {"content-type": "application/json", **({"if-match": version} if version else {})}
                call = Call(
                    request_id=new_request_id(),
                    method=method,
                    path=row.path,
                    base_url=self._base_url,
                    path_params=found.groupdict(),
                    raw_query=urlencode(query or {}),
                    headers=headers,
                    cookies={},
                    body=b"" if body is None else orjson.dumps(body),
                    client_ip=None,
                    principal=self._principal,
                )
                return _reply(self._run(row, call))
        raise Refused(404, "not_found", f"there is no {method} {path}")

    def _run(self, row: Any, call: Call) -> Answer:
        try:
            return self._tenancy.run_as(row, call)
        except Refusal as refusal:
            errors = refusal.errors if isinstance(refusal, Invalid) else ()
            raise Refused(refusal.status, refusal.code, refusal.public, errors) from refusal


class RemoteAdministration:
    """A server. The key is an operator's; it goes to that address and nowhere else, whatever it answers. ``reason``: why it
    looks into tenants, which can read it."""

    def __init__(self, base_url: str, key: str, reason: str, http: httpx2.Client | None = None) -> None:
        self._base_url = f"{base_url.rstrip('/')}{API}"
        self._said = {"authorization": f"Bearer {key}", "x-reason": quote(reason, safe=" ")}
        self._http = http or httpx2.Client(timeout=TIMEOUT, follow_redirects=False)

    def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *,
        query: Mapping[str, str] | None = None, version: str = "",
    ) -> Reply:  # fmt: skip
        headers = {"content-type": "application/json", **({"if-match": version} if version else {})}
        try:
            response = self._http.request(
                method,
                f"{self._base_url}{path}",
                params=dict(query or {}),
                content=None if body is None else orjson.dumps(body),
                headers={**self._said, **headers},
            )
        except httpx2.HTTPError as error:
            raise Refused(503, "unreachable", f"the server cannot be reached: {error}") from error
        document = _json(response.content)
        if response.status_code >= 300:
            errors = [
                FieldError(str(one.get("pointer", "")), str(one.get("message", ""))) for one in document.get("errors", ())
            ]
            detail = str(document.get("detail") or f"the server answered {response.status_code}")
            raise Refused(response.status_code, str(document.get("code", "")), detail, errors)
        return Reply(document, response.headers.get("etag", ""))


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", path))


def _reply(answer: Answer) -> Reply:
    version = next((value for name, value in answer.headers if name == "etag"), "")
    return Reply(_json(answer.body), version)


def _json(body: bytes) -> Json:
    try:
        found = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
