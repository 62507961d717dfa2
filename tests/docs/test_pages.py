"""Links lead somewhere, and commands that a page tells people to type exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, pages, shell_lines
from tests.docs.surfaces import command_options, route_table

MAKE_TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def relative(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_links_lead_somewhere(page: Path):
    for link in links(page):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_commands_in_shell_blocks_exist(page: Path):
    known = command_options()
    for line in shell_lines(page):
        words = shlex.split(line, comments=True)
        for position, word in enumerate(words):
            if word == "make":
                assert words[position + 1] in MAKE_TARGETS, line
            if re.search(r"(^|[/(])idbroker$", word) and not word.startswith(("-", "/var", "/etc")):
                _check_command(words[position + 1 :], known, line)


def _check_command(words: list[str], known: dict[str, list[str]], line: str) -> None:
    command = next((f"idbroker {' '.join(words[:n])}" for n in (2, 1) if f"idbroker {' '.join(words[:n])}" in known), None)
    assert command is not None, line
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    assert set(options) <= {*known[command], "--help"}, line


@pytest.mark.parametrize("page", [page for page in pages() if "/api/v1" in page.read_text(encoding="utf-8")], ids=relative)
def test_calls_in_shell_blocks_reach_a_route(page: Path, tmp_path: Path):
    patterns = [(m, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path))) for m, path in route_table(tmp_path)]
    for line in shell_lines(page):
        address = re.search(r"""(/api/v1/[^\s"'?]*)""", line)
        if "curl" not in line or address is None:
            continue
        named = re.search(r"-X ?([A-Z]+)", line)
        method = named[1] if named else "POST" if "--json" in line else "GET"
        assert any(method == m and pattern.fullmatch(address[1]) for m, pattern in patterns), line
