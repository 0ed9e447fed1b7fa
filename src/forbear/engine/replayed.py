"""What a replay leaves: decisions as columns and the closed days in numbers; nothing sealed, nothing to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forbear.engine.draft import Draft
from forbear.engine.findings import Requested
from forbear.engine.intervenor import Pending, word_of
from forbear.engine.outputs import DayRow, Decision, Ints, Predictions
from forbear.engine.ports import Vault
from forbear.engine.record import Recorder, Tell
from forbear.features.hashing import Keys
from forbear.features.ledger import Floats
from forbear.policy.decide import Rules, chances
from forbear.policy.proposals import HOLD_REASONS, Bools

OFFER, HOLD_OUT = "offer", "hold_out"
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """n decisions in log order; the fields are those of `engine.outputs.Decision`.

    outcome, band, action, channel: (n,) places in `words`.  pd: (n,), NaN where it is not known.
    chances: (n, 1 + arms) float32 of nothing and of each arm by the draw alone, see `policy.decide.chances`; NaN where
    it is not known.  arms: names of actions.
    """

    offset: Ints
    customer: Keys
    matter: Keys
    day: NDArray[np.int32]
    outcome: Codes
    band: Codes
    action: Codes
    channel: Codes
    cost_minor: Ints
    propensity: Floats
    explored: Bools
    held_out: Bools
    expires_day: NDArray[np.int32]
    pd: Floats
    chances: NDArray[np.float32]
    words: tuple[str, ...]
    arms: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.offset)

    def take(self, rows: Any) -> Self:
        """Some of the rows, in the order given."""
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        return type(self)(**columns, words=self.words, arms=self.arms)

    def named(self, column: str) -> NDArray[np.str_]:
        """(n,) the words of a column of codes."""
        words: NDArray[np.str_] = np.array(self.words or ("",))[getattr(self, column)]
        return words

    def where(self, column: str, word: str) -> Bools:
        """(n,) whether a column of codes says a word."""
        code = self.words.index(word) if word in self.words else -1
        same: Bools = getattr(self, column) == code
        return same


CODED = ("outcome", "band", "action", "channel")
"""Columns of codes."""
COLUMNS = tuple(f.name for f in fields(Decided) if f.name not in ("words", "arms"))
_DTYPES: Mapping[str, Any] = {
    **dict.fromkeys(("offset", "cost_minor"), np.int64),
    **dict.fromkeys(("customer", "matter"), np.uint64),
    **dict.fromkeys(("day", "expires_day", *CODED), np.int32),
    **dict.fromkeys(("propensity", "pd"), np.float64),
    **dict.fromkeys(("explored", "held_out"), np.bool_),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What was decided in a stretch of a log: the events first..past.

    days: the closes in it, oldest first.  said: what decided, for people and for the record, by name.
    """

    first: int
    past: int
    decided: Decided
    days: tuple[DayRow, ...]
    said: Mapping[str, str]

    def within(self, first: int, past: int) -> Replayed:
        """The part of it that lies in another stretch."""
        offset = self.decided.offset
        return Replayed(
            first=max(self.first, first),
            past=min(self.past, past),
            decided=self.decided.take((offset >= first) & (offset < past)),
            days=tuple(row for row in self.days if first <= row.offset < past),
            said=self.said,
        )


