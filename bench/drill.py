"""Whether a worker that is killed, or runs out of disk, leaves what one leaves that nobody disturbed.

    .venv/bin/python bench/drill.py                  200 kills, and the disk full 20 times
    .venv/bin/python bench/drill.py --kills 8 --full 4 --customers 60

A small synthetic bank is prepared, its last days in the log. One worker runs to the end. On copies of the prepared
home others get SIGKILL at random instants, again and again, or find that no file may grow past some size; each is
started once more when it has died, until it comes to the end. Half of them follow the log, and archive while they do;
some of these die at one step after another of their archiving, at each file that it opens or renames. Then all that is
recorded, the archive and the log must be the same, byte by byte. The keys are those of the first run, so that the same
text gives the same ciphertext.
Sweeps, batches, segments and the distance of snapshots are made small, so that many instants lie within each.
The last line is one JSON object:
  kills, full          how many workers were killed; how many ended for want of room
  archiving            how many more were killed at a step of their archiving
  killed_while         where the store stood then: nothing recorded yet, between closes, within a close, at the end
  refused              what could not be written, by its place in the home
  homes                copies that came to the end, each the same as the undisturbed one
  events, predictions, decisions, contacts, audit    what is recorded in each
  left_over            most unfinished files that any of them was left with
  seconds              of one undisturbed run, and of the whole drill
Ends with an AssertionError where anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from forbear.adapters.snapshots import FileSnapshots
from forbear.adapters.sql.queries import open_queries
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs import archiving
from forbear.apps.jobs import running as jobs
from forbear.apps.jobs.demo import simulate_bank
from forbear.apps.jobs.instructing import LogOfHome, Teller, instruct
from forbear.apps.jobs.showing_run import show_promotion
from forbear.apps.telemetry import journal_of
from forbear.domain.errors import ForbearError, StorageError
from forbear.domain.terms import Instruction
from forbear.engine import scorer, worker
from forbear.engine.audit import verify
from forbear.engine.outputs import Outputs
from forbear.engine.queries import whole_chain
from forbear.models.explanation import ADDITIVITY_TOLERANCE
from forbear.simulation.spec import BankSpec
from forbear.testing.outputs import assert_same

DAYS = 200
SMALL = jobs.RunRequest(limit=97, keep_events=300)
MOST = 10_000_000
QUIET = Console(quiet=True)
NO_ROOM = 6
FULL_LOG = 1
SPARE_TURNS = 1_000
STEPS = {"open", "os.rename", "os.remove", "tempfile.mkstemp"}
MOST_STEPS = 500
PLACES = ("forbear.db", "keys.db", "archive", "worker/", "logs/", "log/")


@dataclass
class Tally:
    """What has happened so far."""

    kills: int = 0
    archiving: int = 0
    full: int = 0
    homes: int = 0
    left_over: int = 0
    while_: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


def make_small() -> None:
    """Cut everything small that the worker does in pieces."""
    scorer.SWEEP_ROWS = worker.SWEEP_ROWS = 16
    worker.CHUNK_ROWS = 32
    archiving.SEGMENT_ROWS = 600


def prepared(folder: Path, customers: int, live_days: int) -> Home:
    """A home whose worker never ran: history, a log, a model, a policy, and outreach."""
    home, spec = Home(folder), BankSpec(customers=customers, days=DAYS + live_days, seed=5)
    simulate_bank(home, spec, QUIET, replace=False, live_from=spec.start + timedelta(days=DAYS))
    show_promotion(teller(home), QUIET, ("expert", "shipped", "4%,8%,16%"))
    instruct(teller(home), Instruction.START_OUTREACH)
    return home


def run(home: Home) -> None:
    """The worker, to the end of the log."""
    with journal_of(home.folder / "logs" / "worker.jsonl") as journal:
        jobs.run_worker(home, QUIET, journal, SMALL, jobs.World(time.monotonic, lambda: False))


def follow(home: Home) -> None:
    """The worker as it follows its log, and archives meanwhile; it is told to end when all must be in."""
    with closing(home.source()) as source:
        turns = iter(range(source.end - home.archive.next_offset + SPARE_TURNS))
    world = jobs.World(time.monotonic, lambda: next(turns, None) is not None)
    with journal_of(home.folder / "logs" / "worker.jsonl") as journal:
        jobs.run_worker(home, QUIET, journal, replace(SMALL, follow=True), world)


def dying(step: int) -> Callable[[Home], None]:
    """The same, killed at so many steps of its archiving: where that opens, makes, renames or removes a file."""
    left = iter(range(step))

    def look(event: str, _: tuple[object, ...]) -> None:
        ours = threading.current_thread().name.startswith(archiving.THREAD)
        if ours and event in STEPS and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    def what(home: Home) -> None:
        sys.addaudithook(look)
        follow(home)

    return what


def begun(folder: Path, limit: int | None = None, what: Callable[[Home], None] = run) -> int:
    """The worker in a process of its own; no file of it may grow past so many bytes. Answers its number.

    what: does something else with the home.
    """
    sys.stdout.flush()
    if number := os.fork():
        return number
    code = 1
    try:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        what(Home(folder))
        code = 0
    except StorageError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        (folder / "refused").write_text(str(error))
        code = NO_ROOM
    finally:
        if code == 1:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)


def ended(number: int) -> int:
    """How a process ended: its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def place(folder: Path, scratch: Path) -> str:
    """Where the store of a dead worker stands. Asked of a copy: reading would mend what the crash has left."""
    scratch.mkdir(exist_ok=True)
    for name in ("forbear.db", "forbear.db-wal"):
        (scratch / name).unlink(missing_ok=True)
        if (folder / name).exists():
            shutil.copy(folder / name, scratch)
    try:
        with closing(open_queries(f"sqlite:///{scratch / 'forbear.db'}")) as queries:
            position = queries.status().as_of
    except ForbearError:
        return "nothing recorded yet"
    with closing(Home(folder).source()) as source:
        end = source.end
    if position.offset < 0:
        return "nothing recorded yet"
    if position.ordinal:
        return "within a close"
    return "at the end" if position.offset == end else "between closes"


