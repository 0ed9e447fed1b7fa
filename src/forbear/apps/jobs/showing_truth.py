"""What `forbear truth` shows: models beside what can be reached, and trials beside what is true."""

from __future__ import annotations

from forbear.apps.console import Console, interval
from forbear.apps.home import Home
from forbear.apps.jobs.known_truth import TRIAL_SHARE, TruthRequest, find_truth
from forbear.models.results import Figure
from forbear.simulation.known import KnownTruth
from forbear.simulation.reachable import AgainstTruth, Reachable
from forbear.simulation.trial import Trial


def show_truth(home: Home, request: TruthRequest, console: Console) -> KnownTruth:
    """Hold models and trials against the truth, and show the figures."""
    found = find_truth(home, request, console)
    console.result(found.summary())
    print_truth(console, found)
    return found


def print_truth(console: Console, found: KnownTruth) -> None:
    """Models side by side with the truth, and trials with theirs."""
    best = found.reachable
    console.say(
        f"{best.rows:,} rows, {best.positives:,} misses, {best.customers:,} customers of a synthetic bank; "
        f"{best.futures} futures a row"
    )
    console.table(
        "Models beside the truth",
        ("95 % intervals over customers", "truth", *(model.model for model in found.models)),
        _model_rows(best, found.models),
    )
    console.say(f"Realised misses: {_percent(best.rate)} of the rows; slope on the true log-odds {_cell(best.slope)}")
    header = ("change of the share that misses", "estimate", "truth", "covered", "helped", "harmed", "displaced")
    console.table(
        f"Randomised trials among the riskiest {TRIAL_SHARE:.0%} of each month start, both lives of everyone known",
        header,
        [_trial_row(trial) for trial in found.trials],
    )


def _model_rows(best: Reachable, models: tuple[AgainstTruth, ...]) -> list[tuple[str, ...]]:
    nothing = "-"
    return [
        ("AUC, the lives that were lived", _cell(best.auc), *(_cell(one.auc) for one in models)),
        ("AUC, other futures", _cell(best.auc_of_futures), *(_cell(one.auc_of_futures) for one in models)),
        ("  short of what can be reached", nothing, *(_cell(one.shortfall) for one in models)),
        ("mean probability", _percent(best.mean), *(_percent(one.mean) for one in models)),
        ("correlation with the truth", nothing, *(_cell(one.correlation) for one in models)),
        ("RMSE to the truth", nothing, *(_percent(one.rmse) for one in models)),
        ("calibration slope against the truth", nothing, *(_cell(one.slope) for one in models)),
    ]


def _trial_row(trial: Trial) -> tuple[str, ...]:
    true = trial.truth
    return (
        trial.kind.name.lower().replace("_", " "),
        _percent(trial.estimate),
        f"{true.average:+.2%}",
        "yes" if trial.covered else "no",
        *(f"{share:.1%}" for share in (true.helped, true.harmed, true.displaced)),
    )


def _percent(found: Figure) -> str:
    return interval(found, ".2%")


def _cell(found: Figure) -> str:
    return interval(found, ".3f")
