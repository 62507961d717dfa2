"""From a filter to a condition, from ``sortBy`` to an order. Real columns where there are some, rows, JSON for the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import String, Text, and_, bindparam, cast, false, literal, not_, or_, select

from idbroker.directories.resources import EMAILS, GROUPS, TABLES, USERS, Kind
from idbroker.directory.members import MEMBERSHIPS
from scim.conditions import rows
from scim.conditions.json import JsonReader
from scim.conditions.operators import Condition, Engine, Expression, compare
from scim.conditions.rows import Parts, RowSource
from scim.filters.tree import And, Comparison, Filter, Never, Not, Or, Present, ValuePath
from scim.schemas.attribute import Attribute
from scim.schemas.schema_set import AttributeRef

DATE_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
"""How a moment stands in a comparable document: text order is time order."""

_COLUMNS: dict[Kind, dict[str, tuple[Any, bool]]] = {
    "User": {
        "id": (USERS.c.id, False),
        "userName": (USERS.c.user_name_key, False),
        "externalId": (USERS.c.external_id, True),
        "displayName": (USERS.c.display_name_key, True),
        "active": (USERS.c.active, False),
        "meta.created": (USERS.c.created_at, False),
        "meta.lastModified": (USERS.c.modified_at, False),
    },
    "Group": {
        "id": (GROUPS.c.id, False),
        "externalId": (GROUPS.c.external_id, True),
        "displayName": (GROUPS.c.display_name_key, False),
        "meta.created": (GROUPS.c.created_at, False),
        "meta.lastModified": (GROUPS.c.modified_at, False),
    },
}
"""Attribute -> (its column, whether it may be NULL). Texts in them are folded as their attribute's case rule says."""


