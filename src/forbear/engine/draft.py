"""Outputs in the making: what one stretch of the log has given so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.engine.commits import VALUES
from forbear.engine.intervenor import Verdicts
from forbear.engine.outputs import (
    AnswerRow,
    AuditRecord,
    Contact,
    DayRow,
    DeadLetter,
    Decision,
    Named,
    OutcomeRow,
    Outputs,
    Part,
    Position,
    Predictions,
)
from forbear.engine.scorer import Scores


@dataclass(slots=True)
class Draft:
    """The parts of an `Outputs`, growing. after: where the stretch begins."""

    after: Position
    predictions: list[Predictions] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    audit: list[AuditRecord] = field(default_factory=list)
    outcomes: list[OutcomeRow] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    days: list[DayRow] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    customers: list[Named] = field(default_factory=list)
    answers: list[AnswerRow] = field(default_factory=list)

    def ended(self, until: Position) -> Outputs:
        """The whole of it, up to a position; the draft goes on from there, empty."""
        listed = {f.name: tuple(getattr(self, f.name)) for f in fields(self) if f.name not in ("after", "predictions")}
        outputs = Outputs(after=self.after, until=until, predictions=_stacked(self.predictions), **listed)
        self.after = until
        for f in fields(self):
            if f.name != "after":
                getattr(self, f.name).clear()
        return outputs


def predictions_of(scores: Scores, verdicts: Verdicts, model: NDArray[np.int32], policy: int) -> Predictions:
    """Scores and verdicts as they are recorded. model: (n,) number of whoever scored.  policy: of the one in force."""
    return Predictions(
        offset=scores.offset,
        ordinal=scores.ordinal,
        customer=scores.customer,
        as_of_us=scores.as_of_us,
        day=scores.day,
        trigger=scores.trigger,
        log_odds=scores.log_odds,
        pd=scores.pd,
        attributions=scores.attributions,
        reason=verdicts.reason,
        band=verdicts.band,
        verdict=verdicts.verdict,
        model=model,
        policy=np.full(len(scores), policy, dtype=np.int32),
    )


def behind(outputs: Outputs, position: Position) -> Outputs | None:
    """What of some outputs is not recorded yet, if all before a position is; None if nothing is left.

    A day close is recorded piece by piece, its predictions first: all else that is at its offset comes with the last.
    """
    if outputs.until <= position:
        return None
    if outputs.after >= position:
        return outputs
    kept: dict[str, Any] = {
        name: tuple(row for row in getattr(outputs, name) if row.offset >= position.offset) for name in VALUES
    }
    # Whom a history knows stands before the log, by slot.
    kept["customers"] = tuple(one for one in kept["customers"] if one.offset >= 0 or one.slot >= position.ordinal)
    predictions = outputs.predictions.from_position(position) if outputs.predictions else None
    return replace(outputs, after=position, predictions=predictions, **kept)


def joined(parts: Sequence[Outputs]) -> Outputs:
    """Outputs that follow on one another as one. Raises ValueError where they do not."""
    for before, after in pairwise(parts):
        if after.after != before.until:
            raise ValueError(f"outputs from {tuple(after.after)} do not follow those up to {tuple(before.until)}")
    if len(parts) == 1:
        return parts[0]
    listed = {name: tuple(row for part in parts for row in getattr(part, name)) for name in VALUES}
    predictions = _stacked([part.predictions for part in parts if part.predictions is not None])
    return Outputs(after=parts[0].after, until=parts[-1].until, predictions=predictions, **listed)


def _stacked(parts: list[Predictions]) -> Predictions | None:
    full = [part for part in parts if len(part)]
    if len(full) < 2:
        return full[0] if full else None
    columns = {f.name: np.concatenate([getattr(part, f.name) for part in full]) for f in fields(Predictions)}
    return Predictions(**columns)
