"""Reasons in words for what is decided: by the model and the approved reasons in force, as the score knew them."""

from __future__ import annotations

from typing import Any

import numpy as np

from forbear.engine.findings import Figures
from forbear.engine.outputs import Position
from forbear.engine.scorer import Challenger, Scores, Scoring
from forbear.engine.timing import UNTIMED, Stage, Stages
from forbear.features.columns import day_of
from forbear.features.figures import FIGURES
from forbear.features.ledger import Floats
from forbear.models.reasons.approved import Approved
from forbear.models.reasons.catalogue import Telling
from forbear.models.reasons.customer import OneScore, tell
from forbear.models.reasons.selection import Teller
from forbear.policy.bands import Places
from forbear.policy.proposals import chosen
from forbear.policy.triggers import Trigger


class InWords:
    """What is told of scores that are decided on. approved, model: in force, None before the first.

    challenger: the model of those whom a roll-out takes, None for nobody.  stages: told how long this takes.

    The figures that sentences quote are asked for at once, since a ledger may have moved on when the cut comes; words
    are made at the cut, of what is decided only.
    """

    def __init__(self, features: tuple[str, ...], currency: str) -> None:
        self.approved: Approved | None = None
        self.model: Scoring | None = None
        self.challenger: Challenger | None = None
        self.stages: Stages = UNTIMED
        self._features, self._currency = features, currency
        self._tellers: list[Teller] = []
        self._figures: dict[Position, Floats] = {}

    def note(self, scores: Scores, hold: Places, figures: Figures) -> None:
        """Remember the figures of those of some scores that a cut may decide on. hold: (n,) the verdicts at once."""
        rows = np.flatnonzero(chosen(hold))
        if self.approved is None or not len(rows):
            return
        taken = scores.take(rows)
        places = map(Position, taken.offset.tolist(), taken.ordinal.tolist())
        self._figures |= zip(places, figures(taken), strict=True)

    def recall(self, place: Position, figures: Floats) -> None:
        """Know the figures of one score again, as they were sealed with what was decided on it."""
        self._figures[place] = figures

    def forget(self) -> None:
        """Let go of all figures: what was proposed has been decided."""
        self._figures = {}

    def told(self, scores: Scores, row: int) -> dict[str, Any]:
        """What is told of one score that was noted, by which catalogue and figures, as JSON can hold it.

        Sentences stand in every language. Empty where nothing was approved yet.
        """
        scoring = self._scoring_of(scores, row)
        if self.approved is None or scoring is None:
            return {}
        with self.stages.timed(Stage.EXPLAIN):
            return self._told(self.approved, scoring, scores, row)

    def _told(self, approved: Approved, scoring: Scoring, scores: Scores, row: int) -> dict[str, Any]:
        figures = self._figures[Position(int(scores.offset[row]), int(scores.ordinal[row]))]
        named = dict(zip(FIGURES, figures.tolist(), strict=True))
        one = OneScore(
            features=scores.values[row],
            attributions=scores.attributions[row],
            pd=float(scores.pd[row]),
            figures=named,
        )
        catalogue = approved.catalogue
        # Dates are counted from the day that was open: of a close that is the closed one, the day before.
        closed = int(scores.trigger[row]) & Trigger.DAY_CLOSE
        open_day = int(scores.day[row]) - (1 if closed else 0)
        telling = Telling(catalogue.languages, self._currency, day_of(open_day))
        return {
            "catalogue": {"version": catalogue.version, "digest": catalogue.digest},
            "figures": named,
            "told": [reason.document() for reason in tell(self._by(approved, scoring), one, telling)],
        }

    def _scoring_of(self, scores: Scores, row: int) -> Scoring | None:
        """The model that one of some scores is of."""
        second = self.challenger
        if second is not None and second.rollout.takes(scores.customer[row : row + 1])[0]:
            return second.scoring
        return self.model

    def _by(self, approved: Approved, model: Scoring) -> Teller:
        """What tells by these, made once for many decisions."""
        for kept in self._tellers:
            if kept.scorer is model and kept.catalogue is approved.catalogue:
                return kept
        self._tellers = [approved.teller(model, self._features), *self._tellers][:_MODELS]
        return self._tellers[0]


_MODELS = 2
"""The most that are in force at once."""
