"""From the text of a filter to the typed tree, bound to the schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from scim2_filter_parser import ast

from scim.errors import ScimError, quoted
from scim.filters.grammar import parse
from scim.filters.literals import check_operator, typed
from scim.filters.tokens import Literal, tokenize
from scim.filters.tree import And, Comparison, Filter, Never, Not, Op, Or, Present, ValuePath
from scim.notation import read_notation
from scim.schemas.schema_set import AttributeRef, ResourceType


def read_filter(text: str, kind: ResourceType) -> Filter:
    """The filter of a list. Raises ScimError ``invalidFilter`` that names the attribute, operator or place."""
    tokens, literals = tokenize(text)
    return _Binder(literals, (kind,), kind).filter(parse(tokens))


def read_filters(text: str, kinds: Sequence[ResourceType]) -> dict[str, Filter]:
    """The same filter for several resource types, by their names. An attribute that one of them lacks never matches there;
    one that all lack is an error (RFC 7644 3.4.2.1, 3.4.3)."""
    tokens, literals = tokenize(text)
    tree = parse(tokens)
    return {kind.name: _Binder(literals, kinds, kind).filter(tree) for kind in kinds}


def read_value_filter(text: str, target: AttributeRef) -> Filter:
    """The filter between the brackets of a PATCH path; names are sub-attributes of ``target``. Raises as above."""
    tokens, literals = tokenize(text)
    return _Binder(literals, (), None, target=target, lenient=True).filter(parse(tokens))


class _Binder:
    """Walks the grammar's tree; every name becomes a reference, every literal a typed value."""

    def __init__(
        self,
        literals: list[Literal],
        kinds: Sequence[ResourceType],
        kind: ResourceType | None,
        *,
        target: AttributeRef | None = None,
        lenient: bool = False,
    ) -> None:
        self.literals = literals
        self.kinds = kinds
        self.kind = kind
        self.target = target
        self.lenient = lenient

    def filter(self, node: ast.Filter) -> Filter:
        if node.namespace is not None:
            return self._value_path(node)
        bound = self._expression(node.expr)
        return Not(bound) if node.negated else bound

    def _expression(self, node: ast.AST) -> Filter:
        if isinstance(node, ast.Filter):
            return self.filter(node)
        if isinstance(node, ast.LogExpr):
            return self._joined(node)
        return self._attribute(node)

    def _joined(self, node: ast.LogExpr) -> Filter:
        joiner = And if node.op == "and" else Or
        terms: list[Filter] = []
        for side in (node.expr1, node.expr2):
            bound = self.filter(side)
            terms.extend(bound.terms if isinstance(bound, joiner) else (bound,))
        return joiner(tuple(terms))

    def _value_path(self, node: ast.Filter) -> Filter:
        name: str = node.namespace.attr_name
        if self.target is not None:
            raise ScimError("invalidFilter", f"{quoted(name)} is a filter within a filter; sub-attributes are simple.")
        target = self._resolve(name)
        if target is None:
            return Never()
        if target.sub is not None or not (target.attribute.complex and target.attribute.multi_valued):
            raise ScimError("invalidFilter", f"{quoted(name)} is not complex and multi-valued: it has no elements.")
        inner = _Binder(self.literals, (), None, target=target, lenient=self.lenient)
        return ValuePath(target, inner._expression(node.expr))

    def _attribute(self, node: ast.AttrExpr) -> Filter:
        ref = self._resolve(node.attr_path.attr_name)
        if ref is None:
            return Never()
        if node.comp_value is None:
            return Present(ref)
        literal = self.literals[node.comp_value.value]
        op = cast("Op", node.value)
        if literal is None:
            return _null(ref, op)
        ref = _with_value(ref)
        check_operator(ref, op)
        value = typed(ref, literal, lenient=self.lenient)
        if op == "ne" and ref.multi_valued and self.target is None:
            return Not(Comparison(ref, "eq", value))  # none of the values is it; and so it is the opposite of eq, as elsewhere
        return Comparison(ref, op, value)

    def _resolve(self, text: str) -> AttributeRef | None:
        """None: another of the resource types has it. Raises ScimError when none has."""
        ref = self._sub_attribute(text) if self.target is not None else self._found(text)
        if ref is not None and "never" in (ref.attribute.returned, ref.leaf.returned):
            raise ScimError("invalidFilter", f"{quoted(text)} is never shown and cannot be filtered by.")
        return ref

    def _sub_attribute(self, text: str) -> AttributeRef:
        assert self.target is not None  # noqa: S101 - asked by _resolve
        sub = self.target.attribute.sub(text)
        if sub is None:
            raise ScimError("invalidFilter", f"{quoted(self.target.name)} has no sub-attribute {quoted(text)}.")
        return AttributeRef(self.target.urn, self.target.attribute, sub)

    def _found(self, text: str) -> AttributeRef | None:
        notation = read_notation(text)
        if notation is None:
            raise ScimError("invalidFilter", f"{quoted(text)} is not an attribute's name.")
        for kind in (self.kind, *self.kinds):
            ref = kind.find(notation.urn, notation.name, notation.sub) if kind else None
            if ref is not None:
                return ref if kind is self.kind else None
        raise ScimError("invalidFilter", f"There is no attribute {quoted(text)}.")


def _null(ref: AttributeRef, op: Op) -> Filter:
    """RFC 7643 2.5: null is the same as unassigned."""
    if op == "eq":
        return Not(Present(ref))
    if op == "ne":
        return Present(ref)
    raise ScimError("invalidFilter", f"{quoted(ref.name)} can be compared with null by 'eq' and 'ne' only.")


def _with_value(ref: AttributeRef) -> AttributeRef:
    """The shorthand for complex attributes: ``emails eq`` is ``emails.value eq``."""
    if not ref.leaf.complex:
        return ref
    value = ref.attribute.sub("value") if ref.sub is None else None
    if value is None:
        raise ScimError("invalidFilter", f"{quoted(ref.name)} is complex: name one of its sub-attributes.")
    return AttributeRef(ref.urn, ref.attribute, value)
