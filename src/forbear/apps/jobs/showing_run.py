"""Say what a run, an instruction or a look at the state came to."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from datetime import UTC, datetime

from forbear.adapters.sql.queries import open_queries
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.checkpointing import DayCheckpoints
from forbear.apps.jobs.closing import Closer, Tending, in_words, log_is_free
from forbear.apps.jobs.instructing import Teller, instruct, policy_from, promote_model, promote_policy, with_shares
from forbear.apps.jobs.orders import Told
from forbear.apps.jobs.policy_drafts import approved_policy, is_draft, note_promotion
from forbear.apps.jobs.running import RunRequest, World, run_worker
from forbear.apps.metrics.exporter import here, telling
from forbear.apps.records import require_worked
from forbear.apps.signals import until_told
from forbear.apps.telemetry import telemetry_of
from forbear.domain.errors import ConfigError
from forbear.domain.terms import Instruction
from forbear.engine.audit import anchor
from forbear.engine.closing import ClosingRule, is_due
from forbear.features.columns import day_of, micros
from forbear.features.local_time import local_time
from forbear.policy.document import Policy

_POLL_SECONDS = 0.002
_SWITCHES = {
    "start": Instruction.START_OUTREACH,
    "stop": Instruction.STOP_OUTREACH,
    "release": Instruction.RELEASE_VOLUME,
}


def show_run(
    home: Home, console: Console, request: RunRequest, close_by: ClosingRule | None = None, *, metrics: str = ""
) -> None:
    """Run the worker and say what it did. close_by: close due days as well, by this rule, while it runs.

    metrics: where it tells its metrics, "" for what the settings say.
    """
    begun = time.monotonic()
    with ExitStack() as stack:
        _ = home.deployment
        telemetry = stack.enter_context(telemetry_of(home.folder, "worker"))
        journal = telemetry.journal
        told = stack.enter_context(until_told())
        request = replace(request, meter=stack.enter_context(telling(here(home, "worker", metrics))))
        points = DayCheckpoints(home, journal, lambda: datetime.now(UTC), time.monotonic)

        def waits() -> bool:
            points.tend()
            return not told.wait(_POLL_SECONDS)

        world = World(time.monotonic, waits, telemetry.tracer)
        if close_by is not None:
            closer = stack.enter_context(closing(Closer(home, close_by)))
            tending = Tending(closer, journal, time.monotonic, lambda: datetime.now(UTC))

            def wait() -> bool:
                tending.tend(lambda: log_is_free(home))
                return waits()

            world = World(time.monotonic, wait, telemetry.tracer)
        ran = run_worker(home, console, journal, request, world)
        points.make()
    seconds = time.monotonic() - begun
    console.result({**ran._asdict(), "seconds": round(seconds, 3)})
    console.say(
        f"Worked through {ran.events:,} events in {seconds:.1f} s: {ran.predictions:,} scores, {ran.decisions:,} "
        f"decisions; the log's next event is {ran.next_offset:,}"
    )
    if ran.again:
        console.say(f"{ran.again:,} events before them had been recorded already, and were read again in silence")


def show_promotion(teller: Teller, console: Console, asked: tuple[str | None, str, str]) -> tuple[Told, ...]:
    """Promote a model (its kind), a policy (its file) with cut-offs by shares, or both, and say where it stands."""
    kind, source, shares = asked
    home = teller.home
    if kind is None and not source:
        raise ConfigError("nothing to promote", mend="name a --model, a --policy, or both")
    if shares and is_draft(source):
        raise ConfigError("a draft has lines of its own", mend="leave out --shares")
    told: list[Told] = []
    policy = _named(home, source) if source else None
    if policy is not None and shares:
        policy = with_shares(home, policy, shares_in(shares), kind, console)
    if kind is not None:
        told += promote_model(teller, kind)
    if policy is not None:
        if is_draft(source):
            note_promotion(home, source, teller.by, teller.now)
        told.append(promote_policy(teller, policy))
    console.result({"told": [asdict(one) for one in told]})
    for one in told:
        console.say(f"{one.instruction.replace('_', ' ')} {one.value[:12]}: in force from offset {one.offset:,} on")
    if kind is not None:
        console.say("Nobody else had to agree: this home has no approvers (`forbear models found` names them)")
    if policy is not None:
        console.say("Bands: " + ", ".join(f"{band.name} from {band.enter:.2%}" for band in policy.bands))
    return tuple(told)


def _named(home: Home, source: str) -> Policy:
    return approved_policy(home, source) if is_draft(source) else policy_from(home, source)


def show_switch(teller: Teller, console: Console, what: str) -> None:
    """Start, stop or release outreach, and say where that stands."""
    told = instruct(teller, _SWITCHES[what])
    console.result(asdict(told))
    console.say(f"{told.instruction.replace('_', ' ')}: in force from offset {told.offset:,} on")


def show_status(home: Home, console: Console, now: datetime) -> None:
    """Say how far the worker is, and what a day that is due waits for. Raises ConfigError where none ever ran."""
    require_worked(home)
    with closing(open_queries(f"sqlite:///{home.database}")) as queries, closing(home.source()) as source:
        found = queries.status()
        end = source.end
    status = found.value
    facts: dict[str, object] = {
        "recorded": list(found.as_of),
        "end": end,
        "lag": end - found.as_of.offset,
        "last_day": None if status.last_day is None else day_of(status.last_day).isoformat(),
        "waiting": _waiting(home, status.last_day, now),
        "rows": dict(status.rows),
        "model": status.model and status.model.digest,
        "policy": status.policy and status.policy.digest,
        "reasons": status.reasons and status.reasons.digest,
        "audit": status.head and anchor(status.head),
    }
    console.result(facts)
    console.table("Worker", ["", "now"], [[name.replace("_", " "), _words(value)] for name, value in facts.items()])


def _waiting(home: Home, last_day: int | None, now: datetime) -> str | None:
    """Why the open day is not closed although it is due; None where it may be, or is not due."""
    rule, zone = ClosingRule(), local_time(home.deployment.time_zone)
    if last_day is None or not is_due(last_day + 1, micros(now), zone, rule.grace_minutes):
        return None
    with closing(Closer(home, rule)) as closer:
        return in_words(closer.look(now)) or None


def _words(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{count:,} {name}" for name, count in value.items() if count)
        case int():
            return f"{value:,}"
        case list():
            return ":".join(f"{part:,}" for part in value)
    return "-" if value is None else str(value)


def shares_in(text: str) -> tuple[float, ...]:
    """Shares as people write them. Raises ConfigError for what is none."""
    try:
        return tuple(float(part.strip().removesuffix("%")) / (100 if "%" in part else 1) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--shares {text!r} are no numbers", mend="write them like 1%,2%,5%") from error
