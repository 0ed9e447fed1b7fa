"""How a customer's score moved lately, and why: a part of the customer's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forbear.apps.page.canvas import Drawing, colour, dashes, draw, shares_on
from forbear.apps.page.frame import section
from forbear.apps.page.legend import absent, key_line, key_square, plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import PERCENT, SPACE, Notation
from forbear.apps.report.path import WINDOWS, Path, path_of, points_of, steps_of
from forbear.apps.report.plots import BAND_COLOURS, days_on
from forbear.apps.report.wording import Wording, dated
from forbear.domain.errors import ModelMismatch
from forbear.engine.queries import Scored
from forbear.models.results import Figure
from forbear.models.trajectory import LEVEL_DAYS, Points, level_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

TITLE = "How it moves"
SHOWN_DAYS = 2 * max(WINDOWS)
"""Of closes, before the newest: what the longest window and the one before it take in."""
MOTION = Notation(lambda _: 4, signed=True)
"""Log-odds per day, and per day and day."""
STEP = Notation(lambda _: 3, signed=True)
"""Log-odds."""


def trajectory_section(name: str, scores: Sequence[Scored], wording: Wording) -> Html:
    """The path of a score at day closes with its velocity, its acceleration, and why it moved in a week.

    scores: at closes, the newest first. Nothing without any, or where no model is in force.
    """
    if not scores or wording.model is None:
        return Html()
    closes = [one for one in reversed(scores) if one.day > scores[0].day - SHOWN_DAYS]
    features: Any = wording.model.document["features"]
    try:
        path = path_of(name, closes, features, None)
    except ModelMismatch as error:
        return section(TITLE, "", _curve(points_of(closes), wording), absent(f"Why it moved is not told: {error}."))
    lead = (
        f"The level is the score of {LEVEL_DAYS} days without its day-to-day noise. Intervals speak of that noise "
        "alone, and take closes as independent, which they are not: read them as too narrow."
    )
    return section(TITLE, lead, _curve(points_of(closes), wording), _motions(path), _why(path))


def _curve(points: Points, wording: Wording) -> Html:
    levels = level_of(points.day, points.pd)
    bands = [(band.name, band.enter) for band in wording.policy.bands] if wording.policy else []
    newest = dated(points.day[-1])
    summary = f"Closed {newest}: {PERCENT.write(float(points.pd[-1]))}, level {PERCENT.estimate(levels[-1])}."
    drawing = Drawing("path", f"Probability at day closes, and its level. {summary}", height=3.4, width=11.0)
    key = element(
        "ul",
        key_square("navy", "at each day close"),
        key_line("accent", "", text=f"level, with its 95{SPACE}% interval"),
        class_="legend",
    )
    drawn = plotted(_path_plot(points, levels, bands, drawing))
    figure = element("figure", key, drawn, element("figcaption", summary), class_="card whole")
    return element("div", figure, class_="grid")


def _path_plot(points: Points, levels: Sequence[Figure], bands: Sequence[tuple[str, float]], drawing: Drawing) -> Html:
    """PDs as dots, their level as a line with a band, and where the bands of the policy begin."""

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        value, low, high = np.array([(one.value, one.low, one.high) for one in levels]).T
        axes.fill_between(points.day, low, high, color=colour("accent"), alpha=0.14, linewidth=0.0)
        axes.plot(points.day, value, color=colour("accent"), linewidth=2.0)
        dots: dict[str, Any] = {"markersize": 3.0, "color": colour("navy"), "linestyle": "none"}
        axes.plot(points.day, points.pd, "o", **dots)
        top = min(1.0, 1.4 * float(max(points.pd.max(), np.nan_to_num(value).max())))
        for place, (name, enter) in enumerate(bands):
            if enter < top:
                line = colour(BAND_COLOURS[place % len(BAND_COLOURS)])
                axes.axhline(enter, color=line, linewidth=0.9, linestyle=dashes("4 3"))
                where = axes.get_yaxis_transform()
                axes.text(1.0, enter, name, color=line, size=9.5, va="bottom", ha="right", transform=where)
        axes.set_ylim(0.0, top)
        shares_on(axes.yaxis)
        days_on(axes, int(points.day[0]) - 1, int(points.day[-1]) + 1)
        axes.set_title("Probability of a missed payment within 30 days", loc="left", color=colour("muted"))

    return draw(drawing, paint)


def _motions(path: Path) -> Html:
    rows = [
        element(
            "tr",
            row_heading(f"{one.days} days", small(f"{one.points} closes")),
            *(
                element("td", MOTION.write(told.value), small(MOTION.interval(told)))
                for told in (one.velocity, one.acceleration)
            ),
        )
        for one in path.motions
    ]
    head = [column("Window"), column("Velocity"), column("Acceleration")]
    caption = (
        "Velocity: slope of the log-odds, per day. Acceleration: that slope less the one of the window before, per day "
        f"and day. With 95{SPACE}% intervals (Student, Welch); a dash where a window has too few closes."
    )
    return table(caption, head, element("tbody", *rows), name="Motion")


def _why(path: Path) -> Html:
    rows = [element("tr", row_heading(name), element("td", STEP.write(step))) for name, step in steps_of(path.moved)]
    rows.append(element("tr", row_heading("together"), element("td", STEP.write(path.moved.change))))
    pds = [PERCENT.write(float(path.points.pd[place])) for place in (0, -1)]
    caption = (
        f"Why the score moved from {pds[0]} at the close of {dated(path.points.day[0])} to {pds[1]} at that of "
        f"{dated(path.points.day[-1])}: what each feature added to the log-odds, which sum to the change."
    )
    head = [column("Feature"), column("Added")]
    return table(caption, head, element("tbody", *rows), name="Why it moved")
