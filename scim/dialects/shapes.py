"""Values into the shape that their attribute asks for: what several vendors get wrong, in the words of what it is.

Never refuses: what it does not understand goes on as it is, and the standard's own rules refuse it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scim.dialects.entra import app_role, string_boolean, wrapped
from scim.dialects.observation import Observation
from scim.schemas.attribute import Attribute


class Shaper:
    """Collects what it saw in ``seen``."""

    def __init__(self) -> None:
        self.seen: set[Observation] = set()

    def see(self, observation: Observation) -> None:
        self.seen.add(observation)

    def shape(self, attribute: Attribute, value: Any) -> Any:
        """The whole value of an attribute."""
        if value is None:
            return None
        if attribute.multi_valued:
            return self._list(attribute, value)
        if isinstance(value, list):
            value = self._single(attribute, value)
        return self.element(attribute, value)

    def _list(self, attribute: Attribute, value: Any) -> Any:
        if not isinstance(value, list):
            self.see(Observation.SINGLE_FOR_ARRAY)
            value = [value]
        return [self.element(attribute, item) for item in value]

    def _single(self, attribute: Attribute, value: list[Any]) -> Any:
        """Entra's oldest PATCH wraps simple values; others send a list of one."""
        if not attribute.complex:
            inner = wrapped(value)
            if inner is not value:
                self.see(Observation.WRAPPED_VALUES)
                return inner
        if len(value) == 1:
            self.see(Observation.ARRAY_FOR_SINGLE)
            return value[0]
        return value

    def element(self, attribute: Attribute, value: Any) -> Any:
        """One element, or a singular value."""
        if attribute.type == "boolean":
            return self._boolean(value)
        if not attribute.complex:
            return value
        if isinstance(value, str) and attribute.sub("value") is not None:
            return self._from_text(attribute, value)
        if isinstance(value, Mapping):
            return self._parts(attribute, value)
        return value

    def _boolean(self, value: Any) -> Any:
        boolean = string_boolean(value)
        if boolean is None:
            return value
        self.see(Observation.STRING_BOOLEANS)
        return boolean

    def _from_text(self, attribute: Attribute, text: str) -> Any:
        role = app_role(text)
        if role is not None:
            self.see(Observation.JSON_IN_STRINGS)
            return role
        if not text:
            return None
        self.see(Observation.PLAIN_ELEMENTS if attribute.multi_valued else Observation.MANAGER_AS_STRING)
        return {"value": text}

    def _parts(self, attribute: Attribute, value: Mapping[str, Any]) -> dict[str, Any]:
        shaped: dict[str, Any] = {}
        for name, part in value.items():
            sub = attribute.sub(name)
            shaped[name] = part if sub is None else self.shape(sub, part)
        inner = shaped.get("value")
        role = app_role(inner) if attribute.multi_valued and isinstance(inner, str) else None
        if role is not None:
            self.see(Observation.JSON_IN_STRINGS)
            return {**shaped, **role}
        return shaped
