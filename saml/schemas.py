"""The OASIS schemas that python3-saml ships, each compiled once per process (compiling is half of its 5 ms a response)."""

from __future__ import annotations

import threading
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from lxml import etree

SchemaName = Literal["saml-schema-protocol-2.0.xsd", "saml-schema-metadata-2.0.xsd"]

_FOLDER = files("onelogin.saml2") / "schemas"
# One validator keeps one error log; callers on several threads take turns (0.1 ms each).
_turn = threading.Lock()


class _Shipped(etree.Resolver):
    """Imports between the schemas come from the package, as bytes: once xmlsec has signed, libxml2 opens no paths."""

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        del public_id
        name = (system_url or "").rpartition("/")[2]
        return self.resolve_string((_FOLDER / name).read_bytes(), context, base_url=name)


@cache
def compiled(name: SchemaName) -> etree.XMLSchema:
    """The schema itself. Validating with it is not for several threads at once; ``schema_fault`` takes turns."""
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Shipped())
    return etree.XMLSchema(etree.fromstring((_FOLDER / name).read_bytes(), parser, base_url=name))


def preload() -> None:
    """Compile what every response needs, before the first one pays for it."""
    compiled("saml-schema-protocol-2.0.xsd")


def schema_fault(root: etree._Element, name: SchemaName) -> str | None:
    """The first thing in which a document differs from its schema, None when it is valid."""
    with _turn:
        schema = compiled(name)
        if schema.validate(root):
            return None
        entry = schema.error_log[0] if len(schema.error_log) else None
        return entry.message[:300] if entry is not None else "not valid"