def recorded(home: Home) -> Outputs:
    """Everything in the store of a home, once the chain verifies and the attributions add up."""
    with closing(open_queries(f"sqlite:///{home.database}")) as queries:
        assert verify(whole_chain(queries)) is None
        sums = queries.additivity().value
        assert sums.rows
        assert sums.largest_error <= ADDITIVITY_TOLERANCE * 10
        return queries.recorded(MOST).value


def files(folder: Path) -> dict[str, bytes]:
    """Archive and log, file by file, but for locks and for what a killed process was writing."""
    found = (path for name in ("archive", "log") for path in (folder / name).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if not path.name.startswith(".")}


def require_same(home: Home, undisturbed: Home, tally: Tally) -> None:
    """A home that came to the end is as the undisturbed one is, and its snapshots can be read."""
    one, other = recorded(home), recorded(undisturbed)
    assert one.until == other.until
    assert_same(one, other)
    assert files(home.folder) == files(undisturbed.folder)
    assert Home(home.folder).archive.next_offset == one.until.offset
    kept = FileSnapshots(home.worker).latest()
    assert kept is not None
    assert kept.offset <= one.until.offset
    tally.homes += 1
    tally.left_over = max(tally.left_over, sum(1 for _ in home.folder.rglob(".writing-*")))


def killed_archiving(folder: Path, stride: int, tally: Tally) -> None:
    """Kill the worker of a home at one step of its archiving, then at one further on, until it does not get so far."""
    for step in range(0, MOST_STEPS, stride):
        code = ended(begun(folder, what=dying(step)))
        if code == 0:
            return
        assert code == -signal.SIGKILL, f"the worker ended with {code}"
        tally.archiving += 1
    raise AssertionError("it archives without an end")


def killed_until_done(folder: Path, chance: random.Random, most: int, tally: Tally, seconds: float) -> None:
    """Kill the worker of a home at one instant after another, so many times at most; then let it come to the end.

    seconds: how long it takes undisturbed; it is killed early, or at any time.
    """
    share, what = chance.choice((0.1, 0.25, 0.8)), chance.choice((run, follow))
    for _ in range(most):
        number = begun(folder, what=what)
        time.sleep(chance.uniform(0.0, share * seconds))
        os.kill(number, signal.SIGKILL)
        if (code := ended(number)) == 0:
            return
        assert code == -signal.SIGKILL, f"the worker ended with {code}"
        tally.kills += 1
        tally.while_[place(folder, folder.parent / "looked-at")] += 1
    assert ended(begun(folder)) == 0


def filled_until_done(folder: Path, limits: list[int], tally: Tally) -> None:
    """Let no file grow past one size after another; then give the worker all the room."""
    for limit in limits:
        if refused(folder, limit, run, tally) is None:
            return
    assert ended(begun(folder)) == 0


