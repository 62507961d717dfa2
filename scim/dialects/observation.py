"""What was unusual, or telling, in a request: counted per directory, shown to its admins as a report."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Observation(StrEnum):
    """Stable words. ``SENTENCES`` says each in full."""

    PASCAL_CASE_OPS = "pascal_case_ops"
    STRING_BOOLEANS = "string_booleans"
    DOTTED_KEYS = "dotted_keys"
    URN_KEYS = "urn_keys"
    VALUE_PATH_KEYS = "value_path_keys"
    PATHLESS_PATCH = "pathless_patch"
    ID_IN_VALUE = "id_in_value"
    REMOVE_WITH_VALUES = "remove_with_values"
    WRAPPED_VALUES = "wrapped_values"
    MANAGER_AS_STRING = "manager_as_string"
    JSON_IN_STRINGS = "json_in_strings"
    PLAIN_ELEMENTS = "plain_elements"
    SINGLE_FOR_ARRAY = "single_for_array"
    ARRAY_FOR_SINGLE = "array_for_single"
    NO_SCHEMAS = "no_schemas"
    UNKNOWN_SCHEMAS = "unknown_schemas"
    PASSWORD_SENT = "password_sent"
    PLAIN_JSON = "plain_json"
    CONDITIONAL = "conditional"
    UPDATES_BY_PUT = "updates_by_put"
    UPDATES_BY_PATCH = "updates_by_patch"
    EXCLUDES_MEMBERS = "excludes_members"
    PAGES_BY_CURSOR = "pages_by_cursor"


SENTENCES: Mapping[Observation, str] = {
    Observation.PASCAL_CASE_OPS: "Sends PATCH operations in capitals: Add, Replace, Remove.",
    Observation.STRING_BOOLEANS: 'Sends booleans as text: "True", "False".',
    Observation.DOTTED_KEYS: 'Names sub-attributes with a dot inside of objects: "name.givenName".',
    Observation.URN_KEYS: "Names extension attributes by their full URN inside of objects.",
    Observation.VALUE_PATH_KEYS: 'Uses value paths as names inside of objects: emails[type eq "work"].value.',
    Observation.PATHLESS_PATCH: "Sends PATCH operations without a path.",
    Observation.ID_IN_VALUE: "Sends the resource's id along in a PATCH.",
    Observation.REMOVE_WITH_VALUES: "Removes members by a list of values beside the path.",
    Observation.WRAPPED_VALUES: 'Wraps single values into arrays of {"value": …}.',
    Observation.MANAGER_AS_STRING: "Sends a complex attribute as its plain value, like manager.",
    Observation.JSON_IN_STRINGS: "Sends JSON as text inside of values, like roles.",
    Observation.PLAIN_ELEMENTS: "Sends elements of complex attributes as plain text, like e-mail addresses.",
    Observation.SINGLE_FOR_ARRAY: "Sends one value where an array belongs.",
    Observation.ARRAY_FOR_SINGLE: "Sends an array where one value belongs.",
    Observation.NO_SCHEMAS: "Leaves out schemas.",
    Observation.UNKNOWN_SCHEMAS: "Names schemas that this directory does not know.",
    Observation.PASSWORD_SENT: "Sends passwords. They are dropped at once.",
    Observation.PLAIN_JSON: "Sends application/json instead of application/scim+json.",
    Observation.CONDITIONAL: "Uses ETags: If-Match, If-None-Match.",
    Observation.UPDATES_BY_PUT: "Updates by PUT.",
    Observation.UPDATES_BY_PATCH: "Updates by PATCH.",
    Observation.EXCLUDES_MEMBERS: "Asks for groups without their members.",
    Observation.PAGES_BY_CURSOR: "Pages by cursor.",
}


def observe_request(method: str, headers: Mapping[str, str], query: Mapping[str, str]) -> frozenset[Observation]:
    """What the outside of a request tells. Header names are lower-case."""
    found: set[Observation] = set()
    if headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        found.add(Observation.PLAIN_JSON)
    if "if-match" in headers or "if-none-match" in headers:
        found.add(Observation.CONDITIONAL)
    if method in ("PUT", "PATCH"):
        found.add(Observation.UPDATES_BY_PUT if method == "PUT" else Observation.UPDATES_BY_PATCH)
    names = {name.lower(): name for name in query}
    if "cursor" in names:
        found.add(Observation.PAGES_BY_CURSOR)
    if "excludedattributes" in names and "members" in query[names["excludedattributes"]].lower().split(","):
        found.add(Observation.EXCLUDES_MEMBERS)
    return frozenset(found)
