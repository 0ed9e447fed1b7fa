"""What the policy cockpit answers from: the newest scores, the policy in force, what help costs, and who people are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np

from forbear.apps.api.board import Board, View
from forbear.apps.api.periodic import Periodic
from forbear.apps.api.trails import TrailKeeper, Trails
from forbear.apps.home import Home
from forbear.apps.jobs.contact_law import jurisdiction_here
from forbear.apps.jobs.fairness import TERMS
from forbear.apps.jobs.fairness_people import People
from forbear.apps.jobs.groups import groups_file
from forbear.apps.jobs.policy_groups import Groups, Steps, read_people
from forbear.apps.jobs.policy_what_if import Basis
from forbear.apps.jobs.thresholds import CLOSES
from forbear.apps.jobs.thresholds_inputs import economics_of, own_economics
from forbear.apps.package_data import shipped
from forbear.domain.credit import EarlyPd
from forbear.domain.errors import BackendUnavailable, ConfigError, NotEnoughData
from forbear.engine.desk import Desk
from forbear.engine.outputs import Part
from forbear.features.columns import day_of
from forbear.features.ledger import Floats
from forbear.models.economics import Economics
from forbear.models.fairness_terms import FairnessDocument, parse_fairness
from forbear.models.fairness_terms import Terms as FairnessTerms
from forbear.models.thresholds import ScoredBook, highest_so_far
from forbear.policy.document import Policy
from forbear.policy.reading import parse_policy

EVERY_SECONDS = 2.0
_LAST_DAY = 2**31 - 1
NOT_READ = "the closes of the last days are not read yet"
ONE_CLOSE = "fewer than two closes of the model in force are recorded"
NO_GROUPS = "no file tells who the customers are: name one as `groups` in the table [api] of services.toml"


@dataclass(frozen=True, slots=True)
class Closes:
    """Of the last closes the highest PDs so far. days: of them, oldest first.  why: there are none to count from."""

    days: tuple[date, ...]
    highest: Sequence[Floats]
    why: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept up beside the answers."""

    board: Board
    trails: TrailKeeper


@dataclass(frozen=True)
class Stand:
    """Everything that one question is answered from, of one instant. part: the policy in force, as recorded.

    groups: None where no file tells of them.
    """

    view: View
    part: Part
    basis: Basis
    closes: Closes
    groups: Groups | None

    @cached_property
    def steps(self) -> Steps:
        """The lines that groups are looked at by. Raises ValueError without groups."""
        if self.groups is None:
            raise ValueError("no groups are told of")
        return Steps.of(self.basis.totals, self.groups.least)


