"""Which share of each group of people stands above the lines of a policy, now and with other lines.

Protected attributes are read for this measurement alone: no line is chosen by them, and nothing is decided.

Lines are taken at steps of as many customers as a group must have: whoever may ask twice, and knows who stands between
two lines, would else learn a single person's group from the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np

from forbear.adapters.disk import storage_errors
from forbear.apps.jobs.fairness_people import People
from forbear.apps.jobs.groups import groups_in
from forbear.engine.bystander import NOT_TOLD
from forbear.features.hashing import Keys
from forbear.features.ledger import Floats
from forbear.models.dataset import Bools, Ints
from forbear.models.fairness import Grouping
from forbear.models.fairness_estimates import share_of_many
from forbear.models.fairness_terms import Measure, Terms
from forbear.models.fairness_verdicts import Compared, FairnessReport, Pair, compare, judged
from forbear.models.thresholds import Totals

MEASURE = Measure.DISPARATE_IMPACT
"""Share of a group that is above the lines, as a ratio to that of the group it is compared with."""


def read_people(path: Path) -> People:
    """Everybody whom a file of groups names. Each attribute's groups are compared with its largest.

    Raises as `groups_in` does.
    """
    members = {
        name: {group: keys for group, keys in groups.items() if group != NOT_TOLD}
        for name, groups in groups_in(path, None).items()
    }
    told = {name: groups for name, groups in members.items() if groups}
    largest = {name: int(np.argmax([len(keys) for keys in groups.values()])) for name, groups in told.items()}
    with storage_errors(f"cannot read {path}"):
        digest = sha256(path.read_bytes()).hexdigest()
    return People(members=told, against=largest, file=path, sha256=digest, recorded="")


@dataclass(frozen=True, slots=True)
class Looked:
    """Who is above one line, by group. above: customers above the line as it was taken.  own: of every group, the
    share; None where the group is too small to be told of.
    """

    above: int
    report: FairnessReport
    own: Mapping[tuple[str, str], float | None]

    def compared(self, attribute: str, group: str) -> Compared | None:
        """A group beside the one it is compared with; None for that one itself."""
        return next(
            (one for one in self.report.compared if (one.pair.attribute, one.pair.group) == (attribute, group)), None
        )


@dataclass(frozen=True)
class Groups:
    """The groups of a book of n customers. keys: (n,), everybody once."""

    people: People
    terms: Terms
    keys: Keys

    @cached_property
    def groupings(self) -> tuple[Grouping, ...]:
        """Of each attribute."""
        return self.people.groupings(self.keys)

    @cached_property
    def pairs(self) -> tuple[tuple[Pair, Bools, Bools], ...]:
        """Every comparison with the rows of either side."""
        rows = np.arange(len(self.keys))
        return tuple(one for grouping in self.groupings for one in grouping.members(rows))

    @property
    def least(self) -> int:
        """Customers that a group must have, and of which lines are taken at steps."""
        return self.terms.sizes.least_customers

    def look(self, pd: Floats, line: float) -> Looked:
        """Who stands above a line. pd: (n,).  line: one of the `Steps` that are `least` apart."""
        chosen = pd >= line
        terms = replace(self.terms, binding=frozenset({MEASURE}))
        own = {
            (one.attribute, name): self._share(one.codes == place, chosen)
            for one in self.groupings
            for place, name in enumerate(one.names)
        }
        found: list[Compared] = []
        for pair, mine, beside in self.pairs:
            both = share_of_many(*_counts(chosen, mine)), share_of_many(*_counts(chosen, beside))
            found += compare(pair, {MEASURE: both}, terms)
        return Looked(int(chosen.sum()), FairnessReport(terms, judged(found, terms)), own)

    def _share(self, rows: Bools, chosen: Bools) -> float | None:
        hits, size = _counts(chosen, rows)
        return hits / size if size >= self.least else None


@dataclass(frozen=True, slots=True)
class Steps:
    """The lines of a book that groups are looked at by. lines: (s,) least PDs, falling, the first infinite.

    customers: (s,) above each; between two of them stand at least as many as were asked for.
    """

    lines: Floats
    customers: Ints

    @classmethod
    def of(cls, totals: Totals, least: int) -> Self:
        """Those of a book, `least` customers apart or more."""
        above, places = totals.above, [0]
        while True:
            place = int(np.searchsorted(above, above[places[-1]] + least))
            if place >= len(above):
                break
            places.append(place)
        if above[-1] - above[places[-1]] > 0 and len(places) > 1:  # the rest are too few to stand alone
            places[-1] = len(above) - 1
        levels = np.append(np.inf, totals.levels)
        return cls(levels[places], above[places])

    def nearest(self, customers: int) -> float:
        """The line with the number of customers above it that comes nearest to one; of nobody only for nobody."""
        first = 1 if customers and len(self.lines) > 1 else 0
        return float(self.lines[first + np.argmin(np.abs(self.customers[first:] - customers))])


def _counts(chosen: Bools, rows: Bools) -> tuple[int, int]:
    """How many of some rows are chosen, and how many rows."""
    return int(np.count_nonzero(chosen & rows)), int(np.count_nonzero(rows))
