"""The documentation as a site: every page is there, and every link of every page leads to something in it."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from urllib.parse import urlsplit

from lxml import html

from tests.docs.pages import ROOT, pages


def test_the_site_is_whole(tmp_path: Path) -> None:
    built = run_path(str(ROOT / "docs" / "site" / "build.py"))["build"](tmp_path)
    assert len(built) == len(pages()) == len(set(built))
    read = {page: html.fromstring(page.read_text(encoding="utf-8")) for page in built}
    names = {page: set(tree.xpath("//@id")) for page, tree in read.items()}
    for page, tree in read.items():
        assert not tree.xpath("//script | //main//*[starts-with(name(), 'on')]")
        assert len(tree.xpath("//main//h1")) == 1, page
        for address in tree.xpath("//a/@href | //link/@href"):
            parts = urlsplit(address)
            if parts.scheme:
                continue
            target = (page.parent / parts.path).resolve() if parts.path else page
            assert target.is_file(), f"{page}: {address}"
            assert not parts.fragment or parts.fragment in names[target], f"{page}: {address}"
