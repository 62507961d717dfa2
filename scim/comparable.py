"""The comparable form of a document: what filters and sorting see (``scim.conditions``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scim.conditions.compile import DATE_TIME
from scim.folding import fold
from scim.schemas.attribute import Attribute
from scim.schemas.schema_set import ResourceType
from scim.schemas.values import read_date_time
from scim.strict_json import Json


def comparable(document: Mapping[str, Any], kind: ResourceType) -> Json:
    """Texts folded by their attribute's case rule, moments in one form."""
    made = _object(document, kind.attributes)
    for schema in kind.extensions:
        part = document.get(schema.id)
        if isinstance(part, Mapping):
            made[schema.id] = _object(part, schema.attributes)
    return made


def _object(values: Mapping[str, Any], attributes: Sequence[Attribute]) -> Json:
    return {
        attribute.name: comparable_value(values[attribute.name], attribute)
        for attribute in attributes
        if attribute.name in values
    }


def comparable_value(value: Any, attribute: Attribute) -> Any:
    """The same of one attribute's value."""
    if isinstance(value, list):
        return [comparable_value(item, attribute) for item in value]
    if isinstance(value, Mapping):
        return _object(value, attribute.sub_attributes)
    if not isinstance(value, str):
        return value
    if attribute.type == "dateTime":
        moment = read_date_time(value)
        return value if moment is None else moment.strftime(DATE_TIME)
    return value if attribute.case_exact else fold(value)
