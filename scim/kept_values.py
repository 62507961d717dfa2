"""Whether what resources keep of a tenant's own attributes is what their new definitions say: filters, sorting and PATCH read
stored values as the schema has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from idbroker.directories.resources import Kind, Resources
from idbroker.kernel.errors import FieldError, Invalid
from idbroker.storage.unit import TenantUnit
from scim.comparable import comparable_value
from scim.door import schema_set
from scim.errors import ScimError
from scim.schemas.attribute import Attribute, Schema
from scim.strict_json import Json
from scim.values import clean


def check_kept(
    unit: TenantUnit, directory_id: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> None:
    """``before``, ``after``: the directory's ``extension_schemas``, good in themselves. Raises Invalid with a pointer to each
    attribute of which a resource keeps a value that the new definition would not have, or would compare otherwise."""
    old, new = schema_set(before), schema_set(after)
    wrong: list[FieldError] = []
    for place, definition in enumerate(after):
        kind: Kind = "Group" if definition.get("resource") == "Group" else "User"
        was, will_be = (old.group, new.group) if kind == "Group" else (old.user, new.user)
        urn = str(definition["id"])
        changed = _changed(was.extension(urn), will_be.extension(urn))
        if changed:
            unfit = _unfit(unit[Resources].keeping(kind, directory_id, urn), urn, list(changed.values()))
            where = f"/extension_schemas/{place}/attributes"
            wrong += [FieldError(f"{where}/{number}", _WHY) for number, one in changed.items() if one.name in unfit]
    if wrong:
        raise Invalid("Resources of the directory keep values that the schemas would not have.", wrong)


_WHY = "Resources keep values of this attribute in another form. Give the new attribute another name."


def _changed(before: Schema | None, after: Schema | None) -> dict[int, Attribute]:
    """By their number in the definition: attributes that are new, or whose values are read in another way."""
    known = [_form(one) for one in before.attributes] if before is not None else []
    return {number: one for number, one in enumerate(after.attributes) if _form(one) not in known} if after is not None else {}


def _form(attribute: Attribute) -> Any:
    subs = tuple(_form(sub) for sub in attribute.sub_attributes)
    return attribute.name, attribute.type, attribute.multi_valued, attribute.case_exact, subs


def _unfit(kept: Iterable[tuple[str, Json]], urn: str, attributes: Sequence[Attribute]) -> set[str]:
    """The names of those of which a document has a value that does not fit."""
    unfit: set[str] = set()
    for document, compared in kept:
        part, other = orjson.loads(document).get(urn, {}), compared.get(urn, {})
        unfit |= {one.name for one in attributes if one.name in part and not _fits(one, part[one.name], other.get(one.name))}
        if len(unfit) == len(attributes):
            break
    return unfit


def _fits(attribute: Attribute, value: Any, compared: Any) -> bool:
    try:
        return bool(clean(attribute, value, attribute.name) == value and comparable_value(value, attribute) == compared)
    except ScimError:
        return False
