"""The client half of RFC 7644: look up, create, replace, delete. An app's answers are judged, never believed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import orjson

from idbroker.outbound.fetcher import Fetched, FetchFailed, Sender
from idbroker.outbound_scim.resources import Resource, quoted

MEDIA_TYPE = "application/scim+json"
MAX_REMOTE_ID = 512
MAX_RETRY_AFTER = 3600


class PushFailed(Exception):
    """The app did not take it. ``is_the_apps``: it says that the app's endpoint is out of order, not this resource."""

    def __init__(self, why: str, *, is_the_apps: bool = False, retry_after: timedelta = timedelta()) -> None:
        super().__init__(why)
        self.why = why
        self.is_the_apps = is_the_apps
        self.retry_after = retry_after


class ScimClient:
    def __init__(self, sender: Sender, base_url: str, token: str) -> None:
        self._sender = sender
        self._base = base_url.rstrip("/")
        self._token = token

    def put(self, kind: str, resource: Resource, remote_id: str | None) -> str:
        """Make the app's resource equal to ours, whether it is there or not. Returns the app's id of it. Raises PushFailed.

        It is looked up before it is created: by externalId, and when its name is taken by that name (RFC 7644 3.3.1).
        """
        known = remote_id or self._find(kind, "externalId", resource["externalId"])
        if known is not None:
            answer = self._call("PUT", f"{kind}/{quote(known, safe='')}", {**resource, "id": known})
            if answer.status in {200, 204}:
                return known
            if answer.status != 404:
                raise _refused(answer)
        answer = self._call("POST", kind, resource)
        if answer.status == 409:
            name = "userName" if kind == "Users" else "displayName"
            taken = self._find(kind, name, resource[name])
            if taken is None:
                raise _refused(answer)
            answer = self._call("PUT", f"{kind}/{quote(taken, safe='')}", {**resource, "id": taken})
            if answer.status in (200, 204):
                return taken
        if answer.status not in (200, 201):
            raise _refused(answer)
        return _id(_document(answer))

    def delete(self, kind: str, external_id: str, remote_id: str | None) -> None:
        """Raises PushFailed; what is not there is as good as deleted."""
        known = remote_id or self._find(kind, "externalId", external_id)
        if known is None:
            return
        answer = self._call("DELETE", f"{kind}/{quote(known, safe='')}", None)
        if answer.status not in (200, 204, 404):
            raise _refused(answer)

    def _find(self, kind: str, attribute: str, value: str) -> str | None:
        """The id of the one resource with that value. Servers that ignore the filter are caught by comparing."""
        answer = self._call("GET", f"{kind}?filter={quote(f'{attribute} eq {quoted(value)}')}&count=2", None)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _refused(answer)
        found = _document(answer).get("Resources")
        for one in found if isinstance(found, list) else []:
            if isinstance(one, dict) and str(one.get(attribute, "")).casefold() == value.casefold():
                return _id(one)
        return None

    def _call(self, method: str, path: str, resource: Resource | None) -> Fetched:
        headers = {"authorization": f"Bearer {self._token}", "accept": f"{MEDIA_TYPE}, application/json"}
        if resource is not None:
            headers["content-type"] = MEDIA_TYPE
        body = None if resource is None else orjson.dumps(resource)
        try:
            answer = self._sender.send(method, f"{self._base}/{path}", body=body, headers=headers)
        except FetchFailed as failure:
            raise PushFailed(failure.public, is_the_apps=True) from failure
        if answer.status in (401, 403, 429, 500, 502, 503, 504):
            raise _refused(answer, is_the_apps=answer.status != 500)
        return answer


def _refused(answer: Fetched, *, is_the_apps: bool = False) -> PushFailed:
    detail = ""
    try:
        document = orjson.loads(answer.body)
        detail = str(document.get("detail") or "")[:300] if isinstance(document, dict) else ""
    except orjson.JSONDecodeError:
        pass  # its words are no more than a help
    text = answer.headers.get("retry-after", "")
    seconds = min(int(text), MAX_RETRY_AFTER) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    why = f"The app answered {answer.status}." + (f" {detail}" if detail else "")
    return PushFailed(why.replace("\x00", ""), is_the_apps=is_the_apps, retry_after=timedelta(seconds=seconds))


def _document(answer: Fetched) -> Mapping[str, Any]:
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise PushFailed("The app's answer is not JSON.") from error
    if not isinstance(document, dict):
        raise PushFailed("The app's answer is not a SCIM resource.")
    return document


def _id(document: Mapping[str, Any]) -> str:
    found = document.get("id")
    if not isinstance(found, str) or not 0 < len(found) <= MAX_REMOTE_ID or "\x00" in found:
        raise PushFailed("The app's answer has no id.")
    return found
