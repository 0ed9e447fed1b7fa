"""Rehearsals: what a model and a policy would have decided, beside a home that nobody touches."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forbear.adapters.sql.queries import open_queries
from forbear.adapters.vault import FileVault
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.rehearsing import REHEARSAL, keys_beside
from forbear.apps.jobs.running import running
from forbear.domain.events import encode
from forbear.engine.audit import verify
from forbear.engine.outputs import Outputs, Position
from forbear.engine.queries import whole_chain
from forbear.testing.builders import transaction
from forbear.testing.outputs import assert_same, assert_same_predictions

Cli = Callable[..., Any]
Contents = Callable[[Path], dict[str, bytes]]
LIVE, LAST = date(2023, 5, 25), date(2023, 6, 13)
"""Of the promoted home: the first live day, and the day of its last event."""
SHARES = ("--policy", "shipped", "--shares", "8%,15%,25%")
MOST = 1_000_000


@pytest.fixture(scope="module")
def ran(cli: Cli, promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same once its worker has worked through the log. Copy it before you change it."""
    home = Path(shutil.copytree(promoted, tmp_path_factory.mktemp("ran") / "home"))
    assert cli("run", "--once", "--home", home).code == 0
    return home


@pytest.fixture(scope="module")
def kept(cli: Cli, ran: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The store of a rehearsal of all that the worker worked through, and what was said of it."""
    into = tmp_path_factory.mktemp("kept") / "deep" / "rehearsal.db"
    return into, rehearsed(cli, ran, LIVE, "--into", into)


def rehearsed(cli: Cli, home: Path, first: date, *more: object) -> Any:
    """What a rehearsal from a day on says."""
    return cli("run", "--replay", "--from", first, "--home", home, *more, "--json").document


def recorded(store: Path, consumer: str) -> Outputs:
    """Everything in a store, whose chain verifies."""
    with closing(open_queries(f"sqlite:///{store}", consumer=consumer)) as queries:
        assert verify(whole_chain(queries)) is None
        return queries.recorded(MOST).value


def without_keys(outputs: Outputs) -> Outputs:
    """Outputs but for ciphertexts, and for the chain, which commits to these."""
    return replace(outputs, audit=(), parts=(), decisions=tuple(replace(one, sealed=b"") for one in outputs.decisions))


def test_a_rehearsal_of_what_ran_is_what_ran(ran: Path, kept: tuple[Path, Any]) -> None:
    """Same model, same policy, from the first live event: equal rows, and under other keys equal contents."""
    into, said = kept
    ours, theirs = recorded(into, REHEARSAL), recorded(ran / "forbear.db", "worker")

    assert len(theirs.predictions or ()) > 1_000
    assert {one.outcome for one in theirs.decisions} > {"offer"}
    assert_same(without_keys(ours), without_keys(theirs))
    assert (ours.until, len(ours.audit)) == (theirs.until, len(theirs.audit))
    assert [part.digest for part in ours.parts] == [part.digest for part in theirs.parts]
    assert said["rehearsed"] == said["recorded"]
    with closing(FileVault(keys_beside(into))) as one, closing(FileVault(ran / "keys.db")) as other:
        for mine, other_ in zip(ours.decisions, theirs.decisions, strict=True):
            about = mine.decision_id.encode()
            opened = one.open(mine.customer, mine.sealed, about)
            assert opened is not None
            assert opened == other.open(mine.customer, other_.sealed, about)
            assert mine.sealed != other_.sealed


def test_a_rehearsal_is_labelled(cli: Cli, ran: Path, kept: tuple[Path, Any]) -> None:
    """For people, for scripts, and in its store, where no worker has a position and nobody but it has promoted."""
    into, said = kept
    ours = recorded(into, REHEARSAL)
    shown = cli("run", "--replay", "--from", LAST, "--home", ran).out

    assert (said["rehearsal"], said["synthetic"]) == (True, True)
    assert "Rehearsal of 2023-06-13 to 2023-06-13" in shown
    assert "nobody is told of it" in shown
    assert recorded(into, "worker").until == Position(-1)
    assert {part.by for part in ours.parts} == {REHEARSAL}


def test_a_rehearsal_is_reported_on_as_such(cli: Cli, ran: Path, kept: tuple[Path, Any], tmp_path: Path) -> None:
    """Its page has the figures of the home's own, names itself a rehearsal, and stands beside the rehearsal's store."""
    store = Path(shutil.copy(kept[0], tmp_path / "what-if.db"))
    shutil.copy(keys_beside(kept[0]), keys_beside(store))
    home = Path(shutil.copytree(ran, tmp_path / "home"))
    own, rehearsal = (cli("report", "--home", home, *more, "--json").document for more in ((), ("--rehearsal", store)))
    pages = [Path(said.pop("page")) for said in (own, rehearsal)]
    texts = [page.read_text(encoding="utf-8") for page in pages]

    assert pages == [home / "reports" / "report.html", tmp_path / "what-if-report.html"]
    assert ["Rehearsal: Early delinquency" in text for text in texts] == [False, True]
    assert ["Nobody was told of it" in text for text in texts] == [False, True]
    assert rehearsal.pop("rehearsal")
    assert own["audit"].pop("anchor") != rehearsal["audit"].pop("anchor")
    assert own == rehearsal
    gone = cli("report", "--home", home, "--rehearsal", tmp_path / "none.db")
    assert (gone.code, "--replay --into" in gone.err) == (2, True)


def test_a_worker_does_not_take_a_rehearsal_for_its_own(
    cli: Cli, ran: Path, kept: tuple[Path, Any], tmp_path: Path
) -> None:
    """A rehearsal's store in the place of a home's is refused by the worker, and stays as it was."""
    home = Path(shutil.copytree(ran, tmp_path / "home"))
    shutil.copy(kept[0], home / "forbear.db")
    ended = cli("run", "--once", "--home", home)

    assert (ended.code, "does not lead to what is recorded" in ended.err) == (7, True)
    assert_same(recorded(home / "forbear.db", REHEARSAL), recorded(kept[0], REHEARSAL))


def test_the_home_stays_as_it_is(cli: Cli, ran: Path, contents_of: Contents) -> None:
    """Whatever is rehearsed, every byte of the home is the same, and nothing is left beside it."""
    before, beside = contents_of(ran), sorted(ran.parent.iterdir())
    rehearsed(cli, ran, LIVE, "--to", LIVE, "--model", "expert", "--policy", "shipped")
    rehearsed(cli, ran, LAST, "--shares", "5%,10%,20%")

    assert contents_of(ran) == before
    assert sorted(ran.parent.iterdir()) == beside


def test_while_a_worker_runs(
    cli: Cli, promoted: Path, kept: tuple[Path, Any], contents_of: Contents, tmp_path: Path
) -> None:
    """Beside a worker that holds its home a rehearsal reads the log, and disturbs neither it nor what a kill leaves."""
    home = Home(Path(shutil.copytree(promoted, tmp_path / "home")))
    with running(home) as worker:
        worker.start(home.feed, home.snapshots, told_before(home))
        assert worker.step(800) is not None
        worker.wait()
        said = rehearsed(cli, home.folder, LIVE)
        killed = Path(shutil.copytree(home.folder, tmp_path / "killed"))
        assert worker.step(100) is not None
    before = contents_of(killed)
    again = rehearsed(cli, killed, LIVE)

    assert before["forbear.db-wal"]
    assert {name: data for name, data in contents_of(killed).items() if not name.endswith("-shm")} == {
        name: data for name, data in before.items() if not name.endswith("-shm")
    }
    assert said["rehearsed"] == again["rehearsed"] == kept[1]["rehearsed"]
    assert 0 < said["recorded"]["closes"] < said["rehearsed"]["closes"]


def test_a_range_that_begins_later_has_the_same_scores(cli: Cli, ran: Path, tmp_path: Path) -> None:
    """Begun in the middle and ended before the end, its predictions are those that the home recorded of these days."""
    first, last = LIVE + timedelta(days=7), LAST - timedelta(days=4)
    into = tmp_path / "later.db"
    said = rehearsed(cli, ran, first, "--to", last, "--into", into)
    ours, theirs = recorded(into, REHEARSAL), recorded(ran / "forbear.db", "worker").predictions
    assert ours.predictions is not None
    assert theirs is not None
    inside = (theirs.offset >= ours.predictions.offset[0]) & (theirs.offset < ours.until.offset)
    judged = {"reason", "band", "verdict"}
    blank = {name: np.zeros(1) for name in judged}

    assert_same_predictions(replace(ours.predictions, **blank), replace(theirs.take(inside), **blank))
    assert len(ours.predictions) == said["predictions"] > 100
    assert said["rehearsed"]["scored"] == said["recorded"]["scored"]
    assert said["rehearsed"]["closes"] == 9


def test_shares_are_those_of_the_book_before_the_first_day(cli: Cli, promoted: Path, contents_of: Contents) -> None:
    """Cut-offs derived for the first live day are those that `promote` derived then; no policy is kept for it."""
    before = contents_of(promoted)
    in_force = rehearsed(cli, promoted, LIVE, "--to", LIVE)
    named = rehearsed(cli, promoted, LIVE, "--to", LIVE, "--model", "expert", *SHARES)
    later = rehearsed(cli, promoted, LAST, "--model", "expert", *SHARES)

    assert (named["policy"], named["rehearsed"]) == (in_force["policy"], in_force["rehearsed"])
    assert (named["recorded"], later["bands"] != named["bands"]) == (None, True)
    assert contents_of(promoted) == before


def test_what_people_told_the_home_is_passed_over(cli: Cli, ran: Path, tmp_path: Path) -> None:
    """A kill switch in the days that are rehearsed holds in the home, and not in the rehearsal."""
    home = Path(shutil.copytree(ran, tmp_path / "home"))
    assert cli("outreach", "stop", "--home", home).code == 0
    assert cli("sweep", "--force", "--by", "M. Muster", "--home", home).code == 0
    said = rehearsed(cli, home, LAST)

    assert said["recorded"]["decisions"]["kill_switch"] > 0
    assert "kill_switch" not in said["rehearsed"]["decisions"]


@pytest.mark.parametrize(
    ("asked", "code", "told"),
    [
        (("--from", "2023-06-10", "--to", "2023-06-01"), 2, "swap them"),
        (("--from", "2023-01-01"), 4, "begin later"),
        (("--from", "2019-01-01"), 4, "begin later"),
        (("--from", "2023-06-01", "--to", "2023-07-01"), 4, "nothing was received after"),
        (("--from", "2024-06-01"), 4, "nothing was received after"),
        (("--from", LAST, "--model", "boosting"), 2, "train"),
        (("--from", LAST, "--policy", "nowhere.toml"), 2, "no file"),
        (("--from", LAST, "--shares", "1%,2%"), 2, "2 shares for 3 bands"),
        (("--from", LAST, "--close"), 2, "--close"),
        ((), 2, "--from"),
    ],
)
def test_what_cannot_be_rehearsed_is_said(cli: Cli, ran: Path, asked: tuple[object, ...], code: int, told: str) -> None:
    """Days in the wrong order, before or beyond what is known, and parts that are not there, each with its mend."""
    ended = cli("run", "--replay", *asked, "--home", ran)

    assert (ended.code, told in ended.err) == (code, True), ended.err


def test_without_anything_in_force_it_must_be_named(cli: Cli, promoted: Path, tmp_path: Path) -> None:
    """Where nothing was promoted, first a model and then a policy is asked for; named, they are rehearsed."""
    home = Path(shutil.copytree(promoted, tmp_path / "home", ignore=shutil.ignore_patterns("worker")))
    for named, told in (((), "no model"), (("--model", "expert"), "no policy")):
        ended = cli("run", "--replay", "--from", LAST, *named, "--home", home)
        assert (ended.code, told in ended.err) == (2, True)

    assert rehearsed(cli, home, LAST, "--model", "expert", "--policy", "shipped")["rehearsed"]["scored"] > 0


def test_days_without_any_event_are_said(cli: Cli, copied: Path, tmp_path: Path) -> None:
    """Days between two events, on which nothing came, cannot be rehearsed."""
    (tmp_path / "more.jsonl").write_bytes(encode(transaction(77, day=100)))
    assert cli("send", tmp_path / "more.jsonl", "--home", copied).code == 0
    ended = cli("run", "--replay", "--from", "2025-01-01", "--to", "2025-02-01", "--home", copied)

    assert (ended.code, "nothing was received from 2025-01-01 to 2025-02-01" in ended.err) == (4, True)


def test_a_home_that_was_never_live_can_be_rehearsed(cli: Cli, copied: Path, contents_of: Contents) -> None:
    """Where there is no log the archive is all; nothing is made in the home."""
    before = contents_of(copied)
    said = rehearsed(cli, copied, date(2024, 3, 20), "--model", "expert", "--policy", "shipped")

    assert (said["to"], said["rehearsed"]["closes"], said["recorded"]) == ("2024-03-31", 12, None)
    assert contents_of(copied) == before


def test_no_place_is_written_over(cli: Cli, ran: Path, kept: tuple[Path, Any], tmp_path: Path) -> None:
    """A file that is there, keys that are there, and any place in the home are refused, and stay as they were."""
    (tmp_path / "free-keys.db").write_bytes(b"other keys")
    (tmp_path / "link").symlink_to(ran)
    taken = kept[0].read_bytes()
    refused = (
        kept[0],
        tmp_path / "free.db",
        ran / "forbear.db",
        ran / "new.db",
        tmp_path / "link" / "new.db",
        tmp_path,
    )
    for into in refused:
        ended = cli("run", "--replay", "--from", LAST, "--into", into, "--home", ran)
        assert (ended.code, "is there already" in ended.err or "lies in the home" in ended.err) == (2, True), ended.err

    assert kept[0].read_bytes() == taken
    assert sorted(path.name for path in tmp_path.iterdir()) == ["free-keys.db", "link"]


def test_what_goes_with_replay_goes_with_nothing_else(cli: Cli, ran: Path) -> None:
    """Options of a rehearsal without --replay are wrong use: nobody promotes by running."""
    for option, value in (("--from", LAST), ("--model", "expert"), ("--policy", "shipped"), ("--into", "x.db")):
        assert cli("run", "--once", option, value, "--home", ran).code == 2
