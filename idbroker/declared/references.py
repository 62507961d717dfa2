"""Values that stand elsewhere: ``${env:NAME}`` within a text, ``file:PATH`` as the whole of one.

The file may come from someone else, so it reaches no further than its own folder, and not at the broker's own settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from idbroker.declared.source import BadFile, Fault, Place, Source

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_NAME = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)", re.ASCII)
OUR_OWN = "IDBROKER_"
MAX_BYTES = 1_000_000


def filled(source: Source, environment: Mapping[str, str], folder: Path) -> Source:
    """The source with its references followed. Raises BadFile with everything that cannot be."""
    filling = _Filling(source, environment, folder.resolve())
    document = filling.value(source.document, ())
    if filling.faults:
        raise BadFile(filling.faults)
    return replace(source, document=document, secret=frozenset(filling.secret))


class _Filling:
    def __init__(self, source: Source, environment: Mapping[str, str], folder: Path) -> None:
        self._source = source
        self._environment = environment
        self._folder = folder
        self.secret: set[Place] = set()
        self.faults: list[Fault] = []

    def value(self, value: Any, place: Place) -> Any:
        if isinstance(value, dict):
            return {name: self.value(child, (*place, name)) for name, child in value.items()}
        if isinstance(value, list):
            return [self.value(child, (*place, number)) for number, child in enumerate(value)]
        if not isinstance(value, str):
            return value
        if value.startswith("file:"):
            return self._file(value.removeprefix("file:").strip(), place)
        return _VARIABLE.sub(lambda found: self._variable(found.group(1), place), value)

    def _variable(self, text: str, place: Place) -> str:
        found = _NAME.fullmatch(text)
        if found is None:
            return self._wrong(place, f"“${{{text}}}” is no reference; write ${{env:NAME}}")
        name = found.group(1)
        if name.startswith(OUR_OWN):
            return self._wrong(place, f"the broker's own settings ({name}) are not for files")
        if name not in self._environment:
            return self._wrong(place, f"the environment has no {name}")
        self.secret.add(place)
        return self._environment[name]

    def _file(self, name: str, place: Place) -> str:
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder):
            return self._wrong(place, "a file reference stays in the folder of this file")
        try:
            data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
        except OSError as error:
            return self._wrong(place, f"{name} cannot be read: {error.strerror}")
        if data is None:
            return self._wrong(place, f"{name} is larger than {MAX_BYTES:,} bytes")
        self.secret.add(place)
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return self._wrong(place, f"{name} is not UTF-8")
        return text if text.lstrip().startswith("<") else text.rstrip("\r\n")

    def _wrong(self, place: Place, message: str) -> str:
        self.faults.append(self._source.fault(place, message))
        return ""
