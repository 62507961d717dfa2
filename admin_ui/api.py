"""The Admin API as the pages use it: the same operations, run in this process for whoever is signed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import orjson

from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import Operation
from idbroker.web.call import Answer, Call
from idbroker.web.route import OpenRoute, PageRoute
from idbroker.web.tenancy import Tenancy

Json = dict[str, Any]
CONDITIONS = ("if-match", "if-none-match")
"""What a browser says of its own copy of the page is not about what the page is made of."""


class Api:
    def __init__(self, operations: Sequence[Operation], tenancy: Tenancy) -> None:
        self._operations = {operation.name: operation for operation in operations}
        self._tenancy = tenancy

    def permission(self, name: str) -> Permission:
        """What the operation needs, and so the page that stands for it."""
        row = self._operations[name].row
        if isinstance(row, OpenRoute | PageRoute):
            raise TypeError(f"{name} has no permission")
        return row.permission

    def run(
        self, call: Call, name: str, *, body: Mapping[str, Any] | None = None, query: Mapping[str, str | None] | None = None,
        version: str = "", **path: str,
    ) -> Json:  # fmt: skip
        """The answer as a document; ``{}`` where there is none. Raises Refusal, exactly as the API refuses.

        ``version``: the one that the form was made of; a write goes no further when there is another by now.
        """
        answer = self.raw(call, name, body=body, query=query, version=version, **path)
        document: Json = orjson.loads(answer.body) if answer.body else {}
        return document

    def versioned(self, call: Call, name: str) -> tuple[Json, str]:
        """A document and its version, for a form to carry."""
        answer = self.raw(call, name)
        return orjson.loads(answer.body), next(value for header, value in answer.headers if header == "etag")

    def raw(
        self, call: Call, name: str, *, body: Mapping[str, Any] | None = None, query: Mapping[str, str | None] | None = None,
        version: str = "", **path: str,
    ) -> Answer:  # fmt: skip
        """The answer as the API gives it: files, above all. Path parameters of the same name are the page's own."""
        row = self._operations[name].row
        plain = {name: value for name, value in call.headers.items() if name not in CONDITIONS}
        asked = replace(
            call,
            method=row.method,
            path=row.path,
            path_params={**call.path_params, **path},
            raw_query=urlencode({key: value for key, value in (query or {}).items() if value}),
            headers={**plain, "content-type": "application/json", **({"if-match": version} if version else {})},
            body=orjson.dumps(body) if body is not None else b"",
        )
        return self._tenancy.run_as(row, asked)
