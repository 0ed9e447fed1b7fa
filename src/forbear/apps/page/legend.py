"""What stands around a plot: the entries of its key, its box, and a word where nothing could be drawn."""

from __future__ import annotations

from forbear.apps.page.markup import Html, element


def key_line(colour: str, pattern: str, *, text: str) -> Html:
    """The key of a line by its colour and dash pattern."""
    stroke = {"stroke": f"var(--{colour})", "stroke_width": "2.5", "stroke_dasharray": pattern}
    line = element("line", x1="0", y1="4", x2="28", y2="4", **stroke)
    return element("li", element("svg", line, width="28", height="8", aria_hidden="true"), text)


def key_square(colour: str, text: str) -> Html:
    """The key of a bar or an area by its colour."""
    square = element("rect", width="10", height="10", fill=f"var(--{colour})")
    return element("li", element("svg", square, width="10", height="10", aria_hidden="true"), text)


def plotted(plot: Html) -> Html:
    """A plot in its box."""
    return element("div", plot, class_="plot")


def absent(text: str) -> Html:
    """Why nothing is drawn."""
    return element("p", text, class_="absent")
