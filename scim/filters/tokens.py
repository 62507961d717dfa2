"""The text of a filter as tokens, strictly, with precedence written out in parentheses.

scim2-filter-parser's own lexer loses escapes, reads one digit of a number, and its grammar gives ``and`` and ``or`` the same
rank. So it never sees the text: it gets these tokens, in which every term stands in parentheses of its own, every ``and``
group in one more pair (the trick of the first FORTRAN compiler), and a literal is a number into a list.

    tokens      what the grammar reads; equal for filters that differ in their literals only, so its result can be kept
    literals    the JSON values, in the order of their appearance
"""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn

from scim.errors import ScimError, quoted

MAX_LENGTH = 4096
MAX_DEPTH = 20
MAX_TERMS = 50

Literal = str | bool | int | float | None

OPERATORS = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})
KEYWORDS = OPERATORS | {"pr", "and", "or", "not", "true", "false", "null"}

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t]+)
    | (?P<mark>[()\[\]])
    | (?P<string>"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*")
    | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_.:$-])
    | (?P<word>[A-Za-z$][A-Za-z0-9_.:$-]*)
    """,
    re.VERBOSE,
)
_CONSTANTS: dict[str, Literal] = {"true": True, "false": False, "null": None}


_OPENING, _CLOSING = ("(", "("), (")", ")")
_ATTRIBUTE, _VALUE = "@", "#"
"""Prefixes of the tokens for an attribute's name and for a literal's number. All others are what they say."""


def tokenize(text: str) -> tuple[tuple[str, ...], list[Literal]]:
    """Raises ScimError ``invalidFilter``, which says where and what was expected."""
    if len(text) > MAX_LENGTH:
        raise ScimError("invalidFilter", f"The filter is longer than {MAX_LENGTH} characters.")
    return _Reader(text).read()


class _Reader:
    """Walks over the text and knows at each place what may stand there: a term, an operator, a value, or a link."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = [*_OPENING]
        self.literals: list[Literal] = []
        self.brackets: list[str] = []
        self.terms = 0
        self.expects = self.term
        self.spaced = True
        self.last = ""

    def read(self) -> tuple[tuple[str, ...], list[Literal]]:
        position = 0
        while position < len(self.text):
            found = _TOKEN.match(self.text, position)
            if found is None:
                raise ScimError("invalidFilter", f"The filter cannot be read at character {position + 1}.")
            position = found.end()
            if found.lastgroup == "space":
                self.spaced = True
                continue
            self.expects(found.lastgroup or "", found.group())
            self.spaced, self.last = False, found.group()
        if self.expects != self.link:
            raise ScimError("invalidFilter", "The filter ends too early." if self.last else "The filter is empty.")
        if self.brackets:
            raise ScimError("invalidFilter", f"The filter lacks a closing '{self.brackets[-1]}'.")
        return (*self.tokens, *_CLOSING), self.literals

    def term(self, group: str, text: str) -> None:
        """An attribute, ``not``, or an opening parenthesis."""
        if group == "mark" and text == "(":
            self._open("(", ")")
        elif group != "word":
            self._refuse("an attribute", text)
        elif text.lower() == "not":
            self.tokens.append("not")
            self.expects = self.negated
        else:
            self.terms += 1
            if self.terms > MAX_TERMS:
                raise ScimError("invalidFilter", f"The filter has more than {MAX_TERMS} terms.")
            self.tokens.append(_ATTRIBUTE + text)
            self.expects = self.operator

    def negated(self, group: str, text: str) -> None:
        """RFC 7644 figure 1: ``not`` stands before parentheses only, and once."""
        if group != "mark" or text != "(":
            self._refuse("'('", text)
        self._open("(", ")")

    def operator(self, group: str, text: str) -> None:
        """A comparison, ``pr``, or the bracket of a value path."""
        word = text.lower()
        if group == "mark" and text == "[":
            self.terms -= 1  # counted by what stands inside
            self._open("[", "]")
        elif group != "word":
            self._refuse("an operator", text)
        elif word == "pr":
            self.tokens.append("pr")
            self.expects = self.link
        elif word in OPERATORS:
            self.tokens.append(word)
            self.expects = self.value
        else:
            raise ScimError("invalidFilter", f"The operator {quoted(text)} is not supported.")

    def value(self, group: str, text: str) -> None:
        """A JSON string, number, true, false or null (RFC 7644 figure 1: after a space)."""
        if group == "mark" or (group == "word" and text.lower() not in _CONSTANTS):
            self._refuse("a value: a string in quotation marks, a number, true, false or null", text)
        if not self.spaced:
            raise ScimError("invalidFilter", f"A space is missing before {quoted(text)}.")
        self.tokens.append(f"{_VALUE}{len(self.literals)}")
        self.literals.append(_CONSTANTS[text.lower()] if group == "word" else _literal(group, text))
        self.expects = self.link

    def link(self, group: str, text: str) -> None:
        """``and``, ``or``, or what closes the last opened."""
        word = text.lower()
        if group == "word" and word in ("and", "or"):
            if not self.spaced and self.last not in (")", "]"):
                raise ScimError("invalidFilter", f"A space is missing before {quoted(text)}.")
            self.tokens += (")", "and", "(") if word == "and" else (*_CLOSING, "or", *_OPENING)
            self.expects = self.term
        elif group == "mark" and text in (")", "]"):
            if not self.brackets or self.brackets.pop() != text:
                raise ScimError("invalidFilter", f"The filter has a '{text}' that was not opened.")
            self.tokens += (*_CLOSING, text)
        else:
            self._refuse("'and' or 'or'", text)

    def _open(self, mark: str, closing: str) -> None:
        self.brackets.append(closing)
        if len(self.brackets) > MAX_DEPTH:
            raise ScimError("invalidFilter", f"The filter is nested deeper than {MAX_DEPTH} levels.")
        self.tokens += (mark, *_OPENING)
        self.expects = self.term

    def _refuse(self, expected: str, text: str) -> NoReturn:
        after = f"after {quoted(self.last)} " if self.last else ""
        raise ScimError(
            "invalidFilter", f"The filter has {quoted(text)} where {expected} was expected {after}.".replace(" .", ".")
        )


def _literal(group: str, text: str) -> Literal:
    if group == "string":
        value: str = json.loads(text)
        if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise ScimError("invalidFilter", "A string of the filter holds a character that no text can have.")
        return value
    if len(text) > 64:
        raise ScimError("invalidFilter", "A number of the filter is out of range.")
    number: int | float = json.loads(text)
    in_range = math.isfinite(number) if isinstance(number, float) else -(2**63) <= number < 2**63
    if not in_range:
        raise ScimError("invalidFilter", "A number of the filter is out of range.")
    return number
