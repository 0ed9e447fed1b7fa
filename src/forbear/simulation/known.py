"""What is known of a synthetic bank and of no other: how good models are and what help does, beside the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from forbear.models.results import Figure
from forbear.simulation.reachable import AgainstTruth, Reachable
from forbear.simulation.trial import Trial


@dataclass(frozen=True, slots=True)
class KnownTruth:
    """What can be reached on the rows, how far each model is off, the leading one first, and a trial of each help."""

    reachable: Reachable
    models: tuple[AgainstTruth, ...]
    trials: tuple[Trial, ...]

    def summary(self) -> dict[str, object]:
        """Plain values for a script."""
        return {
            "reachable": _plain(self.reachable),
            "models": {model.model: _plain(model) for model in self.models},
            "trials": {trial.kind.name.lower(): _trial(trial) for trial in self.trials},
        }


def _trial(trial: Trial) -> dict[str, object]:
    return {**_plain(trial), "kind": trial.kind.name.lower(), "covered": trial.covered, "truth": trial.truth}


def _plain(record: Reachable | AgainstTruth | Trial) -> Mapping[str, object]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: value.as_dict() if isinstance(value, Figure) else value for name, value in values.items()}