@dataclass(slots=True)
class Gathering:
    """Decisions as the cuts of a run give them. gone: keys of customers who were erased: nothing is kept of them."""

    gone: frozenset[int] = frozenset()
    _parts: list[tuple[Mapping[str, Any], tuple[str, ...]]] = field(default_factory=list)
    _words: dict[str, int] = field(default_factory=dict)
    _tables: dict[str, Mapping[str, Codes]] = field(default_factory=dict)

    def add(self, rules: Rules, pending: Pending, offset: int) -> None:
        """Take in what a cut at an offset has decided."""
        table, decisions, proposals = self._table(rules), pending.decisions, pending.proposals
        choice = decisions.choice
        columns: dict[str, Any] = {
            "offset": np.full(len(decisions), offset, dtype=np.int64),
            "customer": proposals.customer,
            "matter": proposals.matter,
            "day": proposals.day,
            "outcome": table["outcome"][decisions.hold],
            "band": table["band"][decisions.band],
            "action": table["action"][choice],
            "channel": table["channel"][choice],
            "cost_minor": table["cost_minor"][choice].astype(np.int64),
            "propensity": decisions.propensity,
            "explored": decisions.explored,
            "held_out": decisions.held_out,
            "expires_day": decisions.expires_day,
            "pd": proposals.pd,
            "chances": chances(rules, proposals).astype(np.float32),
        }
        if self.gone:
            here = ~np.isin(proposals.customer, np.array(sorted(self.gone), dtype=np.uint64))
            columns = {name: column[here] for name, column in columns.items()}
        self._parts.append((columns, tuple(action.name for action in rules.policy.actions)))

    def decided(self) -> Decided:
        """All that was taken in. The arms are the actions of every policy that decided, by their names."""
        arms = tuple(dict.fromkeys(name for _, names in self._parts for name in names))
        whole: dict[str, Any] = {
            name: np.concatenate([np.empty(0, _DTYPES[name]), *(part[name] for part, _ in self._parts)])
            for name in COLUMNS
            if name != "chances"
        }
        found = np.zeros((len(whole["offset"]), 1 + len(arms)), dtype=np.float32)
        row = 0
        for part, names in self._parts:
            places = [0, *(1 + arms.index(name) for name in names)]
            found[row : row + len(part["offset"]), places] = part["chances"]
            row += len(part["offset"])
        return Decided(**whole, chances=found, words=tuple(self._words), arms=arms)

    def _table(self, rules: Rules) -> Mapping[str, Codes]:
        """Codes of what a policy counts by places; of the last row, for -1, what stands for none."""
        if rules.digest not in self._tables:
            policy = rules.policy
            holds = [word_of(code) for code in range(len(HOLD_REASONS))]
            self._tables[rules.digest] = {
                "outcome": self._coded([*holds, OFFER]),
                "band": self._coded([*(band.name for band in policy.bands), ""]),
                "action": self._coded([action.name for action in policy.actions]),
                "channel": self._coded([action.channel for action in policy.actions]),
                "cost_minor": np.array([action.cost_minor for action in policy.actions], dtype=np.int64),
            }
        return self._tables[rules.digest]

    def _coded(self, words: Iterable[str]) -> Codes:
        return np.array([self._words.setdefault(word, len(self._words)) for word in words], dtype=np.int32)


class DecisionsOnly(Recorder):
    """A recorder that gathers what cuts decide, as columns: no chain, no words, nothing sealed, so nothing to send."""

    def __init__(self, gathering: Gathering, vault: Vault, features: tuple[str, ...], tell: Tell) -> None:
        super().__init__(vault, features, tell)
        self._gathering = gathering

    def note(self, predictions: Predictions) -> None:
        """Nothing is committed to."""

    def cut(  # of the draft nothing is asked: what it holds is recorded, and this is not
        self,
        draft: Draft,  # noqa: ARG002
        pending: Pending | None,
        at: tuple[int, int],
        rules: Rules,
    ) -> None:
        """Gather what a cut has decided."""
        if pending is not None and len(pending.decisions):
            self._gathering.add(rules, pending, at[0])

    def instruction(self, draft: Draft, offset: int, told: Any) -> None:
        """Nothing is committed to."""

    def stopped(self, draft: Draft, offset: int, rollout: Any, watched: Any) -> None:
        """Nothing is committed to."""

    def request(self, draft: Draft, asked: Requested) -> None:
        """Nothing is committed to."""


class NoVault:
    """The vault of a replay: nothing is sealed in it."""

    def seal(self, asked: Sequence[tuple[int, bytes, bytes]]) -> list[bytes | None]:
        """Nothing is kept."""
        return [None] * len(asked)

    def open(self, customer: int, sealed: bytes, about: bytes) -> bytes | None:
        """Nothing was kept."""

    def erase(self, customer: int) -> None:
        """Nothing was kept."""


def decided_of(decisions: Iterable[Decision]) -> Decided:
    """Decisions that were recorded, as columns, in log order. PDs and chances are not known.

    An erased customer's have the key 0, and are left out: a replay has none of them either.
    """
    kept = sorted((one for one in decisions if one.customer), key=lambda one: one.offset)
    words: dict[str, int] = {}

    def column(name: str) -> Any:
        values = [getattr(one, name) for one in kept]
        if name in CODED:
            values = [words.setdefault(value, len(words)) for value in values]
        return np.array(values, dtype=_DTYPES[name])

    columns = {name: column(name) for name in COLUMNS if name not in ("pd", "chances")}
    arms = tuple(sorted({one.action for one in kept}))
    unknown = np.full((len(kept), 1 + len(arms)), np.nan, dtype=np.float32)
    return Decided(**columns, pd=np.full(len(kept), np.nan), chances=unknown, words=tuple(words), arms=arms)
