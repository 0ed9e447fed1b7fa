"""One partition as the decider knows it: where its customers stand, its chain, and what is still to be recorded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.domain.events import Instructed
from forbear.domain.terms import PROMOTIONS
from forbear.engine.draft import Draft, predictions_of
from forbear.engine.findings import Answered, Barrier, CloseEnded, Figures, Finding, Stretch, Swept, Update
from forbear.engine.intervenor import InForce, Intervenor, Pending
from forbear.engine.outputs import DayRow, Outputs, Part, Position, Predictions
from forbear.engine.ports import Vault
from forbear.engine.record import Recorder, Recording, Second
from forbear.engine.scorer import Challenger, Scores, Scoring
from forbear.engine.telling import InWords
from forbear.engine.timing import UNTIMED, Stage, Stages
from forbear.features.columns import micros
from forbear.models.reasons.approved import Approved
from forbear.policy.document import Policy, to_toml
from forbear.policy.proposals import HOLD_REASONS
from forbear.policy.rollout import Rollout


class NewModel(NamedTuple):
    """A model as it was loaded: what scores, its kind, and the log-odds that everybody starts from."""

    scoring: Scoring
    kind: str
    expected: float


class Lane:
    """One partition. barrier: that it has come to, None while it runs.  queue: findings that wait behind it.

    reached: where the last stretch that was taken in ends.  slots: how many customers were spoken of.
    """

    def __init__(self, force: InForce, vault: Vault, currency: str, recorder: Recording = Recorder) -> None:
        self.force = force
        self.intervenor = Intervenor(force)
        self.words = InWords(force.features, currency)
        self.recorder = recorder(vault, force.features, self.words.told)
        self.draft = Draft(Position(-1))
        self.barrier: Barrier | None = None
        self.queue: deque[Finding] = deque()
        self.reached = Position(-1)
        self.slots = 0
        self._stages: Stages = UNTIMED
        self._swept: list[Predictions] = []
        self._bands: NDArray[np.int64] = np.zeros(64, dtype=np.int64)
        self._verdicts: NDArray[np.int64] = np.zeros(64, dtype=np.int64)

    def timed_by(self, stages: Stages) -> None:
        """Tell somebody how long each stage takes."""
        self._stages = self.words.stages = stages

    @property
    def after(self) -> Position:
        """Up to where its findings have become outputs."""
        return self.draft.after

    def grow(self, slots: int) -> None:
        """Have a place for so many customers."""
        self.slots = max(self.slots, slots)
        self.intervenor.standing.grow(slots)

    def taken(self, found: Stretch) -> None:
        """Judge what a stretch has found, in log order, and note the rest."""
        self.reached = found.until
        self.grow(_slots_in(found))
        self.draft.customers += found.met
        self.draft.outcomes += found.outcomes
        self.draft.dead_letters += found.letters
        self.draft.answers += (one.row for one in found.answers)
        for request in found.requests:
            self.recorder.request(self.draft, request)
        scores, figures = found.scores, found.figures
        changes: list[Update | Answered] = [*found.updates, *found.answers]
        changes.sort(key=lambda change: change.offset)
        if scores is None or figures is None or not len(scores):
            self.intervenor.standing.heed(changes)
            return
        # A change holds for what is behind it. Most stretches have none of a customer who is scored as well.
        for change in changes:
            if (scores.slots == change.slot).any():
                before = scores.offset < change.offset
                self._judged_between_closes(scores.take(before), figures)
                scores = scores.take(~before)
            self.intervenor.standing.heed([change])
        self._judged_between_closes(scores, figures)

    def swept(self, found: Swept) -> Iterator[Outputs]:
        """Judge a piece of the sweep; the one before it is recorded: the last waits for what is decided on them all."""
        if self._swept:
            piece = Draft(self.draft.after, predictions=self._swept)
            last = Position(found.offset, int(self._swept[-1].ordinal[-1]) + 1)
            self._swept = []
            self.draft.after = last
            yield piece.ended(last)
        self.grow(int(found.scores.slots.max(initial=-1)) + 1)
        predictions = self._judged(found.scores, found.figures)
        self._bands += np.bincount(predictions.band + 1, minlength=64)
        self._verdicts += np.bincount(predictions.verdict + 1, minlength=64)
        if len(predictions):
            self._swept.append(predictions)

    def closed(self, found: CloseEnded) -> None:
        """Note the day in numbers. The last piece of its sweep is recorded with what was decided."""
        self.draft.predictions += self._swept
        self._swept = []
        names = ["", *(band.name for band in self.force.rules.policy.bands)] if self.force.rules else [""]
        words = ["proposed", *map(str, HOLD_REASONS)]
        row = DayRow(
            offset=found.offset,
            day=found.day,
            customers=found.customers,
            scored=found.scored,
            expected_misses=found.expected_misses,
            hurdles=found.hurdles,
            bands={names[band]: int(count) for band, count in enumerate(self._bands[: len(names)]) if count},
            verdicts={words[code]: int(count) for code, count in enumerate(self._verdicts) if count},
            events=found.events,
        )
        self.draft.days.append(row)
        self._bands[:] = 0
        self._verdicts[:] = 0

    def cut(self, decided: Pending | None, offset: int, at_us: int) -> None:
        """Record what a cut has decided of this partition's proposals."""
        self.recorder.cut(self.draft, decided, (offset, at_us), self.force.policy_rules())
        self.words.forget()

    def ended(self, until: Position | None = None) -> Outputs | None:
        """All up to a position, by default where the last stretch ends; None where outputs hold it already."""
        until = until or self.reached
        return self.draft.ended(until) if until > self.draft.after else None

    # ---- instructions

    def put_model(self, told: Instructed, offset: int, model: NewModel) -> None:
        """Note that another model is in force."""
        self.recorder.put_model(self.recorder.models + 1, told.value or "", model.expected)
        self.words.model, self.words.challenger = model.scoring, None
        self._part(told, offset, self.recorder.model, self._document(model))

    def roll_out(self, told: Instructed, offset: int, model: NewModel, rollout: Rollout) -> None:
        """Note that a challenger scores those whom a roll-out takes, under a number of its own."""
        self.recorder.put_second(Second(self.recorder.models + 1, model.expected, rollout))
        self.words.challenger = Challenger(model.scoring, rollout)
        told_of = {"rollout": told.value, "percent": rollout.percent}
        self.draft.parts.append(
            Part(
                kind="model",
                number=self.recorder.models,
                digest=rollout.challenger,
                offset=offset,
                by=told.by,
                document={**_since(told), **self._document(model), **told_of},
            )
        )

    def end_rollout(self) -> None:
        """Note that the model in force scores everybody again."""
        self.recorder.put_second(None)
        self.words.challenger = None

    def put_policy(self, told: Instructed, offset: int, old: Policy | None, policy: Policy) -> None:
        """Note that another policy is in force, and where everybody stands under it."""
        self.intervenor.standing.under(old, policy)
        self.recorder.put_policy(self.recorder.policy + 1, told.value or "")
        document = {
            "version": policy.version,
            "bands": [band.name for band in policy.bands],
            "reasons": [reason.code for reason in policy.reasons],
            "currency": policy.currency,
            "text": to_toml(policy),
        }
        self._part(told, offset, self.recorder.policy, document)

    def put_reasons(self, told: Instructed, offset: int, approved: Approved) -> None:
        """Note that other approved reasons are in force."""
        self.words.approved = approved
        self.recorder.put_reasons(self.recorder.reasons + 1, told.value or "")
        catalogue = approved.catalogue
        document = {
            "version": catalogue.version,
            "catalogue": catalogue.digest,
            "languages": list(catalogue.languages),
        }
        self._part(told, offset, self.recorder.reasons, document)

    # ---- inside

    def _document(self, model: NewModel) -> dict[str, object]:
        return {"kind": model.kind, "features": list(self.force.features), "expected": model.expected}

    def _part(self, told: Instructed, offset: int, number: int, document: Mapping[str, object]) -> None:
        assert told.instruction in PROMOTIONS, told.instruction
        kind = told.instruction.removeprefix("promote_")
        self.draft.parts.append(
            Part(
                kind=kind,
                number=number,
                digest=told.value or "",
                offset=offset,
                by=told.by,
                document={**_since(told), **document},
            )
        )

    def _judged_between_closes(self, scores: Scores, figures: Figures) -> None:
        if len(scores):
            self.draft.predictions.append(self._judged(scores, figures))

    def _judged(self, scores: Scores, figures: Figures) -> Predictions:
        """What the policy says to scores at once, with what a cut has to know of them later."""
        with self._stages.timed(Stage.DECIDE):
            verdicts = self.intervenor.judge(scores)
        predictions = predictions_of(scores, verdicts, self.recorder.models_of(scores.customer), self.recorder.policy)
        self.recorder.note(predictions)
        self.words.note(scores, verdicts.verdict, figures)
        return predictions


def _since(told: Instructed) -> dict[str, object]:
    """When what is put in force was told of: an offset says it to nobody."""
    return {"since_us": micros(told.received_at)}


def _slots_in(found: Stretch) -> int:
    """How many slots a stretch speaks of."""
    told = [
        *(one.slot for one in found.met),
        *(one.slot for one in found.updates),
        *(one.slot for one in found.answers),
    ]
    scored = int(found.scores.slots.max(initial=-1)) if found.scores is not None else -1
    return max([scored, *told]) + 1
