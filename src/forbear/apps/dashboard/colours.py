"""Colours that mean the same on every page, and a sign beside each: colour alone never says anything.

One tone of each serves both backgrounds: its contrast is at least 3 : 1 with either (WCAG 2.2, 1.4.11). The four tones
of bands are those that stay furthest apart, by the least distance in CIELAB over normal sight and the simulations of
protanopia, deuteranopia and tritanopia of Machado et al. (2009).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LIGHT, DARK = "#ffffff", "#10151a"
"""Backgrounds of the two themes."""
URGENT: tuple[str, ...] = ("#bf3038", "#cc8100", "#0091cc")
"""Bands, the most urgent first; a policy with more of them ends in the last."""
CALM = "#7e848c"
"""Outside of all bands."""
ACCENT = "#2f7fb8"
"""One series that has no meaning but its own."""
GOOD, BAD, NEUTRAL = "#0091cc", "#bf3038", CALM
"""What is better, worse, and neither; never red beside green."""
SOON = URGENT[1]
"""What has to be done within a day."""
SERIES: tuple[str, ...] = ("#0091cc", "#cc8100", "#bf3038", "#7e848c", "#8a63d2", "#00907a")
"""Series without an order, in the order to use them."""
LIGHT_SCALE: tuple[str, ...] = (
    "#edf4fb",
    "#dbe9f6",
    "#c4dcf0",
    "#a6cbe7",
    "#81b5dc",
    "#5c9dce",
    "#3b83bc",
    "#2169a5",
    "#105089",
    "#073763",
)
DARK_SCALE: tuple[str, ...] = (
    "#172430",
    "#1a3043",
    "#1d3d58",
    "#204c6f",
    "#245d88",
    "#2c70a2",
    "#3f87bb",
    "#5ea1d2",
    "#88bfe6",
    "#b9dcf5",
)
"""A quantity from little to much in one hue: little lies at the page's background, much far from it, in each theme.

Streamlit hands the scale of its theme to every chart that names none.
"""
OUTSIDE = "outside"
"""What a page calls the band that is none."""
_SIGNS = ("\u25b2", "\u25c6", "\u25a0")
_CALM_SIGN = "\u25cf"


def band_name(band: str | None) -> str:
    """A band as a page says it: `OUTSIDE` for "" or None."""
    return band or OUTSIDE


def band_colour(band: str | None, order: Sequence[str]) -> str:
    """The colour of a band. order: the names of bands, the most urgent first, as `Desk.bands` has them."""
    named = [one for one in order if one]
    return URGENT[min(named.index(band), len(URGENT) - 1)] if band and band in named else CALM


def band_sign(band: str | None, order: Sequence[str]) -> str:
    """The shape that goes with the colour: triangle, diamond, square, and a circle outside of all bands."""
    named = [one for one in order if one]
    return _SIGNS[min(named.index(band), len(_SIGNS) - 1)] if band and band in named else _CALM_SIGN


def band_label(band: str | None, order: Sequence[str]) -> str:
    """Sign and word: what stands wherever a band is named."""
    return f"{band_sign(band, order)} {band_name(band)}"


def band_scale(order: Iterable[str]) -> tuple[list[str], list[str]]:
    """Domain and range of a Vega scale over `band_label`: what stands outside comes last."""
    named = [one for one in order if one]
    bands = [*named, ""]
    return [band_label(one, named) for one in bands], [band_colour(one, named) for one in bands]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours by WCAG 2.2, from 1 to 21. Colours are written #rrggbb."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
