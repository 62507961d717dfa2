"""The documentation as a site of static pages, to be put onto any web server.

    python docs/site/build.py [FOLDER]

Each Markdown page of the repository becomes a page at the same place, README.md the front page; links between them are kept,
links to files that are no pages go to the file's copy. Without scripts and without anything from another host.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
STYLES = [ROOT / "idbroker" / "web" / "static" / "pico.classless.min.css", ROOT / "docs" / "site" / "site.css"]
SECTIONS = {
    "Start": ["README.md", "docs/guide/quickstart.md", "docs/guide/concepts.md"],
    "For the SaaS developer": ["docs/guide/app-developer.md", "docs/guide/app-*.md"],
    "For the operator": ["docs/guide/deployment.md", "docs/guide/operator.md", "docs/guide/moving/*.md"],
    "For a customer's administrator": ["docs/guide/tenant-admin.md", "docs/guide/setup-portal.md"],
    "Identity providers": ["docs/guide/idp/*.md"],
    "Reference": ["docs/reference/*.md"],
    "The project": ["SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/decisions/README.md", "docs/decisions/*.md"],
}
"""Heading of the navigation → the pages below it, in order, each once."""


@dataclass(frozen=True)
class Page:
    """``source`` and ``place`` are relative to the repository and to the site."""

    source: Path
    place: Path
    title: str


def pages() -> dict[str, list[Page]]:
    """Heading → pages. Raises ValueError when a page stands below no heading."""
    seen: set[Path] = set()
    found: dict[str, list[Page]] = {}
    for heading, patterns in SECTIONS.items():
        for pattern in patterns:
            for path in sorted(ROOT.glob(pattern)):
                source = path.relative_to(ROOT)
                if source not in seen:
                    seen.add(source)
                    found.setdefault(heading, []).append(Page(source, _place(source), _title(path)))
    left = {path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]} - seen
    if left:
        raise ValueError(f"in no section: {sorted(map(str, left))}")
    return found


def build(folder: Path) -> list[Path]:
    """Write the site into a folder. Returns the files of its pages."""
    sections = pages()
    template = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template("page.html")
    folder.mkdir(parents=True, exist_ok=True)
    for style in STYLES:
        shutil.copyfile(style, folder / style.name)
    written = []
    for page in (page for below in sections.values() for page in below):
        target = folder / page.place
        target.parent.mkdir(parents=True, exist_ok=True)
        up = "../" * (len(page.place.parts) - 1)
        body = _rendered(page, folder)
        target.write_text(template.render(page=page, sections=sections, up=up, body=body), encoding="utf-8")
        written.append(target)
    return written


def _place(source: Path) -> Path:
    name = "index.html" if source.name == "README.md" else f"{source.stem.lower()}.html"
    parts = source.parent.parts[1:] if source.parent.parts[:1] == ("docs",) else source.parent.parts
    return Path(*parts, name)


def _title(path: Path) -> str:
    first = next(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# "))
    return first.removeprefix("# ").replace("`", "")


def _rendered(page: Page, folder: Path) -> str:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse((ROOT / page.source).read_text(encoding="utf-8"))
    for before, inline in pairwise(tokens):
        if before.type == "heading_open":
            before.attrSet("id", re.sub(r"[^\w\- ]", "", inline.content.strip().lower()).replace(" ", "-"))
    for link in _links(tokens):
        link.attrSet("href", _led(str(link.attrGet("href")), page, folder))
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def _links(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type == "link_open":
            yield token
        yield from _links(token.children or [])


def _led(address: str, page: Page, folder: Path) -> str:
    """Where a link of the Markdown leads in the site."""
    parts = urlsplit(address)
    if parts.scheme or not parts.path:
        return address
    target = (ROOT / page.source).parent.joinpath(parts.path).resolve()
    if target.is_dir():
        target = target / "README.md"
    place = target.relative_to(ROOT)
    if target.suffix == ".md" and target.is_file():
        place = _place(place)
    elif target.is_file():
        (folder / "files" / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(target, folder / "files" / place)
        place = Path("files") / place
    else:
        raise ValueError(f"{page.source}: {address} leads nowhere")
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return "../" * (len(page.place.parts) - 1) + place.as_posix() + fragment


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "var" / "docs"
    sys.stdout.write(f"{len(build(where))} pages in {where}\n")
