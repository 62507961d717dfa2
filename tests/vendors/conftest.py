"""The broker as a vendor's provisioning client meets it: a directory with a token, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.clock import TestClock
from tests.support.databases import Stores
from tests.support.scim_world import Directory, ScimWorld

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@dataclass(frozen=True)
class Client:
    """Sends what the vendor's client sends, byte for byte as far as it is known, and looks at the answer's outside."""

    directory: Directory
    headers: Mapping[str, str]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        raw = None if body is None else json.dumps(body).encode()
        answer = self.directory.send(method, path, raw=raw, headers={**self.headers, **headers})
        assert answer.status_code < 500, answer.text
        if answer.content:
            assert answer.headers["content-type"].partition(";")[0] == "application/scim+json"
        if answer.status_code >= 400:
            assert answer.json()["schemas"] == [ERROR]
            assert answer.json()["status"] == str(answer.status_code)
        return answer

    def ok(self, method: str, path: str, body: Any = None, *statuses: int) -> Any:
        answer = self.send(method, path, body)
        assert answer.status_code in (statuses or (200,)), answer.text
        return answer.json() if answer.content else None

    def find(self, endpoint: str, filter_: str, more: str = "") -> list[Any]:
        """Always a ListResponse, also when nobody is found."""
        found = self.ok("GET", f"{endpoint}?filter={quote(filter_)}{more}")
        assert found["schemas"] == [LIST]
        assert found["totalResults"] == len(found.get("Resources", []))
        return list(found.get("Resources", []))

    def members(self, group: str) -> set[str]:
        return self.directory.members(group)

    def active(self, user: str) -> bool:
        shown = self.directory.world.get(f"/tenants/{self.directory.tenant}/users/{user}")
        return bool(shown["active"])

    def dialect(self) -> str:
        """What an administrator reads about this client."""
        self.directory.world.scim.traffic.flush()
        report = self.directory.world.get(f"/tenants/{self.directory.tenant}/directories/{self.directory.id}/report")
        return str(report["dialect"])


@pytest.fixture
def client(sqlite_stores: Stores, clock: TestClock) -> Callable[..., Client]:
    world = ScimWorld(sqlite_stores, clock)
    return lambda **headers: Client(world.directory(), {name.replace("_", "-"): value for name, value in headers.items()})
