"""From a request body to a model, and from whatever is wrong with it to pointers: the only place that does either."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from idbroker.kernel.errors import FieldError, Invalid
from idbroker.web.call import Call

M = TypeVar("M", bound=BaseModel)
MAX_DEPTH = 32
MAX_ERRORS = 50


def read_body(call: Call, model: type[M]) -> M:
    """The body as ``model``. Raises BadRequest for what is not JSON, Invalid with pointers for what is not the model."""
    return parse(model, read_object(call))


def read_object(call: Call) -> dict[str, Any]:
    """The body as a JSON object of a sane depth."""
    try:
        document = call.json
    except RecursionError as error:
        raise _too_deep() from error
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value)]
        if not level:
            return document
    raise _too_deep()


def parse(model: type[M], document: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        told = dict.fromkeys(
            FieldError(_pointer(one["loc"], document), one["msg"].removeprefix("Value error, "))
            for one in error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise Invalid("The request body is not right.", list(told)[:MAX_ERRORS]) from error


def merged(current: Mapping[str, Any], given: Mapping[str, Any], deep: Iterable[str] = ()) -> dict[str, Any]:
    """``given`` over ``current``. Objects named in ``deep`` are merged as RFC 7396 does: a null takes the member away."""
    document = {**current, **given}
    for name in deep:
        if isinstance(given.get(name), Mapping):
            members = {**current[name], **given[name]}
            document[name] = {key: value for key, value in members.items() if value is not None}
    return document


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _pointer(location: tuple[int | str, ...], document: Any) -> str:
    """RFC 6901. Pydantic names the branches of a union in the location too: what is not in the document is left out."""
    parts: list[str] = []
    here = document
    for position, part in enumerate(location):
        if isinstance(here, Mapping) and isinstance(part, str):
            last = position == len(location) - 1
            if part not in here and not last:
                continue
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        else:
            continue
        parts.append(str(part).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{part}" for part in parts)


def _too_deep() -> Invalid:
    return Invalid(f"The body is nested deeper than {MAX_DEPTH} levels.")