class Compiler:
    """For one kind of resource on one engine. ``base``: the address of the SCIM service, as in ``meta.location``."""

    def __init__(self, engine: Engine, kind: Kind, base: str) -> None:
        self._engine = engine
        self._kind: Kind = kind
        self._base = base
        self._table = TABLES[kind]
        self._json = JsonReader(engine)

    def condition(self, where: Filter) -> Condition:
        match where:
            case And(terms):
                return and_(*map(self.condition, terms))
            case Or(terms):
                return or_(*map(self.condition, terms))
            case Not(term):
                return not_(self.condition(term))
            case Never():
                return false()
            case Comparison():
                return self._comparison(where)
            case Present(ref):
                return self._present(ref)
            case ValuePath(ref, inner):
                return self._value_path(ref, inner)

    def sort_value(self, ref: AttributeRef) -> tuple[Expression, bool]:
        """What is sorted by, and whether it may be NULL. It compares by code point."""
        column = self._column(ref)
        return column if column is not None else (self._first_value(ref), True)

    def _comparison(self, term: Comparison) -> Condition:
        ref, value = term.ref, term.folded
        column = self._column(ref)
        if column is not None:
            expression, nullable = column
            return compare(self._engine, expression, term.op, value, nullable=nullable, indexed=isinstance(value, str))
        indexed = self._by_index(ref, term)
        if indexed is not None:
            return indexed
        sources = self._sources(ref)
        if sources is not None:
            return _any_row(sources, term.op, lambda parts: self._of_row(parts, term))
        return self._over_values(ref, term)

    def _over_values(self, ref: AttributeRef, term: Comparison) -> Condition:
        def judge(value: Expression) -> Condition:
            return compare(self._engine, value, term.op, self._bound(ref.leaf, term.folded), nullable=not ref.multi_valued)

        if not ref.multi_valued:
            return judge(self._scalar(ref))
        found = self._any_value(ref, judge)
        return or_(found, not_(self._any_value(ref, None))) if term.op == "ne" else found

    def _by_index(self, ref: AttributeRef, term: Comparison) -> Condition | None:
        """The two questions over several values that clients ask all the time."""
        if term.op != "eq" or ref.urn is not None:
            return None
        if self._kind == "User" and ref.name == "emails.value":
            found = select(EMAILS.c.user_id).where(
                EMAILS.c.tenant_id == bindparam("tenant"),
                EMAILS.c.directory_id == bindparam("directory"),
                EMAILS.c.value_key == term.folded,
            )
            return self._table.c.id.in_(found)
        if self._kind == "Group" and ref.name == "members.value" and str(term.value).startswith("usr_"):
            inside = select(MEMBERSHIPS.c.group_id).where(
                MEMBERSHIPS.c.tenant_id == bindparam("tenant"), MEMBERSHIPS.c.user_id == term.value
            )
            return self._table.c.id.in_(inside)
        return None

    def _present(self, ref: AttributeRef) -> Condition:
        column = self._column(ref)
        if column is not None:
            expression, nullable = column
            held = expression.is_not(None) if nullable else literal(1) == 1
            return and_(held, expression != "") if isinstance(expression.type, String) else held
        sources = self._sources(ref)
        if sources is not None:
            return or_(*(source.exists(None) for source in sources))
        if ref.urn is None and ref.attribute.name == "meta":
            return literal(1) == 1
        if ref.leaf.complex:
            subs = [AttributeRef(ref.urn, ref.attribute, sub) for sub in ref.attribute.sub_attributes]
            return or_(*(self._present(sub) for sub in subs))
        if not ref.multi_valued:
            return self._given(self._scalar(ref), ref.leaf)
        return self._any_value(ref, lambda value: self._given(value, ref.leaf))

    def _given(self, value: Expression, leaf: Attribute) -> Condition:
        """Not an empty text either (RFC 7644 table 3)."""
        if leaf.type in ("boolean", "integer", "decimal"):
            return value.is_not(None)
        return and_(value.is_not(None), value != "")

    def _value_path(self, ref: AttributeRef, inner: Filter) -> Condition:
        sources = self._sources(ref)
        if sources is not None:
            return or_(*(source.exists(lambda parts: self._inside_row(inner, parts)) for source in sources))
        return self._json.exists(self._table.c.comparable, _keys(ref), lambda element: self._inside(inner, element))

    def _inside(self, where: Filter, element: Expression) -> Condition:
        """The inner filter of a value path, over one element."""

        def judge(term: Comparison | Present) -> Condition:
            leaf = term.ref.leaf

            def held(value: Expression, *, nullable: bool = True) -> Condition:
                if isinstance(term, Present):
                    return self._given(value, leaf)
                return compare(self._engine, value, term.op, self._bound(leaf, term.folded), nullable=nullable)

            if not leaf.multi_valued:
                return held(self._json.scalar(element, [leaf.name], leaf))
            found = self._json.exists(element, [leaf.name], lambda one: held(self._json.scalar(one, [], leaf), nullable=False))
            if isinstance(term, Comparison) and term.op == "ne":
                return or_(found, not_(self._json.exists(element, [leaf.name], None)))
            return found

        return _walk(where, judge)

    def _inside_row(self, where: Filter, parts: Parts) -> Condition:
        return _walk(where, lambda term: self._of_row(parts, term))

    def _of_row(self, parts: Parts, term: Comparison | Present) -> Condition:
        part = parts[term.ref.leaf.name]
        if isinstance(term, Present):
            return part != ""
        return compare(self._engine, part, term.op, term.folded, nullable=False)

    def _column(self, ref: AttributeRef) -> tuple[Expression, bool] | None:
        if ref.urn is not None:
            return None
        known = _COLUMNS[self._kind].get(ref.name)
        if known is not None:
            return known
        table = self._table
        if ref.name == "meta.version":
            return literal('"') + cast(table.c.version, Text) + literal('"'), False
        if ref.name == "meta.location":
            return literal(f"{self._base}/{self._kind}s/") + table.c.id, False
        if ref.name == "meta.resourceType":
            return literal(self._kind), False
        return None

    def _sources(self, ref: AttributeRef) -> list[RowSource] | None:
        if ref.urn is None and self._kind == "Group" and ref.attribute.name == "members":
            return rows.members(self._base)
        if ref.urn is None and self._kind == "User" and ref.attribute.name == "groups":
            return rows.groups(self._base)
        return None

    def _scalar(self, ref: AttributeRef) -> Expression:
        keys = _keys(ref) if ref.sub is None else [*_keys(ref), ref.sub.name]
        return self._json.scalar(self._table.c.comparable, keys, ref.leaf)

    def _any_value(self, ref: AttributeRef, judge: Callable[[Expression], Condition] | None) -> Condition:
        """Over the values of a multi-valued attribute or sub-attribute, or of both."""
        node, keys, sub, reader = self._table.c.comparable, _keys(ref), ref.sub, self._json

        def simple(one: Expression) -> Condition:
            value = reader.scalar(one, [], ref.leaf)
            return value.is_not(None) if judge is None else judge(value)

        if sub is None:
            return reader.exists(node, keys, simple)
        if not ref.attribute.multi_valued:
            return reader.exists(node, [*keys, sub.name], simple)
        name = sub.name
        if sub.multi_valued:
            return reader.exists(node, keys, lambda element: reader.exists(element, [name], simple))

        def part(element: Expression) -> Condition:
            value = reader.scalar(element, [name], ref.leaf)
            held = value.is_not(None)
            return held if judge is None else and_(held, judge(value))

        return reader.exists(node, keys, part)

    def _first_value(self, ref: AttributeRef) -> Expression:
        """The value, or of several the primary or first one (RFC 7644 3.4.2.3)."""
        sources = self._sources(ref)
        if sources is not None:
            part = sources[0].parts[ref.leaf.name if ref.sub is not None else "value"]
            statement = sources[0].statement.with_only_columns(part).order_by(part).limit(1)
            value: Expression = statement.scalar_subquery()
            return value
        if not ref.attribute.multi_valued:
            return self._scalar(ref)
        sub = ref.sub or ref.attribute.sub("value")
        keys = [] if sub is None else [sub.name]
        return self._json.first(
            self._table.c.comparable,
            _keys(ref),
            lambda element: self._json.scalar(element, keys, sub or ref.leaf),
            has_primary=ref.attribute.has_primary,
        )

    def _bound(self, leaf: Attribute, value: Any) -> Any:
        """The filter's value as the comparable document holds such values."""
        if isinstance(value, bool):
            return self._json.boolean(value)
        if isinstance(value, datetime):
            return value.strftime(DATE_TIME)
        return value


def _walk(where: Filter, judge: Callable[[Comparison | Present], Condition]) -> Condition:
    match where:
        case And(terms):
            return and_(*(_walk(term, judge) for term in terms))
        case Or(terms):
            return or_(*(_walk(term, judge) for term in terms))
        case Not(term):
            return not_(_walk(term, judge))
        case Comparison() | Present():
            return judge(where)
        case _:
            return false()  # no value path stands in another


def _any_row(sources: list[RowSource], op: str, judge: Callable[[Parts], Condition]) -> Condition:
    found = or_(*(source.exists(judge) for source in sources))
    return or_(found, not_(or_(*(source.exists(None) for source in sources)))) if op == "ne" else found


def _keys(ref: AttributeRef) -> list[str]:
    return [ref.attribute.name] if ref.urn is None else [ref.urn, ref.attribute.name]
