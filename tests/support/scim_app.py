"""An app with a SCIM endpoint, as small as RFC 7644 allows; it can be told to misbehave."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from idbroker.outbound.fetcher import Fetched, FetchFailed

BASE = "https://app.example/scim/v2"
TOKEN = "s3cret"
_FILTER = re.compile(r'(\w+) eq (".*")')


@dataclass
class ScimApp:
    """``fails``: what the next calls answer in place of what they should."""

    resources: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {"Users": {}, "Groups": {}})
    calls: list[tuple[str, str]] = field(default_factory=list)
    fails: list[int | Exception] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    """externalIds that it does not like."""
    ignores_filters: bool = False
    made: int = 0

    def send(self, method: str, url: str, *, body: bytes | None, headers: Mapping[str, str]) -> Fetched:
        assert url.startswith(BASE + "/")
        parts = urlsplit(url.removeprefix(BASE + "/"))
        self.calls.append((method, parts.path))
        if self.fails:
            failure = self.fails.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return self._answer(failure, {"detail": "not now"})
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"detail": "who are you"})
        kind, _, remote_id = parts.path.partition("/")
        resource = json.loads(body) if body else None
        if resource is not None and resource["externalId"] in self.refuses:
            return self._answer(400, {"detail": "the userName is too long"})
        return getattr(self, method.lower())(self.resources[kind], remote_id, resource, parts.query)

    def get(self, kept: dict[str, Any], remote_id: str, resource: Any, query: str) -> Fetched:
        del remote_id, resource
        found = _FILTER.fullmatch(parse_qs(query)["filter"][0])
        assert found is not None
        wanted = json.loads(found[2]).casefold()
        fits = [one for one in kept.values() if self.ignores_filters or str(one.get(found[1], "")).casefold() == wanted]
        return self._answer(200, {"totalResults": len(fits), "Resources": fits})

    def post(self, kept: dict[str, Any], remote_id: str, resource: Any, query: str) -> Fetched:
        del remote_id, query
        names = {one.get("userName", one.get("displayName")).casefold() for one in kept.values()}
        if resource.get("userName", resource.get("displayName")).casefold() in names:
            return self._answer(409, {"scimType": "uniqueness"})
        self.made += 1
        kept[f"r/{self.made}"] = {**resource, "id": f"r/{self.made}"}
        return self._answer(201, kept[f"r/{self.made}"])

    def put(self, kept: dict[str, Any], remote_id: str, resource: Any, query: str) -> Fetched:
        del query
        remote_id = remote_id.replace("%2F", "/")
        if remote_id not in kept:
            return self._answer(404, {})
        kept[remote_id] = {**resource, "id": remote_id}
        return self._answer(200, kept[remote_id])

    def delete(self, kept: dict[str, Any], remote_id: str, resource: Any, query: str) -> Fetched:
        del resource, query
        return self._answer(204 if kept.pop(remote_id.replace("%2F", "/"), None) else 404, None)

    def close(self) -> None:
        pass

    def users(self) -> dict[str, dict[str, Any]]:
        """By our id."""
        return {one["externalId"]: one for one in self.resources["Users"].values()}

    def groups(self) -> dict[str, list[str]]:
        """Name → our ids of its members, sorted."""
        ours = {one["id"]: one["externalId"] for one in self.resources["Users"].values()}
        return {
            one["displayName"]: sorted(ours[member["value"]] for member in one["members"])
            for one in self.resources["Groups"].values()
        }

    @staticmethod
    def _answer(status: int, document: Any) -> Fetched:
        return Fetched(BASE, status, {}, b"" if document is None else json.dumps(document).encode())


def unreachable() -> FetchFailed:
    return FetchFailed("outbound_timeout", "The other server did not answer in time.")
