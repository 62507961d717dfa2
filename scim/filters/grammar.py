"""scim2-filter-parser's grammar over our tokens. Its lexer and its SQL are not used (see ``tokens``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from scim2_filter_parser import ast
from scim2_filter_parser.parser import SCIMParser, SCIMParserError

from scim.errors import ScimError

_MARKS = {"(": "LPAREN", ")": "RPAREN", "[": "LBRACKET", "]": "RBRACKET"}


@dataclass(frozen=True, slots=True)
class _Token:
    """In the form that the parser reads."""

    type: str
    value: str | int
    lineno: int = 1
    index: int = 0
    end: int = 0


@lru_cache(maxsize=512)
def parse(tokens: tuple[str, ...]) -> ast.Filter:
    """The tree of a token sequence; a ``CompValue`` holds the literal's number. Clients send few shapes with many literals, so
    trees are kept by shape: never change one."""
    try:
        tree = SCIMParser().parse(map(_token, tokens))
    except SCIMParserError as error:
        raise ScimError("invalidFilter", "The filter cannot be read.") from error
    if not isinstance(tree, ast.Filter):
        raise ScimError("invalidFilter", "The filter cannot be read.")
    return tree


def _token(text: str) -> _Token:
    if text[0] == "@":
        return _Token("ATTRNAME", text[1:])
    if text[0] == "#":
        return _Token("COMP_VALUE", int(text[1:]))
    return _Token(_MARKS.get(text) or text.upper(), text)
