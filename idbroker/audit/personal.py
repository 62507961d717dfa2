"""Which parts of a record are somebody's: pure. These are what is sealed under that person's key before the chain covers them.

An owner is a person's id (``usr_…``, an admin's ``adm_…``) or, where only an address is known, that address (``mailto:…``).
What belongs to several is sealed under all of their keys together, so that it goes with the first of them.

    actor      name, address and browser of a person; of a visitor, when the record says who he turned out to be
    resource   the name of a person or an admin, and what changed about him
    context    what was typed or asserted (``PERSONAL``); any text in which an e-mail address stands

Ids, actions, times and reasons stay as they are: they say that something happened, and to which pseudonym.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
ADDRESS = "mailto:"
PERSONAL = ("login_hint", "email", "subject", "name_id", "user_name", "detail", "findings")
"""Members of a context that tell of the person whom the record is about."""

MAX_OWNERS = 8
"""Of one text. Whoever writes forty addresses into a reason does not get forty keys."""

_PERSON = re.compile(r"usr_[0-9a-hjkmnp-tv-z]{26}")
_LABEL = "[a-z0-9\u00a1-\uffff-]{1,63}"
_EMAIL = re.compile(rf"[^\s<>\"'(),;:@\\\[\]]{{1,64}}@{_LABEL}(?:\.{_LABEL}){{1,8}}", re.IGNORECASE)
_KINDS = ("user", "admin")


@dataclass(frozen=True, slots=True)
class Item:
    """Texts of one record that have the same owners."""

    owners: tuple[str, ...]
    parts: tuple[tuple[Path, Any], ...]

    @property
    def text(self) -> str:
        """What search looks through, folded."""
        return "\n".join(text for _, value in self.parts for text in texts_in(value)).casefold()


def owned(document: Mapping[str, Any]) -> list[Item]:
    """What of the record belongs to whom."""
    found: dict[tuple[str, ...], list[tuple[Path, Any]]] = {}
    for owners, path, value in _leaves(document):
        if owners:
            found.setdefault(owners, []).append((path, value))
    return [Item(owners, tuple(parts)) for owners, parts in found.items()]


def without(document: Mapping[str, Any], items: list[Item]) -> dict[str, Any]:
    """The record with null in the place of what is in the items."""
    return with_parts(document, [(path, None) for item in items for path, _ in item.parts])


def with_parts(document: Mapping[str, Any], parts: list[tuple[Path, Any]]) -> dict[str, Any]:
    """The record with those values in their places. A place that it does not have is passed over."""
    changed = dict(document)
    own: set[int] = set()  # what is a copy already
    for path, value in parts:
        place: Any = changed
        for step in path[:-1]:
            inner = _at(place, step)
            if not isinstance(inner, dict | list):
                break
            if id(inner) not in own:
                inner = inner.copy()
                own.add(id(inner))
                place[step] = inner
            place = inner
        else:
            if isinstance(place, dict) or (isinstance(path[-1], int) and len(place) > path[-1]):
                place[path[-1]] = value
    return changed


def addresses_in(text: str) -> list[str]:
    """The e-mail addresses in a text, folded, each once."""
    return list(dict.fromkeys(match[0].casefold() for match in _EMAIL.finditer(text))) if "@" in text else []


def texts_in(value: Any) -> Iterator[str]:
    """The texts of a JSON value. Not by recursion: what came from outside may be nested deeper than Python calls."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            waiting += reversed([*part.values()])
        elif isinstance(part, list | tuple):
            waiting += reversed(part)


def _leaves(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Path, Any]]:
    """(owners, where, what)."""
    actor, resource, context = document["actor"], document["resource"], document["context"]
    about = _about(resource, context)
    mine = _actor_is(actor, about)
    for name in ("name", "ip", "user_agent"):
        if actor[name] is not None:
            yield mine or _addresses(actor, actor[name]), ("actor", name), actor[name]
    if isinstance(resource["name"], str):
        known = about if resource["type"] in _KINDS else _mentioned(resource["name"])
        yield known, ("resource", "name"), resource["name"]
    for name, change in document["changes"].items():
        for side in ("before", "after"):
            yield from _changed(about if resource["type"] in _KINDS else (), ("changes", name, side), change[side])
    for name, value in context.items():
        if about and name in PERSONAL and value:
            yield about, ("context", name), value
        else:
            yield from _within(("context", name), value)


def _about(resource: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, ...]:
    """Whom the record tells of; of a refused sign-in, whoever is named by what was typed, asserted or found."""
    if resource["type"] in _KINDS:
        return (resource["id"],)
    if isinstance(context.get("user_id"), str):
        return (context["user_id"],)
    if resource["type"] not in ("sign_in", "sign_out"):
        return ()
    said = "\n".join(text for name in PERSONAL for text in texts_in(context.get(name)))
    return _bounded([*dict.fromkeys(_PERSON.findall(said)), *(ADDRESS + one for one in addresses_in(said))])


def _actor_is(actor: Mapping[str, Any], about: tuple[str, ...]) -> tuple[str, ...]:
    if actor["type"] == "user" and str(actor["id"]).startswith(("usr_", "adm_")):
        return (actor["id"],)
    return about if actor["type"] == "visitor" else ()


def _addresses(actor: Mapping[str, Any], text: str) -> tuple[str, ...]:
    """Operators act in their office: they are the operator's own people, and a tenant's erasure does not hide who they were."""
    return _mentioned(text) if actor["type"] in ("user", "visitor") else ()


def _changed(owners: tuple[str, ...], path: Path, value: Any) -> Iterator[tuple[tuple[str, ...], Path, Any]]:
    if not owners:
        yield from _within(path, value)
    elif isinstance(value, str | list | dict) and value:
        yield owners, path, value


def _within(path: Path, value: Any) -> Iterator[tuple[tuple[str, ...], Path, Any]]:
    """Texts with an address in them, wherever they stand; of a list, each by itself."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            owners = _mentioned(*texts_in(one))
            if owners:
                yield owners, (*path, number), one
    elif isinstance(value, str | dict):
        owners = _mentioned(*texts_in(value))
        if owners:
            yield owners, path, value


def _mentioned(*texts: str) -> tuple[str, ...]:
    return _bounded([ADDRESS + one for text in texts for one in addresses_in(text)])


def _bounded(owners: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(owners))[:MAX_OWNERS]


def _at(place: Any, step: str | int) -> Any:
    if isinstance(place, dict):
        return place.get(step)
    return place[step] if isinstance(step, int) and isinstance(place, list) and len(place) > step else None
