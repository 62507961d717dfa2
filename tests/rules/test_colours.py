"""A customer's colour can be read, whatever it is."""

from __future__ import annotations

import re

import pytest

from idbroker.tenants.colours import CARD, DARK_CARD, ENOUGH, contrast, ink_on, readable_on, style_sheet

COLOURS = (
    "#000000",
    "#ffffff",
    "#ffff00",
    "#00ff00",
    "#777777",
    "#ff0000",
    "#0000ff",
    "#2b736c",
    "#fefefe",
    "#010101",
    "#8b4513",
)


def test_contrast_is_that_of_wcag() -> None:
    assert round(contrast("#000000", "#ffffff"), 1) == 21.0
    assert contrast("#777777", "#777777") == 1.0
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54


@pytest.mark.parametrize("colour", COLOURS)
def test_every_colour_is_made_readable(colour: str) -> None:
    for card in (CARD, DARK_CARD):
        assert contrast(readable_on(colour, card), card) >= ENOUGH
    sheet = style_sheet(colour)
    for scheme, card in zip(sheet.split("@media"), (CARD, DARK_CARD), strict=True):
        values = dict(re.findall(r"--pico-([a-z-]+): (#[0-9a-f]{6,8});", scheme))
        assert contrast(values["primary"], card) >= ENOUGH
        for ground in ("primary-background", "primary-hover-background"):
            assert contrast(values[ground], values["primary-inverse"]) >= ENOUGH, (colour, ground)


def test_a_readable_colour_stays_as_it_is() -> None:
    assert readable_on("#23655f", CARD) == "#23655f"
    assert ink_on("#23655f") == "#ffffff"


@pytest.mark.parametrize("hostile", ["red", "#fff", "#2b736c;}body{display:none", "url(//evil)", "", "#2b736c\n"])
def test_nothing_but_a_colour_gets_into_the_style_sheet(hostile: str) -> None:
    with pytest.raises(ValueError, match="no colour"):
        style_sheet(hostile)
