"""Microsoft Entra ID, with and without ``aadOptscim062020``: the forms of values that nobody else sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

_BOOLEANS = {"true": True, "false": False}
_MAX_JSON = 8192


def string_boolean(value: Any) -> bool | None:
    """``"True"`` and ``"False"`` for booleans, in any case. None: it is none of them."""
    return _BOOLEANS.get(value.lower()) if isinstance(value, str) and len(value) == len(value.strip()) <= 5 else None


def wrapped(value: Any) -> Any:
    """The oldest form of PATCH: ``[{"$ref": null, "value": "x"}]`` for a plain ``"x"``. Anything else comes back as it is."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping) and "value" in value[0]:
        return value[0]["value"]
    return value


def app_role(text: str) -> dict[str, Any] | None:
    """``AppRoleAssignments``: a role as JSON in a text, ``{"id": …, "value": …, "displayName": …}``. None: it is no JSON object
    with a value, and stays the text that it is."""
    if not text.startswith("{") or len(text) > _MAX_JSON:
        return None
    try:
        role = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(role, dict) or not isinstance(role.get("value"), str):
        return None
    element: dict[str, Any] = {"value": role["value"]}
    if isinstance(role.get("displayName"), str):
        element["display"] = role["displayName"]
    return element
