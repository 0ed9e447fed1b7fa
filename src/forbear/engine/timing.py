"""How long the stages of the work take: a port, because the engine itself names no clock.

Whoever hands in something that measures learns where the time goes; by default nobody does, and nothing is measured.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Stage(StrEnum):
    """What happens to an event on its way to what is recorded, in this order.

    decode: it is read from the log, as columns.  fold: it goes into its ledger, and features are answered.
    score: the model gives log-odds, PD and attributions.  decide: the policy judges, and a cut allocates.
    explain: reasons are put in words.  commit: it is recorded.
    """

    DECODE = "decode"
    FOLD = "fold"
    SCORE = "score"
    DECIDE = "decide"
    EXPLAIN = "explain"
    COMMIT = "commit"


class Stages(Protocol):
    """Is told what the work does. Several threads may tell it at once; what it does with that changes no output."""

    def timed(self, stage: Stage) -> AbstractContextManager[object]:
        """A block in which one stage is worked on. A block within a block is time of the inner stage only."""
        ...

    def folded(self, fates: NDArray[np.int64]) -> None:
        """How many events became what: (codes of `Fold`,) counts of one stretch."""
        ...


class Untimed:
    """Measures nothing."""

    def timed(self, stage: Stage) -> AbstractContextManager[object]:  # noqa: ARG002  # that of the port
        """A block like any other."""
        return _NOTHING

    def folded(self, fates: NDArray[np.int64]) -> None:
        """Nobody counts."""


_NOTHING: AbstractContextManager[object] = nullcontext()
UNTIMED = Untimed()
