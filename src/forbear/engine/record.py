"""From what was decided to what is recorded: decisions, contacts and the audit chain."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from forbear.domain.errors import CorruptState
from forbear.domain.events import Instructed
from forbear.engine.audit import chain, tells
from forbear.engine.draft import Draft
from forbear.engine.findings import Requested
from forbear.engine.intervenor import Pending
from forbear.engine.outputs import AuditRecord, Contact, Decision, Predictions
from forbear.engine.ports import Vault
from forbear.engine.receipt import Writer, said_of
from forbear.engine.scorer import Scores
from forbear.policy.decide import Rules

Tell = Callable[[Scores, int], Mapping[str, Any]]
"""What is told in words of one of some scores, as JSON can hold it; empty where nothing is."""


class Recorder:
    """The audit chain's head, the numbers of what is in force, and what was predicted since the last cut."""

    def __init__(self, vault: Vault, features: tuple[str, ...], tell: Tell) -> None:
        self.head: AuditRecord | None = None
        self.model, self.policy, self.reasons = 0, 0, 0
        self.digests = {"model": "", "policy": ""}
        self._expected = 0.0
        self._vault, self._features, self._tell = vault, features, tell
        self._since: list[bytes] = []
        self._recorded: Iterator[AuditRecord] = iter(())
        self._ahead: AuditRecord | None = None

    def follow(self, recorded: Iterator[AuditRecord]) -> None:
        """Go past the records behind the head that are there already: a replay must arrive at each of them.

        Nothing is sealed on the way, so that a key which was destroyed since is not missed.
        """
        self._recorded, self._ahead = recorded, None

    def put_model(self, number: int, digest: str, expected: float) -> None:
        """Another model is in force."""
        self.model, self.digests["model"], self._expected = number, digest, expected

    def put_policy(self, number: int, digest: str) -> None:
        """Another policy is in force."""
        self.policy, self.digests["policy"] = number, digest

    def put_reasons(self, number: int, digest: str) -> None:
        """Other approved reasons are in force."""
        self.reasons, self.digests["reasons"] = number, digest

    def note(self, predictions: Predictions) -> None:
        """Remember predictions for the record of the next cut: where they stand and what they say, of nobody."""
        if len(predictions):
            columns = (predictions.offset, predictions.ordinal, (predictions.log_odds + 0.0).view(np.int64))
            self._since.append(np.column_stack(columns).astype("<i8").tobytes())

    def cut(self, draft: Draft, pending: Pending | None, at: tuple[int, int], rules: Rules) -> None:
        """Record what a cut has decided, and commit the chain to it and to every prediction since the last cut.

        at: the offset of the cut, and its instant [us UTC].
        """
        predicted = b"".join(self._since)
        self._since = []
        if not predicted and pending is None:
            return
        outcomes: Counter[str] = Counter()
        if pending is not None:
            writer = self._writer(rules, at)
            decisions = [writer.decision(pending, row) for row in range(len(pending.decisions))]
            if self._replayed():
                outcomes.update(self._recorded_of(decisions))
            else:
                told = (self._tell(pending.scores, row) for row in range(len(decisions)))
                receipts = [writer.receipt(pending, row, words) for row, words in enumerate(told)]
                outcomes.update(self._made(draft, decisions, receipts))
        body = {
            "at_us": at[1],
            "predictions": len(predicted) // 24,
            "predictions_sha": hashlib.sha256(predicted).hexdigest(),
            "outcomes": outcomes,
        }
        self._add(draft, "cut", at[0], body)

    def instruction(self, draft: Draft, offset: int, told: Instructed) -> None:
        """Record what a person told the deployment."""
        body = {"instruction": str(told.instruction), "value": told.value or "", "by": told.by}
        self._add(draft, "instruction", offset, body)

    def request(self, draft: Draft, asked: Requested) -> None:
        """Record that a person asked for help for a customer, who is not named: what was decided names whom."""
        body = {
            "request_id": asked.request_id,
            "by": asked.by,
            "override": asked.override,
            "why_sha": asked.why_sha,
            "hurdle": asked.hurdle,
        }
        self._add(draft, "request", asked.offset, body)

    # ---- inside

    def _writer(self, rules: Rules, at: tuple[int, int]) -> Writer:
        numbers = self.model, self.policy
        return Writer(rules=rules, features=self._features, at=at, expected=self._expected, numbers=numbers)

    def _replayed(self) -> bool:
        """Whether what comes next is recorded already. Erasures, which no log tells of, are passed over."""
        while self._ahead is None:
            self._ahead = next(self._recorded, None)
            if self._ahead is None:
                return False
            if self._ahead.kind == "erasure":
                self.head, self._ahead = self._ahead, None
        return True

    def _is_recorded(self, kind: str, offset: int, body: Mapping[str, Any]) -> bool:
        """Whether the next record says this, and if so go past it."""
        if not self._replayed() or not tells(self._ahead, kind, offset, body):
            return False
        self.head, self._ahead = self._ahead, None
        return True

    def _recorded_of(self, decisions: Iterable[Decision]) -> Iterator[str]:
        """Outcomes of those that were recorded: of whoever was erased by then nothing was."""
        for decision in decisions:
            if self._is_recorded("decision", decision.offset, said_of(decision, self.digests)):
                yield decision.outcome

    def _made(self, draft: Draft, decisions: Sequence[Decision], personal: Sequence[bytes]) -> Iterator[str]:
        """Outcomes of the decisions that are now recorded: all but those on customers who were erased."""
        asked = [
            (one.customer, plain, one.decision_id.encode()) for one, plain in zip(decisions, personal, strict=True)
        ]
        for decision, sealed in zip(decisions, self._vault.seal(asked), strict=True):
            if sealed is not None:
                made = replace(decision, sealed=sealed)
                draft.decisions.append(made)
                draft.contacts += _contacts(made)
                self._add(draft, "decision", made.offset, said_of(made, self.digests), sealed)
                yield made.outcome

    def _add(self, draft: Draft, kind: str, offset: int, body: Mapping[str, Any], sealed: bytes = b"") -> None:
        """Add a record to the chain, or go past it where it is recorded. Raises CorruptState where another one is."""
        if not self._replayed():
            self.head = chain(self.head, kind, offset, body, sealed)
            draft.audit.append(self.head)
        elif not self._is_recorded(kind, offset, body):
            raise CorruptState(
                f"the log does not lead to what is recorded at offset {offset}",
                mend="this is another log, another version, or tampering: compare with a backup",
            )


Recording = Callable[[Vault, tuple[str, ...], Tell], Recorder]
"""Makes the recorder of a partition, of the vault, the names of the features, and what tells in words."""


def _contacts(decision: Decision) -> list[Contact]:
    """An offer is a contact, and a hold-out stands in the place of one."""
    if decision.outcome not in ("offer", "hold_out"):
        return []
    return [
        Contact(
            decision_id=decision.decision_id,
            offset=decision.offset,
            customer=decision.customer,
            channel=decision.channel,
            day=decision.day,
            kind=decision.outcome,
        )
    ]
