"""Requests for help and answers to offers: scored once, decided by the rules, heeded from their place in the log on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.domain.events import HelpRequested, OfferAnswered
from forbear.domain.terms import Answer
from forbear.engine.draft import joined as as_one
from forbear.engine.outputs import Outputs
from forbear.engine.ports import Scanned
from forbear.features.batch import batch_of
from forbear.features.columns import EventColumns, EventKind, columns_of, events_of, instant, joined
from forbear.features.hashing import keys_of
from forbear.features.local_time import local_time
from forbear.policy.triggers import Trigger


@pytest.fixture(scope="module")
def told(small_bank: Any) -> Outputs:
    """Everything that the bank's log leads to."""
    return as_one(list(small_bank.worker().process(small_bank.scanned(0, len(small_bank.log)))))


def request_rows(log: EventColumns) -> list[int]:
    """Where requests stand in a log."""
    return np.flatnonzero(log.kind == EventKind.REQUESTED).tolist()


def test_a_request_is_scored_where_it_stands(small_bank: Any, told: Outputs) -> None:
    """Each request of an eligible customer has one prediction, as the ledger stands; a repeated one has none."""
    assert told.predictions is not None
    asked = (told.predictions.trigger & Trigger.REQUEST) != 0
    offsets = told.predictions.offset[asked].tolist()
    said = [msgspec.json.decode(record.body) for record in told.audit if record.kind == "request"]

    assert len(offsets) == sum(not one["hurdle"] for one in said) > 20
    assert set(offsets) <= set(request_rows(small_bank.log))
    assert [one["request_id"] for one in said] == [f"Q{number}" for number in range(40)]


def test_an_override_is_in_the_trigger_and_in_the_chain(told: Outputs) -> None:
    """Predictions of overrides bear the bit, and their records name who asked and a digest of why."""
    assert told.predictions is not None
    bits = told.predictions.trigger[(told.predictions.trigger & Trigger.REQUEST) != 0]
    said = [msgspec.json.decode(record.body) for record in told.audit if record.kind == "request"]
    scored = [one for one in said if not one["hurdle"]]

    assert [bool(one & Trigger.OVERRIDE) for one in bits.tolist()] == [one["override"] for one in scored]
    assert all(one["by"] == "an agent" and len(one["why_sha"]) == 64 for one in said)


def test_a_request_about_nobody_is_a_dead_letter(told: Outputs) -> None:
    """A customer of whom no event ever told cannot be helped, and the request is not lost."""
    (letter,) = [one for one in told.dead_letters if one.reason == "unknown_customer"]

    assert isinstance(msgspec.json.decode(letter.event, type=HelpRequested), HelpRequested)


def test_an_override_gets_help_below_the_cut_off(small_bank: Any, told: Outputs) -> None:
    """Of those in no band some are offered help, as their override asked; without one nobody is."""
    assert told.predictions is not None
    triggers = dict(zip(told.predictions.offset.tolist(), told.predictions.trigger.tolist(), strict=True))
    outside = [one for one in told.decisions if one.band == "" and one.outcome == "offer"]

    assert outside
    assert all(triggers[one.prediction.offset] & Trigger.OVERRIDE for one in outside)
    assert {one.prediction.offset for one in outside} <= set(request_rows(small_bank.log))


def test_answers_are_recorded(small_bank: Any, told: Outputs) -> None:
    """Every answer is a row with what the log said of it."""
    given = [event for event in events_of(small_bank.log) if isinstance(event, OfferAnswered)]

    assert [one.decision_id for one in told.answers] == [event.decision_id for event in given]
    assert [one.answer for one in told.answers] == [str(event.answer) for event in given]


@pytest.mark.parametrize("answer", [Answer.OPTED_OUT, Answer.WRONG_PERSON])
def test_whoever_opted_out_is_not_contacted(small_bank: Any, told: Outputs, answer: Answer) -> None:
    """From the place of such an answer on, its customer gets no offer, whoever asks for one."""
    who = {one.customer: one.offset for one in told.answers if one.answer == answer}
    after = [one for one in told.decisions if one.customer in who and one.offset > who[one.customer]]

    assert who
    assert not [one for one in after if one.outcome == "offer"]


def test_everybody_opted_out_is_nobody_contacted(small_bank: Any, told: Outputs) -> None:
    """A bank whose customers have all opted out before outreach began makes no offer; before it made many."""
    log = small_bank.log
    first = int(np.flatnonzero(log.kind == EventKind.INSTRUCTED)[0])
    when, ids = instant(int(log.received_us[first])), sorted(set(log.customer_id[:first].tolist()) - {b""})
    out = columns_of(
        [
            OfferAnswered(
                answer_id=f"O{number}", customer_id=one.decode(), decision_id="0" * 32, answer=Answer.OPTED_OUT,
                by="an agent", booked_at=when, received_at=when,
            )
            for number, one in enumerate(ids)
        ]
    )  # fmt: skip
    without_updates = log.take(slice(first, None))
    without_updates = without_updates.take(without_updates.kind != EventKind.CUSTOMER)
    whole = joined([log.take(slice(0, first)), out, without_updates])
    zone = local_time(small_bank.deployment.time_zone)
    found = as_one(list(small_bank.worker().process(Scanned(0, whole, batch_of(whole, zone)))))

    assert sum(one.outcome == "offer" for one in told.decisions) > 10
    asked = dict.fromkeys(keys_of(np.array(ids)).tolist(), True)
    assert not [one for one in found.decisions if one.outcome == "offer" and one.customer in asked]


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_batches_change_nothing(small_bank: Any, told: Outputs, size: int) -> None:
    """However the stretch with the notes is cut, the same is recorded of it."""
    rows = np.flatnonzero(small_bank.log.kind > EventKind.INSTRUCTED)
    first, past, end = int(rows[0]) - 20, int(rows[-1]) + 20, len(small_bank.log)
    cuts = [0, *range(first, past, size), past, end]
    worker, parts = small_bank.worker(), list[Outputs]()
    for start, stop in pairwise(cuts):
        parts += worker.process(small_bank.scanned(start, stop))
    found = as_one(parts)

    assert facts(found) == facts(told)


def facts(outputs: Outputs) -> Sequence[Any]:
    """What can be compared of outputs."""
    bare = replace(outputs, predictions=None)
    assert outputs.predictions is not None
    return bare, outputs.predictions.offset.tobytes(), outputs.predictions.pd.tobytes()
