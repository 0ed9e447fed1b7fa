"""What would take one customer out of risk, by what a person can still change within 30 days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from forbear.models.reasons.catalogue import Change, Values
from forbear.models.reasons.selection import Teller
from forbear.models.results import Floats

HALVINGS = 20
"""How finely the last change is shrunk: to a millionth of the way."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Step:
    """One change: a quantity that goes from `start` to `target`, and the PD with it and the steps before it."""

    change: Change
    start: float
    target: float
    pd: float


@dataclass(frozen=True, slots=True)
class WayOut:
    """The smallest set of changes below a cut-off, or how far all of them together go.

    cutoff, pd, pd_after: PDs in [0, 1].  steps: the one with the largest effect first, none where nothing needs to
    change or nothing can.  below: the customer is not in risk as they are.  enough: pd_after < cutoff.
    """

    cutoff: float
    pd: float
    steps: tuple[Step, ...]

    @property
    def pd_after(self) -> float:
        """PD with all steps."""
        return self.steps[-1].pd if self.steps else self.pd

    @property
    def below(self) -> bool:
        """Whether there is nothing to get out of."""
        return self.pd < self.cutoff

    @property
    def enough(self) -> bool:
        """Whether the steps suffice."""
        return self.pd_after < self.cutoff

    @property
    def outcome(self) -> str:
        """The name of what the catalogue says about it."""
        if self.below:
            return "below"
        if not self.steps:
            return "nothing"
        return "enough" if self.enough else "not_enough"


def capacity_cutoff(probabilities: Floats, budget: float) -> float:
    """The PD from which a customer is among the riskiest share of a book. probabilities: (n,), n > 0.

    budget: (0, 1]; the capacity is rounded up, so at least one customer is in risk.  Until a policy document
    states cut-offs, this one follows from what a bank can do.
    """
    capacity = max(1, int(np.ceil(budget * len(probabilities) - _ROUNDING)))
    return float(np.partition(probabilities, len(probabilities) - capacity)[len(probabilities) - capacity])


def find_way_out(teller: Teller, row: Floats, values: Values, cutoff: float, unit_minor: int) -> WayOut:
    """The smallest set of changes that takes one customer's PD below a cut-off.

    row: (k,).  values: its features and figures by name.  unit_minor: what targets are rounded to, to the better side.
    Every subset of the changes that help is tried at its calm point, the smallest first, among equals the one with
    the lowest PD; then the weakest change of it is taken only as far as it must go. If all of them together do
    not suffice they are all given. Other things are taken to stay as they are.
    """
    pd = float(teller.scorer.predict(row[np.newaxis])[0])
    if pd < cutoff:
        return WayOut(cutoff, pd, ())
    searched = _Search(teller, row, values, unit_minor)
    helping = searched.helping(pd)
    chosen = searched.smallest(helping, cutoff)
    if chosen is None:
        return WayOut(cutoff, pd, searched.steps(helping))
    return WayOut(cutoff, pd, searched.steps((*chosen[:-1], searched.shrunk(chosen, cutoff))))


@dataclass(frozen=True, slots=True)
class _Moved:
    """A change with the quantity that it is taken to, and by how much it lowers the PD alone."""

    change: Change
    start: float
    target: float
    drop: float = 0.0


@dataclass(frozen=True, slots=True)
class _Search:
    teller: Teller
    row: Floats
    values: Values
    unit_minor: int

    def helping(self, pd: float) -> tuple[_Moved, ...]:
        """Changes that lower the PD enough to be named, the strongest first, each at its calm point."""
        full = [moved for change in self.teller.catalogue.changes if (moved := self._full(change)) is not None]
        if not full:
            return ()
        alone = self.teller.scorer.predict(np.array([self._row([moved]) for moved in full]))
        helping = [
            _Moved(moved.change, moved.start, moved.target, pd - float(after))
            for moved, after in zip(full, alone, strict=True)
            if after < pd * (1.0 - self.teller.limits.drop)
        ]
        return tuple(sorted(helping, key=lambda moved: (-moved.drop, moved.change.code)))

    def smallest(self, helping: Sequence[_Moved], cutoff: float) -> tuple[_Moved, ...] | None:
        """The smallest subset below the cut-off, None if there is none."""
        for size in range(1, len(helping) + 1):
            subsets = list(combinations(helping, size))
            after = self.teller.scorer.predict(np.array([self._row(subset) for subset in subsets]))
            best = int(np.argmin(after))
            if after[best] < cutoff:
                return subsets[best]
        return None

    def shrunk(self, chosen: Sequence[_Moved], cutoff: float) -> _Moved:
        """The last of some changes, taken only as far as it must go: bisection between now and its calm point."""
        last = chosen[-1]
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            target = self._rounded(last.change, last.start + middle * (last.target - last.start))
            rows = self._row([*chosen[:-1], _Moved(last.change, last.start, target)])
            if self.teller.scorer.predict(rows[np.newaxis])[0] < cutoff:
                high = middle
            else:
                low = middle
        return _Moved(
            last.change, last.start, self._rounded(last.change, last.start + high * (last.target - last.start))
        )

    def steps(self, chosen: Sequence[_Moved]) -> tuple[Step, ...]:
        """The changes with the PD after each."""
        if not chosen:
            return ()
        after = self.teller.scorer.predict(np.array([self._row(chosen[: n + 1]) for n in range(len(chosen))]))
        return tuple(Step(one.change, one.start, one.target, float(pd)) for one, pd in zip(chosen, after, strict=True))

    def _full(self, change: Change) -> _Moved | None:
        """The change that puts all its alarming features right; None if none alarms or a figure is not known."""
        start = self.values[change.quantity]
        quoted = {**self.values, "now": start, "target": start}
        if np.isnan(start) or not (change.text.known(quoted) and change.none.known(quoted)):
            return None
        alarming = self.teller.alarming(self.row)
        needed = [
            move.needed(self._feature(move.feature), scale, start, self.teller.calm[move.feature].calm)
            for move in change.moves
            if alarming[self.teller.columns[move.feature]] and (scale := self.values[move.scale]) > 0.0
        ]
        known = [quantity for quantity in needed if np.isfinite(quantity)]
        if not known:
            return None
        target = self._rounded(change, max(known) if change.toward > 0 else max(change.keeps * start, min(known)))
        return _Moved(change, start, target) if change.toward * (target - start) > 0.0 else None

    def _rounded(self, change: Change, quantity: float) -> float:
        units = quantity / self.unit_minor
        whole = np.ceil(units - _ROUNDING) if change.toward > 0 else np.floor(units + _ROUNDING)
        return float(whole * self.unit_minor)

    def _row(self, chosen: Sequence[_Moved]) -> Floats:
        """(k,) the row with everything that follows the changes; no feature is in two of them."""
        row = self.row.copy()
        for moved in chosen:
            for move in moved.change.moves:
                scale = self.values[move.scale]
                if scale > 0.0:
                    column = self.teller.columns[move.feature]
                    row[column] = move.moved(row[column], scale, moved.start, moved.target)
        return row

    def _feature(self, name: str) -> float:
        return float(self.row[self.teller.columns[name]])