class CockpitSource:
    """Keeps what is costly to find between questions. Safe for many threads.

    groups: a file of who customers are in the place of a synthetic bank's own; None for that one, if there is one.
    """

    def __init__(self, home: Home, desk: Desk, kept: Kept, groups: Path | None) -> None:
        self._home, self._desk, self._kept, self._groups = home, desk, kept, groups
        self._turn, self._reading = Lock(), Lock()
        self.weighing_chance = Lock()
        self._economics: Economics | None = None
        self._policy: tuple[str, Policy] | None = None
        self._stand: Stand | None = None
        self._people: tuple[tuple[int, int], People] | None = None
        self._grouped: Groups | None = None
        self._seen: Trails | None = None
        self._closes = Closes((), (), NOT_READ)
        self._keeping = Periodic("cockpit", self.refresh, EVERY_SECONDS, at_once=True)

    @property
    def synthetic(self) -> bool:
        """Whether the bank was made up."""
        return self._home.synthetic

    @property
    def own_economics(self) -> bool:
        """Whether what help costs and brings is the bank's own statement."""
        return own_economics(self._home) is not None

    def start(self) -> None:
        """Begin to read closes, and who people are, in a thread."""
        self._keeping.start()

    def stop(self) -> None:
        """End the thread."""
        self._keeping.stop()

    def stand(self) -> Stand:
        """What is true now. Raises NotEnoughData while nobody is scored or no policy is in force, ConfigError for what
        help costs or a file of groups that cannot be used, and what the desk raises.
        """
        view, parts = self._kept.board.now, self._desk.parts("policy").value
        if not parts:
            raise NotEnoughData("no policy is in force yet", mend="`forbear promote` puts one in force")
        if not len(view):
            raise NotEnoughData("nobody is scored yet", mend="wait for the close of a day")
        with self._turn:
            there, closes = self._stand, self._closes
            if (
                there is None
                or there.view is not view
                or there.closes is not closes
                or there.part.number != parts[-1].number
            ):
                book = ScoredBook(EarlyPd(view.standings.pd), view.standings.customer.view(np.int64))
                basis = Basis(self._parsed(parts[-1]), self._stated(), book, closes.highest)
                there = self._stand = Stand(view, parts[-1], basis, closes, None)
            groups = self._groups_of(view)
            if there.groups is not groups:
                there = self._stand = replace(there, groups=groups)
            return there

    def refresh(self) -> None:
        """Take in the closes that came since, and who people are."""
        with self._reading:
            self._read_closes()
        view = self._kept.board.now
        if len(view):
            with self._turn:
                self._groups_of(view)

    # ---- inside

    def _parsed(self, part: Part) -> Policy:
        if self._policy is None or self._policy[0] != part.digest:
            if not (text := str(part.document.get("text", ""))):
                raise NotEnoughData(
                    "the policy in force was recorded without its text",
                    mend="put one in force anew: `forbear promote --policy shipped`, or a file of your own",
                )
            self._policy = part.digest, parse_policy(text)
        return self._policy[1]

    def _stated(self) -> Economics:
        if self._economics is None:
            self._economics = economics_of(self._home, None, "")
        return self._economics

    def _groups_of(self, view: View) -> Groups | None:
        """The groups of a book; None where no file tells of them. Two books of the same people share theirs."""
        path = groups_file(self._home, self._groups)
        if path is None:
            return None
        if not path.is_file():
            raise ConfigError(f"{path} is no file", mend="name a file of groups in services.toml, or none")
        seen = path.stat()
        mark = seen.st_mtime_ns, seen.st_size
        if self._people is None or self._people[0] != mark:
            self._people, self._grouped = (mark, read_people(path)), None
        keys = view.standings.customer
        if self._grouped is None or not np.array_equal(self._grouped.keys, keys):
            self._grouped = Groups(self._people[1], _terms_here(self._home), keys)
            _ = self._grouped.pairs  # it takes longer than an answer may
        return self._grouped

    def _read_closes(self) -> None:
        try:
            trails = self._kept.trails.now
        except BackendUnavailable:
            return
        if trails is self._seen:
            return
        first, by_day = (
            self._first_day(),
            [{day: nth for nth, day in enumerate(one.closed.tolist())} for one in trails.trails],
        )
        common = set.intersection(*map(set, by_day)) if by_day else set[int]()
        days = sorted(day for day in common if day >= first)[-CLOSES:]
        if len(days) < 2:
            self._closes, self._seen = Closes((), (), ONE_CLOSE), trails
            return
        pieces = [
            np.stack([one.pd[where[day]] for day in days]) for one, where in zip(trails.trails, by_day, strict=True)
        ]
        highest = highest_so_far(np.concatenate(pieces, axis=1).astype(np.float64))
        self._closes, self._seen = Closes(tuple(map(day_of, days)), highest, ""), trails

    def _first_day(self) -> int:
        """The first close that the newest model has scored, as the lowest partition knows it."""
        marks, models = self._desk.marks(), self._desk.parts("model").value
        if not marks or not models:
            return 0
        begun = max(part.offset for part in models)
        rows = self._desk.of(min(marks)).days(0, _LAST_DAY).value
        return min((row.day for row in rows if row.offset >= begun), default=_LAST_DAY)


def _terms_here(home: Home) -> FairnessTerms:
    """By which shares of groups are judged where the lender lends; the house's own where no terms are shipped."""
    document: FairnessDocument = parse_fairness(shipped(TERMS))
    code = jurisdiction_here(home).upper()
    return document.terms(code if code in document.jurisdictions else "none")
