"""The command line: thin, quick to start, each command a few lines over a job."""

from __future__ import annotations

import io
import os
import sys
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.main

from forbear.apps import (
    cli_api,
    cli_audit,
    cli_calls,
    cli_cases,
    cli_contacts,
    cli_credit,
    cli_dashboard,
    cli_experiment,
    cli_fairness,
    cli_flow,
    cli_import,
    cli_live,
    cli_logs,
    cli_model_story,
    cli_models,
    cli_monitor,
    cli_online,
    cli_ops,
    cli_outreach,
    cli_portfolio,
    cli_promotion,
    cli_quarter,
    cli_replay,
    cli_report,
    cli_rollout,
    cli_run,
    cli_store,
    cli_stream,
    cli_stress,
    cli_thresholds,
    cli_up,
    cli_validate,
    cli_wording,
    cli_worker,
)
from forbear.apps.commands import app, command
from forbear.apps.options import (
    DEFAULT_HOME,
    MADE,
    AnyKind,
    DownturnOption,
    Every,
    HardshipOption,
    HomeOption,
    JsonOption,
    Kind,
    Lang,
    LiveFromOption,
    ReplaceOption,
    SeedOption,
    day,
)
from forbear.domain.errors import ConfigError

_ELSEWHERE = (
    *(cli_api, cli_audit, cli_calls, cli_cases, cli_contacts, cli_credit, cli_dashboard, cli_experiment),
    *(cli_fairness, cli_flow, cli_import, cli_live, cli_logs, cli_model_story, cli_models, cli_monitor),
    *(cli_online, cli_ops, cli_outreach, cli_portfolio, cli_promotion, cli_quarter, cli_replay, cli_report),
    *(cli_rollout, cli_run, cli_store, cli_stream, cli_stress, cli_thresholds, cli_up, cli_validate),
    *(cli_wording, cli_worker),
)
"""Importing these registers their commands; the tuple keeps the imports in sight."""


def _now() -> str:
    """When a page is made, in words."""
    return datetime.now(UTC).strftime(MADE)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """See financial stress before a payment is missed, say why, and prove it."""
    if version:
        import forbear

        typer.echo(forbear.__version__)
        raise typer.Exit


