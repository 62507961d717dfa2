"""Links lead somewhere, and commands that a page tells people to type exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, pages, shell_commands
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
    for words in shell_commands(page):
        for command in _simple(words):
            if command[0] == "make":
                assert command[1] in MAKE_TARGETS, command
            if command[0].rpartition("/")[2] == "idbroker":
                _check_command(command[1:])


def _simple(words: list[str]) -> list[list[str]]:
    """The commands of a line, one by one: ``&`` and ``&&`` part them."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in ("&", "&&", ";", "|"):
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


def _check_command(words: list[str]) -> None:
    known = command_options()
    if words[0] == "--help":
        return
    names = [f"idbroker {' '.join(words[:count])}" for count in (2, 1)]
    command = next((name for name in names if name in known), None)
    assert command is not None, words
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert options <= {*known[command], "--help"}, words


@pytest.mark.parametrize("page", [page for page in pages() if "```sh" in page.read_text(encoding="utf-8")], ids=relative)
def test_calls_in_shell_blocks_reach_a_route(page: Path, tmp_path: Path):
    patterns = [(method, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path))) for method, path in route_table(tmp_path)]
    for words in shell_commands(page):
        address = next((word for word in words if word.startswith("$API/")), None)
        if words[0] != "curl" or address is None:
            continue
        path = "/api/v1" + address.removeprefix("$API").partition("?")[0]
        method = words[words.index("-X") + 1] if "-X" in words else "POST" if "--json" in words else "GET"
        assert any(method == m and pattern.fullmatch(path) for m, pattern in patterns), words
