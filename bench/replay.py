"""How long a year of a bank takes to be decided again under another policy, and whether nothing changes unasked.

    .venv/bin/python bench/replay.py                                     100,000 customers, 365 days
    .venv/bin/python bench/replay.py --customers 2000 --days 120 --recorded
    .venv/bin/python bench/replay.py --home somewhere                    keep the bank there, or take the one that is

A synthetic bank whose log holds the days, with a model of 200 trees and the shipped policy at shares in force. It is
replayed as it was; again with the model, the policy and the capacity in force named; and under a second policy: other
cut-offs, two of three places on the phone gone, a longer cool-down. --recorded has the worker run first, and holds the
replay against what that has recorded. The last line is one JSON object:
  minutes                       that the replay under the second policy took, the history before the first day included
  events, decisions             worked through and made by it
  differences_when_unchanged    decisions and closes of the second replay that are not those of the first
  differences_from_recorded     the same of the worker's records; null without --recorded
  differences_when_changed      the same of the replay under the second policy
  minutes_by_run                of each replay
  customers, days, peak_rss_mb  what was measured, and the most memory that the process ever held
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from live_bank import live_bank

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.recorded import recorded_of
from forbear.apps.jobs.rehearsing import in_force
from forbear.apps.jobs.replaying import Played, ReplayRequest, replay
from forbear.apps.jobs.running import running
from forbear.engine.replay_difference import compared

SHARES = (0.005, 0.01, 0.03)
"""Of the second policy; that in force has 1 %, 2 % and 4 %."""
_QUIET = Console(quiet=True)


def timed(home: Home, request: ReplayRequest) -> tuple[Played, float]:
    """A replay, and the minutes that it took."""
    began = time.perf_counter()
    played = replay(home, _QUIET, request)
    return played, (time.perf_counter() - began) / 60.0


def work(home: Home) -> None:
    """Have the worker take in the log, and record what it decides."""
    with running(home) as worker:
        worker.start(home.feed, home.snapshots, told_before(home))
        while worker.step(16_384) is not None:
            pass


def as_named(home: Home) -> ReplayRequest:
    """All that is in force, by name."""
    known = in_force(home)
    policy = home.policies / f"{known['policy']}.toml"
    return ReplayRequest(model=known["model"], policy=str(policy), capacity="phone=200,sms=5000")


def second_policy(home: Home, folder: Path) -> ReplayRequest:
    """Other cut-offs, a third of the places on the phone, a longer cool-down."""
    law = folder / "law.toml"
    law.write_text('name = "slower"\n[contact]\ncool_down_days = 14\n', encoding="utf-8")
    known = in_force(home)
    policy = str(home.policies / f"{known['policy']}.toml")
    return ReplayRequest(policy=policy, shares=SHARES, law=law, capacity="phone=66")


def main() -> None:
    """Replay, and print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--recorded", action="store_true")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home = Home((asked.home or folder) / "home")
        if not home.holds_data:
            home, _ = live_bank(asked.home or folder, asked.customers, asked.days + 1)
        from_recorded = None
        if asked.recorded:
            work(home)
        first, first_minutes = timed(home, ReplayRequest())
        if asked.recorded:
            recorded = recorded_of(home, first.replayed.first, first.replayed.past)
            assert recorded is not None
            from_recorded = compared(recorded, first.replayed).differences
        again, again_minutes = timed(home, as_named(home))
        unchanged = compared(first.replayed, again.replayed).differences
        del again
        other, minutes = timed(home, second_policy(home, folder))
        changed = compared(first.replayed, other.replayed)
    print(
        json.dumps(
            {
                "minutes": round(minutes, 2),
                "events": other.events,
                "decisions": len(other.replayed.decided),
                "differences_when_unchanged": unchanged,
                "differences_from_recorded": from_recorded,
                "differences_when_changed": changed.differences,
                "minutes_by_run": [round(taken, 2) for taken in (first_minutes, again_minutes, minutes)],
                "customers": asked.customers,
                "days": asked.days,
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            }
        )
    )


if __name__ == "__main__":
    main()