def refused(folder: Path, limit: int, what: Callable[[Home], None], tally: Tally) -> str | None:
    """Do something while no file may grow past a size. Answers what could not be written, None if all could be."""
    code = ended(begun(folder, limit, what))
    if code == 0:
        return None
    assert code == NO_ROOM, f"it ended with {code}"
    said = (folder / "refused").read_text().replace(str(folder) + os.sep, "")
    place = next((name for name in PLACES if name in said), said)
    tally.full += 1
    tally.refused[place] += 1
    return place


def filled_in_the_end(folder: Path, base: Home, tally: Tally) -> None:
    """Of a worker that was stopped before it archived, and of a person who stops outreach, with a full disk each."""
    old = {path.name for path in (base.folder / "archive").iterdir()}
    too_small = max(path.stat().st_size for path in (folder / "archive").glob("*.parquet") if path.name not in old) - 1
    shutil.rmtree(folder / "archive")
    shutil.copytree(base.folder / "archive", folder / "archive")
    where = refused(folder, too_small, run, tally)
    assert where == "archive", where
    before = files(folder)
    assert refused(folder, FULL_LOG, stop, tally) == "log/"
    assert files(folder) == before
    assert ended(begun(folder)) == 0


def stop(home: Home) -> None:
    """Put an instruction on the log."""
    instruct(teller(home), Instruction.STOP_OUTREACH)


def teller(home: Home) -> Teller:
    """Who tells a home what to do."""
    return Teller(home, "drill", datetime(2020, 1, 1, tzinfo=UTC), LogOfHome(home))


def drill(folder: Path, asked: argparse.Namespace) -> dict[str, object]:
    """All of it, in an empty folder."""
    chance, tally, start = random.Random(asked.seed), Tally(), time.monotonic()
    base = prepared(folder / "base", asked.customers, asked.days)
    undisturbed = Home(Path(shutil.copytree(base.folder, folder / "undisturbed")))
    run(undisturbed)
    shutil.copy(undisturbed.keys, base.keys)

    def copied() -> Path:
        shutil.rmtree(folder / "copy", ignore_errors=True)
        return Path(shutil.copytree(base.folder, folder / "copy"))

    began = time.monotonic()
    assert ended(begun(copied())) == 0
    seconds = time.monotonic() - began
    require_same(Home(folder / "copy"), undisturbed, tally)
    if asked.stride:
        killed_archiving(copied(), asked.stride, tally)
        require_same(Home(folder / "copy"), undisturbed, tally)
    while tally.kills < asked.kills:
        killed_until_done(copied(), chance, asked.kills - tally.kills, tally, seconds)
        require_same(Home(folder / "copy"), undisturbed, tally)
    sizes = sorted({path.stat().st_size for path in undisturbed.folder.rglob("*") if path.is_file()})
    for _ in range(asked.full):
        limits = [int(chance.uniform(0.0, 1.0) ** 3 * sizes[-1]) for _ in range(3)]
        filled_until_done(copied(), limits, tally)
        require_same(Home(folder / "copy"), undisturbed, tally)
    if asked.full:
        shutil.rmtree(folder / "copy")
        shutil.copytree(undisturbed.folder, folder / "copy")
        filled_in_the_end(folder / "copy", base, tally)
        require_same(Home(folder / "copy"), undisturbed, tally)
    whole = recorded(undisturbed)
    return {
        "kills": tally.kills,
        "archiving": tally.archiving,
        "full": tally.full,
        "killed_while": dict(tally.while_),
        "refused": dict(tally.refused),
        "homes": tally.homes,
        "events": whole.until.offset,
        "predictions": len(whole.predictions or ()),
        "decisions": len(whole.decisions),
        "contacts": len(whole.contacts),
        "audit": len(whole.audit),
        "left_over": tally.left_over,
        "seconds": [round(seconds, 2), round(time.monotonic() - start, 1)],
    }


def main() -> None:
    """Drill, and print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--full", type=int, default=20)
    parser.add_argument("--stride", type=int, default=1, help="steps of the archiving between two kills; 0: none")
    parser.add_argument("--customers", type=int, default=60)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    make_small()
    with tempfile.TemporaryDirectory(prefix="forbear-drill-") as folder:
        print(json.dumps(drill(Path(folder), asked)))


if __name__ == "__main__":
    main()
