"""Bodies of create and replace into standard form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scim.dialects.observation import Observation
from scim.dialects.shapes import Shaper
from scim.errors import ScimError
from scim.filters.tree import And, Comparison, Filter
from scim.folding import fold
from scim.paths import Path, read_path
from scim.schemas.schema_set import ResourceType
from scim.strict_json import Json

_MAX_ODD_KEYS = 200


def normalise_resource(body: Mapping[str, Any], kind: ResourceType) -> tuple[Json, frozenset[Observation]]:
    """A body fit for ``scim.resources.accept``, and what was unusual. Never refuses: what it does not understand stays as it
    is, for the standard's own rules to refuse or to leave aside."""
    reader = _Reader(kind)
    for name, value in body.items():
        reader.take(name, value)
    if "schemas" not in {fold(name) for name in body}:
        reader.shaper.see(Observation.NO_SCHEMAS)
    for name, value in reader.odd[:_MAX_ODD_KEYS]:
        reader.unfold(name, value)
    return reader.body, frozenset(reader.shaper.seen)


class _Reader:
    def __init__(self, kind: ResourceType) -> None:
        self.kind = kind
        self.shaper = Shaper()
        self.body: Json = {}
        self.odd: list[tuple[str, Any]] = []

    def take(self, name: str, value: Any) -> None:
        attribute = self.kind.top(name)
        schema = self.kind.extension(name)
        if attribute is not None and attribute.name == "schemas":
            self.body[name] = self._schemas(value)
        elif attribute is not None:
            if attribute.mutability == "writeOnly":
                self.shaper.see(Observation.PASSWORD_SENT)
            self.body[name] = self.shaper.shape(attribute, value)
        elif schema is not None and isinstance(value, Mapping):
            self.body[name] = {
                part: self.shaper.shape(found, item) if (found := schema.attribute(part)) is not None else item
                for part, item in value.items()
            }
        elif schema is None and any(mark in name for mark in ".:["):
            self.odd.append((name, value))
        else:
            self.body[name] = value

    def _schemas(self, value: Any) -> Any:
        if isinstance(value, str):
            self.shaper.see(Observation.SINGLE_FOR_ARRAY)
            value = [value]
        if isinstance(value, list) and any(
            isinstance(urn, str) and not self.kind.is_own(urn) and self.kind.extension(urn) is None for urn in value
        ):
            self.shaper.see(Observation.UNKNOWN_SCHEMAS)
        return value

    def unfold(self, name: str, value: Any) -> None:
        """``name.givenName``, ``urn:…:User:department``, ``emails[type eq "work"].value`` as a name (Entra's later form)."""
        try:
            path = read_path(name, self.kind)
        except ScimError:
            self.body[name] = value  # unknown: left aside by the standard's rules
            return
        self.shaper.see(odd_key(name, path))
        ref = path.ref
        if ref is None:
            return
        base = self.body if ref.urn is None else self._place(self.body, ref.urn, {})
        if ref.sub is None and path.where is None:
            base.setdefault(ref.attribute.name, self.shaper.shape(ref.attribute, value))
        elif ref.attribute.multi_valued:
            elements = self._place(base, ref.attribute.name, [])
            element = _described(elements, path.where)
            if element is not None and ref.sub is not None:
                element.setdefault(ref.sub.name, self.shaper.shape(ref.sub, value))
        elif ref.sub is not None:
            self._place(base, ref.attribute.name, {}).setdefault(ref.sub.name, self.shaper.shape(ref.sub, value))

    def _place(self, base: Any, name: str, empty: Any) -> Any:
        """The container under a name whatever its case, made when there is none; a stranger's shape is left alone."""
        for known in base if isinstance(base, dict) else ():
            if fold(known) == fold(name) and isinstance(base[known], type(empty)):
                return base[known]
        if not isinstance(base, dict) or any(fold(known) == fold(name) and base[known] is not None for known in base):
            return empty
        base[name] = empty
        return empty


def odd_key(name: str, path: Path) -> Observation:
    if "[" in name:
        return Observation.VALUE_PATH_KEYS
    return Observation.URN_KEYS if path.ref is None or ":" in name else Observation.DOTTED_KEYS


def _described(elements: list[Any], where: Filter | None) -> dict[str, Any] | None:
    """The element that a value path describes by ``eq``, added when there is none yet."""
    terms = where.terms if isinstance(where, And) else (where,) if where is not None else ()
    wanted: dict[str, Any] = {}
    for term in terms:
        if not (isinstance(term, Comparison) and term.op == "eq" and isinstance(term.value, str | bool | int | float)):
            return None
        wanted[term.ref.leaf.name] = term.value
    for element in elements:
        if isinstance(element, dict) and all(element.get(name) == value for name, value in wanted.items()):
            return element
    elements.append(wanted)
    return wanted
