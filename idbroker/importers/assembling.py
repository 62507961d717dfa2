"""From what importers found to one declaration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from idbroker.importers import auth0, keycloak, polis, workos
from idbroker.importers.contract import MAX_NAME, Found, Importer

IMPORTERS: Mapping[str, Importer] = {
    "polis": polis.read,
    "auth0": auth0.read,
    "workos": workos.read,
    "keycloak": keycloak.read,
}


@dataclass
class Assembled:
    """``document`` is a declaration; ``notes`` what a person has to know, each beginning with whose it is."""

    document: dict[str, Any] = field(default_factory=lambda: {"version": 1, "tenants": {}})
    notes: list[str] = field(default_factory=list)
    left: int = 0
    """How many cannot be carried over."""


def assembled(found: Iterable[Found]) -> Assembled:
    """Every connection under its tenant; names that stand twice in one are told apart."""
    made = Assembled()
    for one in found:
        name = "".join(character for character in one.name if character.isprintable())[:MAX_NAME].strip() or "imported"
        fields, notes = one.fields, list(one.notes)
        if not one.tenant:
            fields, notes = None, ["no tenant’s slug can be made of what the export says; give --tenant"]
        tenants: dict[str, Any] = made.document["tenants"]
        connections = tenants.get(one.tenant, {}).get("connections", {})
        name = _free(name, connections)
        made.notes += [f"{one.tenant or '?'}: {name}: {note}" for note in notes]
        if fields is None:
            made.left += 1
            continue
        tenant = tenants.setdefault(one.tenant, {})
        tenant.setdefault("connections", {})[name] = dict(fields)
        for domain in one.domains:
            tenant.setdefault("domains", {}).setdefault(domain, {})
    return made


def _free(name: str, taken: Mapping[str, Any]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free
