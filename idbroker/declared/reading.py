"""From YAML to plain values that remember their line. Safe: no tags, no objects, one document, bounded whatever it holds.

What YAML 1.1 makes of plain words is not wanted here: only ``true`` and ``false`` are booleans, only plain decimal digits are
numbers, everything else is the text that stands there (a region called ``no``, a date, ``010``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import yaml

from idbroker.declared.source import BadFile, Fault, Place, Source

MAX_BYTES = 4_000_000
MAX_EXPORT = 64_000_000
MAX_DEPTH = 32
MAX_VALUES = 200_000
"""Counted after aliases are followed, so that a few lines cannot stand for billions of values."""

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "value"))


def read_file(path: Path) -> Source:
    """Raises BadFile."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadFile([Fault((), None, f"cannot be read: {error.strerror}")]) from error
    return read_text(data)


def read_export(path: Path) -> Any:
    """What another product exported: JSON, or YAML. Raises BadFile."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_EXPORT else None
    except OSError as error:
        raise BadFile([Fault((), None, f"cannot be read: {error.strerror}")]) from error
    if data is None:
        raise BadFile([Fault((), None, f"is larger than {MAX_EXPORT:,} bytes")])
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return read_text(data).document


def read_text(data: bytes) -> Source:
    """Raises BadFile."""
    if len(data) > MAX_BYTES:
        raise BadFile([Fault((), None, f"is larger than {MAX_BYTES:,} bytes")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile([Fault((), None, "is not UTF-8")]) from error
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise BadFile([Fault((), line, f"is not YAML: {error.problem or error.context}")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BadFile([Fault((), None, "is not YAML")]) from error
    if root is None:
        raise BadFile([Fault((), 1, "is empty")])
    building = _Building()
    document = building.value(root, ())
    return Source(document, building.lines)


class _Building:
    def __init__(self) -> None:
        self.lines: dict[Place, int] = {}
        self._count = 0

    def value(self, node: Any, place: Place) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        self._count += 1
        if self._count > MAX_VALUES:
            raise BadFile([Fault(place, line, f"the file holds more than {MAX_VALUES:,} values, aliases followed")])
        if len(place) > MAX_DEPTH:
            raise BadFile([Fault((), line, f"is nested deeper than {MAX_DEPTH} levels")])
        if isinstance(node, yaml.MappingNode):
            _check_tag(node, "map", place, line)
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            _check_tag(node, "seq", place, line)
            return [self.value(child, (*place, number)) for number, child in enumerate(node.value)]
        if node.tag not in _PLAIN_TAGS:
            raise BadFile([Fault(place, line, f"the tag {node.tag} is not read here")])
        return _scalar(node)

    def _mapping(self, node: Any, place: Place) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                raise BadFile([Fault(place, line, "a name is plain text here; merge keys are not read")])
            key = str(key_node.value)
            if key in made:
                raise BadFile([Fault((*place, key), line, "stands here twice")])
            self.lines[(*place, key)] = line
            made[key] = self.value(value_node, (*place, key))
        return made


def _check_tag(node: Any, kind: str, place: Place, line: int) -> None:
    if node.tag != f"tag:yaml.org,2002:{kind}":
        raise BadFile([Fault(place, line, f"the tag {node.tag} is not read here")])


def _scalar(node: Any) -> Any:
    text = str(node.value)
    if node.style:  # quoted, or a block
        return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "~", "null"):
        return None
    return int(text) if _NUMBER.fullmatch(text) else text
