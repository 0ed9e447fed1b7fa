"""What a home's worker has recorded of help, as the question of fairness takes it: need, offers and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from forbear.adapters.sql.desk import open_desk
from forbear.adapters.sql.queries import open_queries
from forbear.apps.home import Home
from forbear.apps.jobs.experimenting import Drawn, drawn_in
from forbear.apps.jobs.rehearsing import WORKER
from forbear.apps.report.foreseen import MOST_CLOSES
from forbear.apps.report.wording import OFFER
from forbear.domain.errors import NotEnoughData
from forbear.domain.terms import Answer
from forbear.engine.desk import Desk, Made, Picked
from forbear.engine.queries import MOST_ROWS, Queries
from forbear.features.hashing import Keys
from forbear.models.dataset import Bools
from forbear.models.evaluate import wilson
from forbear.models.fairness import UNKNOWN, Grouping
from forbear.models.fairness_help import HelpInputs
from forbear.models.results import Figure, Floats
from forbear.policy.proposals import HoldReason

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What one group was offered. offered: customers with an offer.  shares: of these, by action."""

    attribute: str
    group: str
    offered: int
    shares: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What is recorded of help under the policy in force. customers: (n,) keys, rising, of whoever was in need.

    offered, opted_out: keys.  actions: keys of who was offered each.  closes: of days read for who is in need.
    """

    drawn: Drawn
    customers: Keys
    offered: Keys
    opted_out: Keys
    actions: Mapping[str, Keys]
    closes: int

    def mixes(self, groupings: tuple[Grouping, ...], least: int) -> tuple[Mix, ...]:
        """What each group was offered, of groups of which at least so many were. groupings: of the customers, (n,)."""
        found = []
        for grouping in groupings:
            for place, name in enumerate(grouping.names):
                members = np.intersect1d(self.customers[grouping.codes == place], self.offered)
                if len(members) >= least:
                    shares = {
                        action: wilson(float(np.isin(members, keys).sum()), len(members))
                        for action, keys in self.actions.items()
                    }
                    found.append(Mix(attribute=grouping.attribute, group=name, offered=len(members), shares=shares))
        return tuple(found)

    def inputs(self, groupings: tuple[Grouping, ...]) -> HelpInputs:
        """As `examine_help` takes it. groupings: of the customers, (n,)."""
        every = self.drawn.every
        at = np.searchsorted(self.customers, np.array([one.customer for one in every], dtype=np.uint64))
        held = self._marked(at[[one.outcome == HoldReason.HOLD_OUT for one in every]])
        ripe = np.array([one.day < self.drawn.unripe for one in every], dtype=np.bool_)
        return HelpInputs(
            in_need=~held,
            offered=np.isin(self.customers, self.offered),
            opted_out=np.isin(self.customers, self.opted_out),
            drawn=self._marked(at),
            held=held,
            chance=self.drawn.policy.hold_out.share,
            missed=self._known(at, np.where(ripe, self.drawn.missed(every), UNKNOWN)),
            another=self._known(at, np.where(ripe, self.drawn.missed_another(every), UNKNOWN)),
            groupings=groupings,
        )

    def _marked(self, at: np.typing.NDArray[np.intp]) -> Bools:
        found = np.zeros(len(self.customers), dtype=np.bool_)
        found[at] = True
        return found

    def _known(self, at: np.typing.NDArray[np.intp], values: Floats) -> np.typing.NDArray[np.int64]:
        found = np.full(len(self.customers), UNKNOWN, dtype=np.int64)
        found[at[::-1]] = values[::-1]  # of two decisions of one customer the first counts
        return found


def recorded_help(home: Home, progress: Told | None = None) -> Recorded:
    """What the home's worker has recorded. progress: called with the number of closes read, MOST_CLOSES at the most.

    Raises NotEnoughData where no worker ran, nothing was decided, or what became of it is not known.
    """
    if not home.database.exists():
        raise NotEnoughData("no worker ever ran, so nobody was helped", mend="run `forbear run --once` first")
    if home.deployment.miss.kind != "missed_payment":
        raise NotEnoughData("the store does not know what became of an offer", mend="feed payment outcomes")
    url = f"sqlite:///{home.database}"
    with closing(open_queries(url, consumer=WORKER)) as queries, closing(open_desk(url, consumer=WORKER)) as desk:
        drawn = drawn_in(home, queries)
        offers = [one for one in _offers(desk) if one.decision.policy == drawn.number and one.decision.customer]
        need, closes = _in_need(queries, drawn, progress)
    if not drawn.every:
        raise NotEnoughData("nobody came to the draw of the hold-out yet", mend="wait, and ask again")
    offered = _keys([one.decision.customer for one in offers])
    opted = [one.decision.customer for one in offers if any(said.answer == Answer.OPTED_OUT for said in one.answers)]
    everybody = np.unique(np.concatenate([need, offered, _keys([one.customer for one in drawn.every])]))
    actions = {
        action: _keys([one.decision.customer for one in offers if one.decision.action == action])
        for action in sorted({one.decision.action for one in offers})
    }
    return Recorded(
        drawn=drawn, customers=everybody, offered=offered, opted_out=_keys(opted), actions=actions, closes=closes
    )


def _offers(desk: Desk) -> Iterator[Made]:
    beyond: int | None = None
    while True:
        page = desk.picked(Picked(outcome=OFFER), MOST_ROWS, beyond).value
        yield from page.made
        beyond = page.further
        if beyond is None:
            return


def _in_need(queries: Queries, drawn: Drawn, progress: Told | None) -> tuple[Keys, int]:
    """Keys of whoever was in a band of the policy at some closes, evenly over its days, and how many closes."""
    days = [row.day for row in drawn.days if row.scored]
    read = days[:: max(1, -(-len(days) // MOST_CLOSES))]
    found = [np.empty(0, dtype=np.uint64)]
    for done, day in enumerate(read, start=1):
        close = queries.day_close(day).value
        if close is not None:
            found.append(close.customer[(close.band >= 0) & (close.policy == drawn.number) & (close.customer != 0)])
        if progress is not None:
            progress(done)
    return np.unique(np.concatenate(found)), len(read)


def _keys(customers: Sequence[int]) -> Keys:
    return np.unique(np.array(customers, dtype=np.uint64))
