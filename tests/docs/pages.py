"""Reading the documentation as data: headings, tables, links, shell blocks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """Every page of documentation in the repository."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def sections(page: Path, level: int) -> dict[str, str]:
    """Heading of that level → the text below it, up to the next heading of the same or a higher level."""
    text = prose(page)
    found: dict[str, str] = {}
    headings = [(len(match[1]), match[2].strip(), match.start(), match.end()) for match in _HEADING.finditer(text)]
    for position, (depth, title, _, end) in enumerate(headings):
        if depth == level:
            after = (start for deeper, _, start, _ in headings[position + 1 :] if deeper <= level)
            found[title] = text[end : next(after, len(text))]
    return found


def tables(page: Path) -> list[list[str]]:
    """The cells of every row of every table, header rows too; back-ticks taken off."""
    return [
        [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        for line in prose(page).splitlines()
        if line.startswith("|") and not re.fullmatch(r"[|\s:-]+", line)
    ]


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The anchors that a Markdown renderer gives to the headings."""
    titles = (match[2].strip().lower() for match in _HEADING.finditer(prose(page)))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def shell_commands(page: Path) -> Iterator[list[str]]:
    """The commands in the page's ``sh`` blocks as words; quoted text, and a line that ends in a
    backslash, go on over lines."""
    for kind, body in _FENCE.findall(page.read_text(encoding="utf-8")):
        waiting = ""
        for line in body.splitlines() if kind == "sh" else ():
            waiting += line + "\n"
            if line.endswith("\\"):  # it goes on in the next line
                waiting = waiting.removesuffix("\\\n")
                continue
            try:
                words = shlex.split(waiting, comments=True)
            except ValueError:  # a quotation is still open
                continue
            waiting = ""
            if words:
                yield words
        assert not waiting, f"{page}: a quotation is never closed: {waiting}"
