"""The comparable document of a row, reached into on each engine: scalars by their path, elements one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Numeric, Text, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

from scim.conditions.operators import Condition, Engine, Expression
from scim.schemas.attribute import Attribute


class JsonReader:
    """``node``: a JSON value of the engine; ``keys``: the way into it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._numbers = itertools.count()

    def scalar(self, node: Expression, keys: Sequence[str], leaf: Attribute) -> Expression:
        """The simple value there, NULL when there is none, of a type that compares with the filter's value."""
        if self.engine == "sqlite":
            return func.json_extract(node, _path(keys)) if keys else node
        text: ColumnElement[Any]
        if keys:
            text = func.jsonb_extract_path_text(node, *keys, type_=Text())
        else:
            text = node.op("#>>", return_type=Text())(literal_column("'{}'"))
        if leaf.type in ("integer", "decimal"):
            return cast(text, Numeric)
        return text.collate("C")

    def exists(self, node: Expression, keys: Sequence[str], judge: Callable[[Expression], Condition] | None) -> Condition:
        """Whether an element of the array there passes; with None, whether there is any."""
        element, source = self._each(node, keys)
        statement: Any = select(literal_column("1")).select_from(source)
        found: Condition = (statement if judge is None else statement.where(judge(element))).exists()
        return found

    def first(
        self, node: Expression, keys: Sequence[str], value: Callable[[Expression], Expression], *, has_primary: bool
    ) -> Expression:
        """The value of the primary element, else of the first (RFC 7644 3.4.2.3)."""
        element, source = self._each(node, keys, ordinal=True)
        statement = select(value(element)).select_from(source)
        if has_primary:
            primary = self.scalar(element, ["primary"], _BOOLEAN)
            chosen = func.coalesce(primary == self.boolean(True), literal_column("false"))
            statement = statement.order_by(chosen.desc())
        return statement.order_by(self._place(source)).limit(1).scalar_subquery()

    def boolean(self, value: bool) -> Any:  # the value itself
        """As ``scalar`` gives one."""
        if self.engine == "sqlite":
            return int(value)
        return "true" if value else "false"

    def _each(self, node: Expression, keys: Sequence[str], *, ordinal: bool = False) -> tuple[Expression, Any]:
        name = f"element_{next(self._numbers)}"
        if self.engine == "sqlite":
            source = func.json_each(node, _path(keys)).table_valued("key", "value", name=name)
            return source.c.value, source
        array = func.jsonb_extract_path(node, *keys, type_=JSONB()) if keys else node
        elements = func.jsonb_array_elements(func.coalesce(array, literal_column("'[]'::jsonb")), type_=JSONB())
        source = elements.table_valued("value", with_ordinality="place" if ordinal else None, name=name).render_derived()
        return _typed(source.c.value), source

    def _place(self, source: Any) -> Expression:
        place: Expression = source.c.key if self.engine == "sqlite" else source.c.place
        return place


_BOOLEAN = Attribute("primary", "boolean")


def _typed(column: Any) -> Expression:
    column.type = JSONB()
    expression: Expression = column
    return expression


def _path(keys: Sequence[str]) -> str:
    return "$" + "".join('."' + key + '"' for key in keys)
