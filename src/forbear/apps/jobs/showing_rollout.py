"""What `forbear models rollout`, `stop` and `watch` show."""

from __future__ import annotations

from dataclasses import asdict

import msgspec

from forbear.apps.console import Console, interval
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import Teller
from forbear.apps.jobs.promoting import Person, propose_rollout
from forbear.apps.jobs.rolling_out import AtClose, RolloutRequest, Watched, prepared, roll_out, stop_rollout, watched
from forbear.domain.errors import NotEnoughData
from forbear.engine.arms import spread
from forbear.features.columns import day_of
from forbear.policy.rollout import Guard


def show_rollout(teller: Teller, request: RolloutRequest, console: Console) -> None:
    """Roll a challenger out, and say where that stands."""
    rollout, told = roll_out(teller, request)
    console.result({**asdict(told), "challenger": rollout.challenger, "percent": rollout.percent, "salt": rollout.salt})
    console.say(
        f"{rollout.challenger[:12]} scores {rollout.percent:g} % of the customers from offset {told.offset:,} on; each "
        f"close of a day judges it from {rollout.guard.least_customers:,} customers of each arm on"
    )


def show_proposed(home: Home, request: RolloutRequest, person: Person, why: str, console: Console) -> None:
    """Propose a roll-out, and say what must follow."""
    rollout = prepared(home, request)
    proposal = propose_rollout(home, console, rollout, person, why)
    console.result({"proposal": proposal.short, **msgspec.to_builtins(proposal), "percent": rollout.percent})
    console.say(
        f"Proposal {proposal.short}: {rollout.challenger[:12]} for {rollout.percent:g} % of the customers, by "
        f"{proposal.by}: {proposal.why}"
    )
    console.say(f"Nothing is in force by it. Somebody else than {proposal.by} runs: forbear models approve")
    console.say(proposal.short)


def show_stop(teller: Teller, console: Console) -> None:
    """Stop a roll-out, and say where that stands."""
    told = stop_rollout(teller)
    console.result(asdict(told))
    console.say(f"The champion scores everybody from offset {told.offset:,} on")


def show_watched(home: Home, console: Console) -> Watched:
    """Say what the newest roll-out has come to. Raises NotEnoughData where there is none."""
    found = watched(home)
    if found is None:
        raise NotEnoughData(
            "the worker has come to no roll-out", mend="`forbear models rollout` starts one, `forbear run` goes on"
        )
    console.result(found.document())
    why = f": {found.why.replace('_', ' ')}" if found.why else ""
    ended = "" if found.ended_at is None else f" at offset {found.ended_at:,}"
    console.say(
        f"{found.rollout.challenger[:12]} for {found.rollout.percent:g} %, by {found.by} from offset {found.since:,} "
        f"on: {found.state}{ended}{why}"
    )
    if found.closes:
        console.table(
            f"Challenger less champion, plus or minus {found.rollout.guard.standard_errors:g} standard errors",
            ("Day", "Champion", "Challenger", "Share in a band", "Mean PD", "The rule says"),
            [_row(one, found.rollout.guard) for one in found.closes],
        )
    return found


def _row(one: AtClose, guard: Guard) -> tuple[str, ...]:
    cells = (spread(points, guard) for points in (one.arms.in_band_points, one.arms.mean_pd_points))
    return (
        day_of(one.day).isoformat(),
        f"{one.arms.champion.customers:,}",
        f"{one.arms.challenger.customers:,}",
        *(interval(cell, "+.4f") for cell in cells),
        one.says.replace("_", " ") or "go on",
    )