@command(
    app,
    "simulate",
    """
    forbear simulate --customers 2000 --days 540
    forbear simulate --customers 10000 --seed 3 --home big-bank
    forbear simulate --live-from 2024-05-01 --home live-bank
    forbear simulate --downturn-on 2024-01-15 --hardship 8 --home hard-times
    """,
)
def simulate(
    customers: Annotated[int, typer.Option(help="Households.")] = 2_000,
    days: Annotated[int, typer.Option(help="Days of history.")] = 540,
    start: Annotated[date, typer.Option(parser=day, help="First day.")] = date(2023, 1, 1),
    seed: SeedOption = 7,
    live_from: LiveFromOption = None,
    downturn_on: DownturnOption = None,
    hardship: HardshipOption = 5.0,
    home: HomeOption = DEFAULT_HOME,
    replace: ReplaceOption = False,
    json: JsonOption = False,
) -> None:
    """Make a synthetic bank whose missed payments emerge from cash that is not there."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.demo import simulate_bank
    from forbear.simulation.spec import BankSpec

    spec = BankSpec(
        customers=customers,
        days=days,
        start=start,
        seed=seed,
        downturn_on=downturn_on,
        hardship=hardship if downturn_on else 1.0,
    )
    simulate_bank(Home(home), spec, Console(json=json), replace=replace, live_from=live_from)


@command(
    app,
    "train",
    """
    forbear train --until 1997-01-01
    forbear train --every week --model scorecard
    forbear train --model boosting --model scorecard --model ensemble
    forbear train --table UCI_Credit_Card.csv --label default.payment.next.month --folds 5
    """,
)
def train(
    until: Annotated[
        date | None, typer.Option(parser=day, help="Use nothing known from this day on; label windows end by it too.")
    ] = None,
    every: Annotated[Every, typer.Option(help="How often the book is observed.")] = Every.MONTH,
    model: Annotated[
        list[Kind] | None, typer.Option(help="Which to train; boosting and scorecard if left out.")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="Cross-validate on a ready-made feature table instead.")] = None,
    label: Annotated[str, typer.Option(help="With --table: the column of 0 and 1 to foresee.")] = "",
    folds: Annotated[int, typer.Option(help="With --table: how many folds.")] = 5,
    include: Annotated[list[str] | None, typer.Option(help="With --table: use a column that is left out.")] = None,
    seed: SeedOption = 0,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Train a readable scorecard and gradient-boosted trees on everything known before a date."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.modelling import KINDS, TRAINABLE, TrainingRequest
    from forbear.apps.jobs.showing import show_table, show_training
    from forbear.apps.jobs.table import TableRequest

    console = Console(json=json)
    asked = set(KINDS) if model is None else {str(one) for one in model}
    kinds = tuple(kind for kind in TRAINABLE if kind in asked)
    if table is not None:
        if not label:
            raise ConfigError("--table needs --label", mend="name the column of 0 and 1 that is to be foreseen")
        request = TableRequest(path=table, label=label, folds=folds, seed=seed, include=include or (), kinds=kinds)
        show_table(request, console)
    else:
        show_training(Home(home), console, TrainingRequest(until=until, every=every.value, kinds=kinds, seed=seed))


@command(
    app,
    "backtest",
    """
    forbear backtest --from 1997-01-01 --to 1997-12-31
    forbear backtest --from 1997-01-01 --to 1997-12-31 --json
    """,
)
def backtest(
    first: Annotated[date, typer.Option("--from", parser=day, help="First as-of date.")],
    last: Annotated[date, typer.Option("--to", parser=day, help="Last as-of date.")],
    model: Annotated[Kind | None, typer.Option(help="The model that leads.")] = None,
    seed: SeedOption = 0,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Test the trained models on days that they have not seen, and write a page with the plots."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.backtesting import Request
    from forbear.apps.jobs.showing import show_backtest

    if last < first:
        raise ConfigError(f"--to {last} lies before --from {first}", mend="swap them")
    request = Request(first=first, last=last, kind=model and model.value, seed=seed, created=_now())
    show_backtest(Home(home), request, Console(json=json))


@command(
    app,
    "score",
    """
    forbear score --top 20
    forbear score --as-of 1997-06-01 --out scores.csv
    forbear score --model expert
    """,
)
def score(
    as_of: Annotated[
        date | None, typer.Option(parser=day, help="Ask at 00:00 of this day; default: after the last.")
    ] = None,
    model: Annotated[AnyKind | None, typer.Option(help="Which model; default: the best one that was trained.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the riskiest to print.")] = 10,
    out: Annotated[Path | None, typer.Option(help="Write everybody's score and features to this CSV file.")] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Score every eligible customer with what was known at a day close."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.scoring import ScoreRequest
    from forbear.apps.jobs.showing import show_scores

    request = ScoreRequest(kind=model and model.value, as_of=as_of, top=top, out=out)
    show_scores(Home(home), Console(json=json), request)


@command(
    app,
    "explain",
    """
    forbear explain C0000017
    forbear explain 2843 --as-of 1997-06-01 --lang de
    forbear explain C0000017 --model expert --json
    """,
)
def explain(
    customer: Annotated[str, typer.Argument(help="The customer's id, as the feed gives it.")],
    as_of: Annotated[
        date | None, typer.Option(parser=day, help="Ask at 00:00 of this day; default: after the last.")
    ] = None,
    model: Annotated[AnyKind | None, typer.Option(help="Which model; default: the best one that was trained.")] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the sentences.")] = Lang.ENGLISH,
    top: Annotated[int, typer.Option(min=1, max=10, help="How many reasons to tell at most.")] = 4,
    budget: Annotated[float, typer.Option(help="Share of the book that counts as in risk.")] = 0.05,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Say why one customer has that score, in words, and what would take them out of risk."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.explaining import ExplainRequest
    from forbear.apps.jobs.showing_reasons import show_explanation

    request = ExplainRequest(
        customer=customer, kind=model and model.value, as_of=as_of, language=lang.value, most=top, budget=budget
    )
    show_explanation(Home(home), Console(json=json), request)


@command(
    app,
    "truth",
    """
    forbear truth --from 2024-05-01 --to 2024-11-01
    forbear truth --from 2024-05-01 --to 2024-11-01 --futures 400 --json
    """,
)
def truth(
    first: Annotated[date, typer.Option("--from", parser=day, help="First as-of date.")],
    last: Annotated[date, typer.Option("--to", parser=day, help="Last as-of date.")],
    futures: Annotated[int, typer.Option(min=4, max=10_000, help="Lives a customer-day; a multiple of 4.")] = 200,
    seed: SeedOption = 0,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Hold the models, and trials of help, against what is true of every customer of a synthetic bank."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.known_truth import TruthRequest
    from forbear.apps.jobs.showing_truth import show_truth

    if last < first:
        raise ConfigError(f"--to {last} lies before --from {first}", mend="swap them")
    threads = os.cpu_count() or 1
    request = TruthRequest(first=first, last=last, futures=futures, seed=seed, threads=threads)
    show_truth(Home(home), request, Console(json=json))


@command(app, "demo", "forbear demo\nforbear demo --customers 5000 --home demo-home")
def demo(
    customers: Annotated[int, typer.Option(help="Households.")] = 3_000,
    seed: SeedOption = 7,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Everything on a synthetic bank: simulate, train, backtest, score, and a page to look at."""
    from forbear.apps.home import Home
    from forbear.apps.jobs.demo import run_demo

    run_demo(Home(home), customers=customers, seed=seed, made_at=datetime.now(UTC), json=json)


@cache
def commands() -> Any:
    """Every command with its options, as click has them: made once, for it takes longer than most of them parse."""
    return typer.main.get_command(app)


def main() -> None:
    """Entry point: a bug ends with status 1 and one line, not with a traceback; FORBEAR_DEBUG=1 shows it."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # it was closed (>&-)
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115  # for as long as the process runs
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if "FORBEAR_SUPERVISOR" in os.environ:
        from forbear.apps.stream.lifeline import end_with_supervisor

        end_with_supervisor()
    for library in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        # Our matrices are small: more threads would spend their time on waiting for each other.
        os.environ.setdefault(library, "1")
    try:
        commands()()
    except Exception as error:
        if "FORBEAR_DEBUG" in os.environ:
            raise
        from forbear.apps.console import complain

        where = f"{type(error).__name__}: {error}"
        complain(f"internal error: {where}; set FORBEAR_DEBUG=1 for the traceback and report it")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
