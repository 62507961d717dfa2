"""A customer's colour, made readable: whatever is chosen, text keeps the contrast that WCAG 2.2 asks for (1.4.3). Pure."""

from __future__ import annotations

import colorsys
import re

COLOUR = re.compile(r"#[0-9a-f]{6}")
ENOUGH = 4.5
CARD, DARK_CARD = "#ffffff", "#1a2225"
WHITE, BLACK = "#ffffff", "#101415"

Rgb = tuple[float, float, float]


def contrast(one: str, other: str) -> float:
    """1 to 21, as WCAG 2.2 defines it."""
    light, dark = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable_on(colour: str, ground: str) -> str:
    """The colour, as much darker or lighter as it must be to be read on that ground."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_rgb(colour))
    step = -0.02 if _luminance(_rgb(ground)) > 0.4 else 0.02
    while contrast(colour, ground) < ENOUGH and 0 <= lightness + step <= 1:
        lightness += step
        colour = _hex(colorsys.hls_to_rgb(hue, lightness, saturation))
    return colour if contrast(colour, ground) >= ENOUGH else BLACK if step < 0 else WHITE


def ink_on(ground: str) -> str:
    """White or black, whichever is read better."""
    return max((WHITE, BLACK), key=lambda ink: contrast(ink, ground))


def shaded(colour: str) -> str:
    """A little darker, for what is pointed at."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_rgb(colour))
    return _hex(colorsys.hls_to_rgb(hue, max(lightness - 0.06, 0), saturation))


def style_sheet(colour: str) -> str:
    """The custom properties by which the pages take the colour on, in both schemes. ``colour``: ``#rrggbb``, nothing else."""
    if not COLOUR.fullmatch(colour):
        raise ValueError("no colour")
    light, dark = (f":root:not([data-theme]) {{ {_scheme(colour, card)} }}" for card in (CARD, DARK_CARD))
    return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n"


def _scheme(colour: str, card: str) -> str:
    button = colour if contrast(colour, ink_on(colour)) >= ENOUGH else readable_on(colour, WHITE)
    pointed = shaded(button)
    if contrast(pointed, ink_on(button)) < ENOUGH:
        pointed = button
    text = readable_on(colour, card)
    values = {
        "primary": text,
        "primary-hover": text,
        "primary-underline": text,
        "primary-focus": f"{text}66",
        "primary-background": button,
        "primary-border": button,
        "primary-hover-background": pointed,
        "primary-hover-border": pointed,
        "primary-inverse": ink_on(button),
    }
    return " ".join(f"--pico-{name}: {value};" for name, value in values.items())


def _rgb(colour: str) -> Rgb:
    return (int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255)


def _hex(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
