"""Drawing with matplotlib into SVG that sits in a page: themed, deterministic, without identifiers that clash."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forbear.apps.page.markup import Html, element
from forbear.apps.page.numerals import round_percent
from forbear.apps.page.style import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_POINTS_PER_INCH = 72.0
_COLOUR_NAMES = {tone.light: name for name, tone in PALETTE.items()}
# Keys are untyped because matplotlib names every one of them as a literal, a different set in each version.
_SETTINGS: dict[Any, object] = {
    "svg.hashsalt": "forbear",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 11.0,
    "axes.titlesize": 11.0,
    "text.color": PALETTE["ink"].light,
    "axes.labelcolor": PALETTE["muted"].light,
    "axes.edgecolor": PALETTE["muted"].light,
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": PALETTE["rule"].light,
    "grid.linewidth": 0.8,
    "xtick.color": PALETTE["muted"].light,
    "ytick.color": PALETTE["muted"].light,
    "xtick.major.size": 3.0,
    "ytick.major.size": 0.0,
    "lines.dash_capstyle": "butt",
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """One plot.  name: unique on its page.  label: what it shows, for who cannot see it.  Sizes in inches."""

    name: str
    label: str
    height: float
    width: float = 5.3


def draw(drawing: Drawing, paint: Callable[[Figure], None]) -> Html:
    """The painted figure as an inline SVG element; equal paint gives equal bytes.

    Colours of the palette become CSS variables, so that the plot follows the page's theme.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    written = io.StringIO()
    with mpl.rc_context():
        # A user's own matplotlibrc must not change a report.
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        figure = Figure(figsize=(drawing.width, drawing.height), layout="constrained")
        figure.patch.set_visible(False)
        paint(figure)
        figure.savefig(written, format="svg", metadata={"Date": None})
    return _inlined(written.getvalue(), drawing)


def colour(name: str) -> str:
    """A colour of the palette, as a plot names it."""
    return PALETTE[name].light


def dashes(pattern: str) -> str | tuple[float, tuple[float, ...]]:
    """A dash pattern of the style sheet as a matplotlib line style."""
    return (0.0, tuple(float(length) for length in pattern.split())) if pattern else "-"


def shares_on(axis: Axis) -> None:
    """Write an axis's ticks as percentages."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: round_percent(value)))


def unit_axis(axes: Axes, which: str) -> None:
    """Make the x or the y axis run from 0 to 100 %, in quarters."""
    axes.set(**{f"{which}lim": (0.0, 1.0), f"{which}ticks": (0.0, 0.25, 0.5, 0.75, 1.0)})
    shares_on(axes.xaxis if which == "x" else axes.yaxis)


def _inlined(document: str, drawing: Drawing) -> Html:
    body = document[document.index("</metadata>") + len("</metadata>") : document.rindex("</svg>")]
    # The style that matplotlib writes would apply to the whole page; the page's own sheet has its rules.
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<[^>]+>", lambda tag: _themed(tag[0], drawing.name), body)
    box = f"0 0 {drawing.width * _POINTS_PER_INCH:g} {drawing.height * _POINTS_PER_INCH:g}"
    return element("svg", Html(body), viewBox=box, role="img", aria_label=drawing.label)


def _themed(tag: str, prefix: str) -> str:
    tag = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{prefix}-", tag)
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: _variable(found[0]), tag)


def _variable(colour_found: str) -> str:
    name = _COLOUR_NAMES.get(colour_found)
    return f"var(--{name})" if name else colour_found
