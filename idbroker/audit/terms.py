"""The words of a record that an index finds: addresses, references, ids and whatever else stands between blanks. Pure.

A word is kept as a number made of it and the tenant, so that the index holds no address in clear and takes little room. What
a number finds is compared with the text itself, so that two words with one number do no harm.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from idbroker.audit.chain import canonical
from idbroker.audit.events import ACTIONS

MAX_TERMS = 40
"""Of one record. What comes first counts: who and on what, then the context."""

CUT = ""
"""Stands in the index for the words that a record has besides: whoever looks for a word has to look at that record too."""

MAX_TERM = 100
MAX_TEXT = 300
"""Characters of a text that words are taken of; for the rest of it stands ``CUT``."""

_DELIMITERS = r"\s\"'<>(){}\[\],;|/\\=&?#*%!$`^~"
_TOKEN = re.compile(f"[^{_DELIMITERS}]+")
_PART = re.compile(r"\w{2,}")

COMMON = frozenset(
    word
    for action in ACTIONS
    for word in (action, *re.split(r"[._]", action), action.partition(".")[0], action.rpartition(".")[2])
)
"""The words of actions stand in so many records that reading backwards finds them sooner than an index."""


def searchable(record: Mapping[str, Any]) -> str:
    """What ``q`` looks through: action, actor, resource and context (which holds the reference)."""
    parts = (record["action"], *record["actor"].values(), *record["resource"].values(), _text(record["context"]))
    return "\n".join(str(part) for part in parts if part).casefold()


def _text(context: Mapping[str, Any]) -> str:
    """Its JSON; by the slower encoder where the faster one cannot."""
    try:
        return orjson.dumps(context, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return canonical(context).decode()


def terms_of(record: Mapping[str, Any], sealed: Sequence[str] = (), *, at_most: int | None = MAX_TERMS) -> list[str]:
    """The words under which the record is found, folded, each once. ``sealed``: texts of it that stand there sealed."""
    found: dict[str, None] = {}
    cut = False
    for text in _all_texts(record, sealed):
        cut |= len(text) > MAX_TEXT
        for term in words(text):
            if len(found) == at_most and term not in found:
                return [*found, CUT]
            found[term] = None
    return [*found, CUT] if cut else list(found)


def _all_texts(record: Mapping[str, Any], sealed: Sequence[str]) -> Iterator[str]:
    for text in sealed:
        yield from text.split("\n")
    yield from _texts(record)


def words(text: str) -> Iterator[str]:
    """``Alice <alice@acme.example>`` → alice, alice@acme.example, acme.example, acme, example."""
    for found in _TOKEN.findall(text[:MAX_TEXT].casefold()):
        token = found.strip(".:-")
        if 1 < len(token) <= MAX_TERM and token not in COMMON:
            yield token
        if "@" in token:
            yield from filter(is_term, token.split("@"))
        for part in _PART.findall(token):
            if part != token and len(part) <= MAX_TERM and part not in COMMON:
                yield part


def is_term(word: str) -> bool:
    """Whether the index may hold that word. A word that it may not hold is looked for as text."""
    return 1 < len(word) <= MAX_TERM and word not in COMMON and _TOKEN.fullmatch(word) is not None and word == word.strip(".:-")


def term_key(tenant: str, term: str) -> int:
    """The number of a word: 63 bits, different in every tenant."""
    hashed = hashlib.blake2b(term.encode(), digest_size=8, key=tenant.encode()[:64]).digest()
    return int.from_bytes(hashed, "big") >> 1


def _texts(record: Mapping[str, Any]) -> Iterator[str]:
    actor, resource, context = record["actor"], record["resource"], record["context"]
    for value in (resource["id"], resource["name"], actor["id"], actor["name"], actor["ip"]):
        if isinstance(value, str):
            yield value
    yield from _strings(context)
    if isinstance(actor.get("user_agent"), str):
        yield actor["user_agent"]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
