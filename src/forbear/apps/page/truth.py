"""The page's section on a synthetic bank: models beside what can be reached, trials beside what is true."""

from __future__ import annotations

from forbear.apps.page.markup import Html, column, element, joined, row_heading, small, table
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, RATIO, SLOPE, Notation
from forbear.models.results import Figure
from forbear.simulation.known import KnownTruth
from forbear.simulation.trial import Trial

_POINTS = Notation(lambda _: 2, factor=100.0, signed=True)
"""Differences of shares, in percentage points."""


def truth_tables(truth: KnownTruth) -> Html:
    """Two tables: the models and the truth, and what was estimated of each kind of help and what it truly does."""
    return joined([_models(truth), _trials(truth.trials)])


def truth_in_words(truth: KnownTruth) -> str:
    """How near the leading model comes to what can be reached."""
    best, model = truth.reachable, truth.models[0]
    return (
        f"Every household was lived on {COUNT.write(best.futures)} times from its hidden state on each of these days, "
        f"so its true probability is known. Who knew it would rank what happened with an AUC of "
        f"{RATIO.write(best.auc.value)}, about what can be reached at all; {model.model} reaches "
        f"{RATIO.write(model.auc.value)}."
    )


def _models(truth: KnownTruth) -> Html:
    best, models = truth.reachable, truth.models
    rows = [
        _row("AUC", "what happened", best.auc, [one.auc for one in models], RATIO),
        _row("AUC", "other futures", best.auc_of_futures, [one.auc_of_futures for one in models], RATIO),
        _row("Mean probability", "", best.mean, [one.mean for one in models], PERCENT),
        _row("Calibration slope", "against the truth; 1 is right", None, [one.slope for one in models], SLOPE),
        _row("Correlation", "with the true probability", None, [one.correlation for one in models], RATIO),
    ]
    head = [column("Figure"), column("Truth"), *(column(one.model) for one in models)]
    caption = f"{COUNT.write(best.rows)} customer-days, {COUNT.write(best.positives)} followed by a miss."
    return table(caption, head, element("tbody", *rows), name="Models beside the truth")


def _row(name: str, more: str, of_truth: Figure | None, of_models: list[Figure], notation: Notation) -> Html:
    cells = [_cell(of_truth, notation), *(_cell(figure, notation) for figure in of_models)]
    return element("tr", row_heading(name, small(more)), *cells)


def _cell(figure: Figure | None, notation: Notation) -> Html:
    if figure is None:
        return element("td", DASH)
    return element("td", notation.write(figure.value), small(notation.interval(figure)))


def _trials(trials: tuple[Trial, ...]) -> Html:
    titles = ("Help", "Estimate", "Truth", "Covered", "Helped", "Harmed", "Displaced")
    rows = [_trial(trial) for trial in trials]
    caption = (
        "Change of the share that misses a payment, in percentage points: a randomised comparison among the riskiest "
        "fifth, beside the truth from both lives of everyone. Displaced: a miss moved to another bill."
    )
    return table(caption, [column(title) for title in titles], element("tbody", *rows), name="Trials of help")


def _trial(trial: Trial) -> Html:
    true = trial.truth
    shares = (true.helped, true.harmed, true.displaced)
    return element(
        "tr",
        row_heading(trial.kind.name.lower().replace("_", " ")),
        element("td", _POINTS.write(trial.estimate.value), small(_POINTS.interval(trial.estimate))),
        element("td", _POINTS.write(true.average)),
        element("td", "yes" if trial.covered else "no"),
        *(element("td", PERCENT.write(share)) for share in shares),
    )
