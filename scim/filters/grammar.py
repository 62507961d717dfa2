"""scim2-filter-parser's grammar over our tokens. Its lexer and its SQL are not used (see ``tokens``)."""

from __future__ import annotations

from functools import lru_cache

from scim2_filter_parser import ast
from scim2_filter_parser.parser import SCIMParser, SCIMParserError

from scim.errors import ScimError
from scim.filters.tokens import Token


@lru_cache(maxsize=512)
def parse(tokens: tuple[Token, ...]) -> ast.Filter:
    """The tree of a token sequence. Clients send few shapes with many literals, so it is kept by shape; never change it."""
    try:
        tree = SCIMParser().parse(iter(tokens))
    except SCIMParserError as error:
        raise ScimError("invalidFilter", "The filter cannot be read.") from error
    if not isinstance(tree, ast.Filter):
        raise ScimError("invalidFilter", "The filter cannot be read.")
    return tree
