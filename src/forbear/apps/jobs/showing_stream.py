"""Show the production path while it runs, a live table or a line of JSON a second, and say what it came to."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from typing import Any

from forbear.adapters.kafka.topics import apply
from forbear.apps.console import Console, complain
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import SHIPPED, Teller
from forbear.apps.jobs.scoring import EXPERT
from forbear.apps.jobs.servers import Servers, begin_anew, servers_for, still_open
from forbear.apps.jobs.showing_run import show_promotion, show_switch
from forbear.apps.jobs.showing_up import UpRequest, state_of, supervised
from forbear.apps.jobs.streaming import Live, Now, Stage, StreamRequest, Summary, bank_for, summary_of
from forbear.apps.metrics.overseeing import listen_of, overseeing
from forbear.apps.signals import until_told
from forbear.apps.stream.control import ControlTopic
from forbear.apps.warming import warm_up
from forbear.features.columns import instant

_BY = "forbear stream"
_SAY_SECONDS = 5.0
_WORKERS = UpRequest(closer=False)
"""The feed closes the days, as a bank does that knows when its own are complete."""


def show_stream(home: Home, console: Console, request: StreamRequest) -> None:
    """Feed a synthetic bank's live days through the workers, and end all of it once everything is recorded.

    Ends with status 1 where something did not hold: something behind, unpublished, or not stopped in order. Raises
    KeyboardInterrupt if somebody asked for an end before that, and all has ended in order; else what `servers_for`,
    `bank_for`, `Stage` and `Supervisor.run` raise.
    """
    begun, steps = time.monotonic(), Console(quiet=not console.to_person)
    with servers_for(home, own=request.own_servers) as servers:
        where = "own, for this run" if servers.ports else "as the settings name them"
        steps.say(f"Kafka at {servers.services.cluster.bootstrap} and the store: {where}")
        warm_up()
        live = bank_for(home, steps, request)
        begin_anew(home, servers)
        apply(servers.services.cluster)
        with closing(Stage(home, servers, live)) as stage:
            stage.begin()
            _put_in_force(home, steps, servers, (live, request.shares))
            summary = _run(stage, console, servers, request.metrics)
    if open_ports := still_open(servers.ports):
        summary = replace(summary, wrong=[*summary.wrong, f"somebody answers at {open_ports} still"])
    _say(summary, console, time.monotonic() - begun)
    if summary.wrong:
        complain(f"it did not hold: {'; '.join(summary.wrong)}")
        raise SystemExit(1)


def _put_in_force(home: Home, console: Console, servers: Servers, asked: tuple[Live, str]) -> None:
    """Tell what is to be in force, received with the first live event: the bank lives in days of its own."""
    live, shares = asked
    teller = Teller(home, _BY, instant(live.first_us), ControlTopic(servers.services.cluster))
    show_promotion(teller, console, (EXPERT, SHIPPED, shares))
    show_switch(teller, console, "start")


def _run(stage: Stage, console: Console, servers: Servers, metrics: str) -> Summary:
    """Have it worked off, and everything ended in order. Raises KeyboardInterrupt where that was asked for before."""
    latest: list[Now] = []
    environment = {**os.environ, **servers.environment}
    workers = replace(_WORKERS, metrics=listen_of(stage.home, metrics, environment))
    with (
        until_told() as told,
        overseeing(stage.home, "stream", workers.metrics, environment) as oversight,
        supervised(stage.home, workers, servers.environment) as supervisor,
    ):
        with _screen(stage, console) as show:

            def look(seen: Any) -> None:
                oversight.saw(seen)
                if (now := stage.look(seen)) is not None:
                    latest[:] = [now]
                    show(now)

            supervisor.run(lambda: told.is_set() or stage.recorded_at is not None, look)
        stage.feeder.stop()
        if stage.recorded_at is None:
            raise KeyboardInterrupt
    return summary_of(stage, sum(one.restarts for one in latest[0].seen))


@contextmanager
def _screen(stage: Stage, console: Console) -> Iterator[Callable[[Now], None]]:
    """What shows how it stands; where nobody could see a table move, a sentence every few seconds."""
    if not (sys.stdout.isatty() and console.to_person):
        said = [-_SAY_SECONDS]

        def plainly(now: Now) -> None:
            console.result(_document(stage, now))
            if time.monotonic() - said[0] >= _SAY_SECONDS:
                said[0] = time.monotonic()
                console.say(_sentence(stage, now))

        yield plainly
        return
    from rich.console import Console as Rich
    from rich.live import Live as Shown

    screen = Rich(markup=False, emoji=False, highlight=False)
    with Shown(console=screen, auto_refresh=False) as shown:
        yield lambda now: shown.update(_table(stage, now), refresh=True)


def _sentence(stage: Stage, now: Now) -> str:
    states = {one.name: state_of(one, now.told[one.name], exact=False) for one in now.seen}
    if waiting := [f"{name} is {state}" for name, state in states.items() if state != "running"]:
        return f"{', '.join(waiting)}; fed {now.fed:,} of {stage.live.events:,} events"
    return (
        f"Fed {now.fed:,} of {stage.live.events:,} events; scorers take {now.per_second:,.0f}/s; "
        f"{now.counted('predictions'):,} predictions, {now.counted('decisions'):,} decisions"
    )


def _table(stage: Stage, now: Now) -> Any:
    from rich.table import Table

    table = Table(
        "Worker", "State", "Events/s", "Lag by partition", "Restarts", header_style="bold", title=_sentence(stage, now)
    )
    for column in (table.columns[2], table.columns[4]):
        column.justify = "right"
    for one in now.seen:
        own = now.told[one.name]
        lags = " ".join(f"{part}: {behind:,.0f}" for part, behind in _lag_of(own).items())
        rate = f"{own.get('events_per_s', 0):,.0f}"
        table.add_row(one.name, state_of(one, own), rate, lags or "-", str(one.restarts))
    table.caption = f"{now.seconds:,.0f} s; synthetic"
    return table


def _document(stage: Stage, now: Now) -> dict[str, object]:
    return {
        "synthetic": True,
        "seconds": round(now.seconds, 1),
        "events": stage.live.events,
        "fed": now.fed,
        "events_per_s": now.per_second,
        "predictions": now.counted("predictions"),
        "decisions": now.counted("decisions"),
        "recorded": now.recorded,
        "workers": [
            {
                "worker": one.name,
                "state": state_of(one, now.told[one.name]),
                "lag": _lag_of(now.told[one.name]),
                "restarts": one.restarts,
            }
            for one in now.seen
        ],
    }


def _lag_of(own: Mapping[str, Any]) -> Mapping[str, float]:
    found: Mapping[str, float] = own.get("gauges", {}).get("lag", {})
    return found


def _say(summary: Summary, console: Console, seconds: float) -> None:
    console.result({"synthetic": True, **asdict(summary), "all_seconds": round(seconds, 1)})
    rows = [
        ("transactions", f"{summary.transactions:,}"),
        ("events, closes among them", f"{summary.events:,}"),
        ("seconds, first fed to last recorded", f"{summary.seconds:,.1f}"),
        ("transactions/s", f"{summary.tx_per_s:,.0f}"),
        ("predictions in the store", f"{summary.predictions:,}"),
        ("decisions in the store", f"{summary.decisions:,}"),
        ("offers recorded", f"{summary.offers_recorded:,}"),
        ("offers on interventions-stream", f"{summary.offers_published:,}"),
        *((f"lag of {name} by partition", " ".join(map(str, behind))) for name, behind in summary.lags.items()),
        ("seconds in all", f"{seconds:,.0f}"),
    ]
    console.table("A synthetic bank, by Kafka into PostgreSQL", ("", "in the end"), rows)
    if not summary.wrong:
        console.say("Everything is recorded and published, and all processes have ended in order")
