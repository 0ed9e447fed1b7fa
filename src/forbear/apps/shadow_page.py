"""The page of a challenger in the shadow: its scores beside the champion's, on the inputs that were recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forbear.apps.jobs.shadowing import Shadowed
from forbear.apps.page.canvas import Drawing, colour, draw
from forbear.apps.page.experiment import POINTS
from forbear.apps.page.frame import footer, section, synthetic_note, tiles, whole
from forbear.apps.page.legend import plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO
from forbear.apps.portfolio_page.plots import heat
from forbear.apps.report.wording import dated
from forbear.features.columns import day_number
from forbear.models.paired import PairedAuc

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

TITLE = "A challenger in the shadow"
_LIMITS = (
    "Compared are decisions: customers whom the champion's score had brought before the policy.",
    "Whom the challenger alone would have brought there they do not show; `forbear replay --model` answers that.",
    "The inputs are those that were sealed with each decision. Nothing was computed anew.",
    "Bands go by the lines to enter them, for both models: where a customer stood before is the champion's doing.",
    "The lists rank a day's proposals by PD alone; the policy also knows consent, cool-downs, reasons and channels.",
    "An offer may have kept a payment from being missed, which makes the champion look worse than it is.",
    "Those without an offer are shown by themselves; they are no random part of all.",
    "Erased customers are left out, and counted.",
)


def shadow_page(found: Shadowed, created: str, *, synthetic: bool) -> str:
    """The complete HTML page; equal results give equal text. created: when, in words."""
    recorded, seen = found.shadow.recorded, found.shadow
    span = f"{dated(day_number(found.first))} to {dated(day_number(found.last))}"
    same = seen.reproduced / len(recorded)
    header = element(
        "header",
        *([synthetic_note()] if synthetic else []),
        element("h1", TITLE),
        element("p", f"Decisions of {span}. Made {created}.", class_="eyebrow"),
        element("p", _headline(found), class_="headline"),
        tiles(
            ("Decisions", COUNT.write(len(recorded)), f"{COUNT.write(found.erased)} more of erased customers"),
            ("Mean PD of the champion", PERCENT.write(seen.mean_pd["champion"].value), "as it was recorded"),
            ("Mean PD of the challenger", PERCENT.write(seen.mean_pd["challenger"].value), "on the same inputs"),
            ("Scores of the champion that come out again", PERCENT.write(same), "to the last bit"),
        ),
    )
    main = element(
        "main",
        section("Both scores", "", _scores(found)),
        section(
            "Bands",
            "Each row is a band by the champion's PD; its cells say where the challenger's leads.",
            _bands(found),
        ),
        section("What became of it", _OUTCOMES, _outcomes(found)),
        section("Notes and limits", "", element("ul", *(element("li", note) for note in _LIMITS), class_="notes")),
    )
    facts = {"challenger": found.challenger.digest, "champions": ", ".join(found.champions)}
    return whole(TITLE, header, main, footer("Provenance", facts, created, synthetic=synthetic), synthetic=synthetic)


_BANDS = "Each row is a band by the champion's PD; its cells say where the challenger's leads."
_OUTCOMES = "Whether a payment was missed in the 30 days behind a decision, where that is known. Paired by customer."


def _headline(found: Shadowed) -> str:
    ranks, seen = found.shadow.ranks, found.shadow
    offered = int(np.count_nonzero(seen.recorded.offered))
    return (
        f"Of {COUNT.write(offered)} offers, the challenger would put {COUNT.write(seen.still_in_band)} into a band; of "
        f"lists as long as each day's offers, {COUNT.write(ranks.common)} of {COUNT.write(ranks.places)} places agree."
    )


def _scores(found: Shadowed) -> Html:
    seen = found.shadow

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        both = np.concatenate([seen.recorded.pd, seen.pd])
        low, high = max(float(both.min()), _LOWEST), float(both.max())
        axes.plot([low, high], [low, high], color=colour("muted"), linewidth=0.9)
        shown = np.maximum(seen.recorded.pd, low), np.maximum(seen.pd, low)
        axes.plot(*shown, ".", color=colour("accent"), markersize=3.0, alpha=0.35, rasterized=False)
        axes.set(xscale="log", yscale="log", xlabel="PD of the champion")
        axes.set_title("PD of the challenger", loc="left", color=colour("muted"))

    agreement = "not defined" if np.isnan(seen.agreement) else RATIO.write(seen.agreement)
    summary = (
        f"Mean PD: {PERCENT.estimate(seen.mean_pd['champion'])} by the champion, "
        f"{PERCENT.estimate(seen.mean_pd['challenger'])} by the challenger, difference "
        f"{POINTS.estimate(seen.mean_pd['difference'])} points. Rank correlation {agreement}."
    )
    drawing = Drawing("both-scores", f"PD of both models. {summary}", height=4.6)
    return element("figure", plotted(draw(drawing, paint)), element("figcaption", summary), class_="card")


def _bands(found: Shadowed) -> Html:
    moves = found.shadow.moves
    stayed = int(np.trace(moves.counts))
    summary = f"{COUNT.write(moves.counts.sum() - stayed)} of {COUNT.write(moves.counts.sum())} decisions change band."
    drawing = Drawing("bands", f"Bands by both models. {summary}", height=3.8)
    drawn = heat(moves, drawing, to="By the challenger")
    return element("figure", plotted(drawn), element("figcaption", summary), class_="card")


def _outcomes(found: Shadowed) -> Html:
    told = {"All": found.shadow.matured, "Without an offer": found.shadow.without_offer}
    rows = [_row(name, auc) for name, auc in told.items() if auc is not None]
    if not rows:
        return element("p", "It is not known yet what became of any of these decisions.")
    seen = [element("p", "The challenger has seen outcomes of these days in training: its AUC is too good.")]
    head = [column(name) for name in ("AUC", "Champion", "Challenger", "Difference")]
    return element(
        "div",
        *(seen if found.has_seen else []),
        table("With 95 % intervals.", head, element("tbody", *rows), name="AUC of both models"),
    )


def _row(name: str, auc: PairedAuc) -> Html:
    more = small(f"{COUNT.write(auc.rows)} decisions, {COUNT.write(auc.positives)} missed")
    cells = [element("td", RATIO.estimate(one)) for one in (auc.first, auc.second, auc.difference)]
    return element("tr", row_heading(name, more), *cells)


_LOWEST = 1e-5
"""PDs below this are drawn at it: a logarithmic axis has no 0."""
