"""The onlooker: the worker's own scores, asked for; what-if and strangers, answered by the same ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forbear.adapters.holidays import bank_calendar
from forbear.domain.errors import ConflictError, NotEnoughData
from forbear.engine.draft import joined as as_one
from forbear.engine.follower import Following
from forbear.engine.keeping import kept_of
from forbear.engine.looking import in_words, named
from forbear.engine.onlooker import Onlooker
from forbear.engine.outputs import Outputs
from forbear.engine.what_if import Happening, Occurrence, events_of
from forbear.features.columns import EventKind, columns_of
from forbear.features.eligibility import Hurdle
from forbear.features.hashing import keys_of
from forbear.policy.rollout import Rollout
from forbear.policy.triggers import Trigger


def onlooker(bank: Any) -> Onlooker:
    """One that has seen nothing yet."""
    calendar = bank_calendar(bank.deployment.country)
    return Onlooker(Following(bank.deployment, calendar, bank.parts, lambda _: "", scores=False), [0])


@pytest.fixture(scope="module")
def told(small_bank: Any) -> Outputs:
    """Everything that the bank's log leads to."""
    return as_one(list(small_bank.worker().process(small_bank.scanned(0, len(small_bank.log)))))


@pytest.fixture(scope="module")
def at_close(small_bank: Any) -> Onlooker:
    """One that has followed up to the last close of a day, and not past it."""
    looker = onlooker(small_bank)
    looker.take(0, small_bank.scanned(0, last_close(small_bank)))
    return looker


def last_close(bank: Any) -> int:
    """The offset of the last close."""
    return int(np.flatnonzero(bank.log.kind == EventKind.DAY_CLOSED)[-1])


def test_a_look_is_the_score_that_the_close_records(small_bank: Any, told: Outputs, at_close: Onlooker) -> None:
    """Asked right before a close, it says of everybody what the close records, to the last bit."""
    scored = told.predictions
    assert scored is not None
    scored = scored.take(scored.offset == last_close(small_bank))
    looks = next(at_close.sweep())
    eligible = looks.hurdle == Hurdle.NONE

    np.testing.assert_array_equal(looks.customer[eligible], scored.customer)
    np.testing.assert_array_equal(looks.pd[eligible], scored.pd)
    np.testing.assert_array_equal(looks.attributions[eligible], scored.attributions)
    assert np.isnan(looks.pd[~eligible]).all()


def test_a_look_is_the_score_that_a_request_records(small_bank: Any, told: Outputs) -> None:
    """Asked where a request stands, it says what is recorded for the request."""
    scored = told.predictions
    assert scored is not None
    row = int(np.flatnonzero(scored.trigger & Trigger.REQUEST)[5])
    looker = onlooker(small_bank)
    looker.take(0, small_bank.scanned(0, int(scored.offset[row])))
    (looks,) = looker.look(scored.customer[row : row + 1])

    assert (looks.pd[0], looks.log_odds[0]) == (scored.pd[row], scored.log_odds[row])


@pytest.mark.parametrize("size", [997, 20_000])
def test_looks_do_not_depend_on_batches_or_restarts(small_bank: Any, at_close: Onlooker, size: int) -> None:
    """Followed in other batches, or begun from a worker's snapshot, it answers the same."""
    end, close = last_close(small_bank), int(np.flatnonzero(small_bank.log.kind == EventKind.DAY_CLOSED)[-3])
    worker = small_bank.worker()
    list(worker.process(small_bank.scanned(0, close + 1)))
    looker = onlooker(small_bank)
    looker.start(0, kept_of(worker))
    for start in range(close + 1, end, size):
        looker.take(0, small_bank.scanned(start, min(start + size, end)))

    np.testing.assert_array_equal(next(looker.sweep()).pd, next(at_close.sweep()).pd)


def test_one_look_is_the_look_at_many(at_close: Onlooker) -> None:
    """A customer alone gets what the sweep says."""
    whole = next(at_close.sweep())
    for row in (0, 17, 149):
        (one,) = at_close.look(whole.customer[row : row + 1])
        np.testing.assert_array_equal(one.pd, whole.pd[row : row + 1])
        np.testing.assert_array_equal(one.values, whole.values[row : row + 1])


def test_features_given_back_give_the_same_score(at_close: Onlooker) -> None:
    """What a look says of its features, given as features, gives its score and its attributions."""
    looks = next(at_close.sweep())
    rows = np.flatnonzero(looks.hurdle == Hurdle.NONE)
    again = at_close.look_at_features(looks.values[rows])

    np.testing.assert_array_equal(again.pd, looks.pd[rows])
    np.testing.assert_array_equal(again.attributions, looks.attributions[rows])


def test_a_stranger_s_events_give_the_score_of_one_who_is_known(small_bank: Any, at_close: Onlooker) -> None:
    """A customer's own events, given as a stranger's, lead to the same features as the ledger of the log."""
    log, end = small_bank.log, last_close(small_bank)
    looks = next(at_close.sweep())
    compared = 0
    for row in np.flatnonzero(looks.hurdle == Hurdle.NONE)[:20].tolist():
        customer = looks.customer[row]
        rows = np.flatnonzero(small_bank.scanned(0, end).batch.customer == customer)
        rows = rows[log.kind[rows] < EventKind.DAY_CLOSED]
        found, fates = at_close.look_at_events(log.take(rows), looks.stand.open_day)
        np.testing.assert_array_equal(found.values[0], looks.values[row])
        assert found.pd[0] == looks.pd[row]
        assert sum(fates.values()) == len(rows)
        compared += 1
    assert compared == 20


def test_nothing_that_might_happen_changes_a_ledger(small_bank: Any, at_close: Onlooker) -> None:
    """After a hundred what-ifs the book says what it said, and the look before each is the look itself."""
    whole = next(at_close.sweep())
    for row in np.flatnonzero(whole.hurdle == Hurdle.NONE)[:100].tolist():
        supposed = suppose(small_bank, at_close, int(whole.customer[row]), Happening(Occurrence.CASH, 50_000))
        assert supposed is not None
        assert supposed.before.pd[0] == whole.pd[row]
    np.testing.assert_array_equal(next(at_close.sweep()).pd, whole.pd)


def suppose(bank: Any, looker: Onlooker, customer: int, *happenings: Happening) -> Any:
    """What would be if these happened, on the last of their days."""
    open_day = looker.stands()[0].open_day
    events = events_of(happenings, "whoever", bank.deployment, open_day)
    columns = columns_of(events)
    assert looker.whereabouts(np.array([customer], np.uint64))[0][0] == 0
    until = open_day + max(one.in_days for one in happenings)
    return looker.suppose(customer, renamed(columns, bank, customer), until)


def renamed(columns: Any, bank: Any, customer: int) -> Any:
    """The columns with the id of the customer with a key."""
    ids = np.unique(bank.log.customer_id)
    (own,) = ids[keys_of(ids) == np.uint64(customer)]
    return replace(columns, customer_id=np.full(len(columns), own))


def test_failed_payments_raise_and_salaries_lower_scores(small_bank: Any, at_close: Onlooker) -> None:
    """Over the book, failed debits raise the mean PD, and an income that arrives lowers it."""
    whole = next(at_close.sweep())
    raised, lowered, named_by = [], [], set()
    names = at_close.rulings.names
    for row in np.flatnonzero(whole.hurdle == Hurdle.NONE)[:60].tolist():
        customer = int(whole.customer[row])
        failed = suppose(small_bank, at_close, customer, *[Happening(Occurrence.FAILED_PAYMENT, 30_000)] * 3)
        paid = suppose(small_bank, at_close, customer, Happening(Occurrence.INCOME, 400_000, in_days=1))
        raised.append(failed.after.pd[0] - failed.before.pd[0])
        lowered.append(paid.after.pd[0] - paid.before.pd[0])
        named_by |= {names[at] for at in np.flatnonzero(failed.after.values[0] != failed.before.values[0])}

    assert np.nanmean(raised) > 0
    assert np.nanmean(lowered) < 0
    assert "failed_debits_30d" in named_by


def test_a_missed_payment_is_a_hurdle(small_bank: Any, at_close: Onlooker) -> None:
    """Whoever would have missed a payment would not be asked about, and there is no score to give."""
    whole = next(at_close.sweep())
    customer = int(whole.customer[np.flatnonzero(whole.hurdle == Hurdle.NONE)[0]])
    supposed = suppose(small_bank, at_close, customer, Happening(Occurrence.MISSED_PAYMENT, 30_000))

    assert supposed.after.hurdle[0] in (Hurdle.IN_ARREARS, Hurdle.RECENT_MISS)
    assert np.isnan(supposed.after.pd[0])


def test_looks_are_told_in_words(at_close: Onlooker) -> None:
    """Somebody risky has reasons in words, in every language; of given features there are none to quote."""
    looks, rulings = next(at_close.sweep()), at_close.rulings
    row = int(np.nanargmax(looks.pd))
    reasons = in_words(rulings, looks, row)

    assert reasons
    assert all(set(one.say) == set(rulings.approved.catalogue.languages) for one in reasons)
    assert {*in_words(rulings, looks, row, ["en"])[0].say} == {"en"}
    assert in_words(rulings, at_close.look_at_features(looks.values[row : row + 1]), 0) == ()
    assert named(("one", "two"), np.array([np.nan, 2.0])) == {"one": None, "two": 2.0}


def test_before_a_model_nobody_is_scored(small_bank: Any) -> None:
    """Without a model and a policy in force every question is refused, and says what to do."""
    looker = onlooker(small_bank)
    looker.take(0, small_bank.scanned(0, 1_000))

    assert not looker.running
    with pytest.raises(ConflictError, match="no model"):
        looker.look(np.array([1], np.uint64))


def test_strangers_are_strangers(small_bank: Any, at_close: Onlooker) -> None:
    """Nobody's key is left out of looks and supposed nothing of; events that cannot be taken give no look."""
    nobody = np.array([12345], dtype=np.uint64)
    assert at_close.look(nobody) == []
    assert at_close.suppose(12345, small_bank.log.take(slice(0, 0)), 0) is None
    closes = small_bank.log.take(small_bank.log.kind == EventKind.DAY_CLOSED)
    with pytest.raises(NotEnoughData):
        at_close.look_at_events(closes, at_close.stands()[0].open_day)


def test_under_a_roll_out_everybody_is_looked_at_by_their_own_model(small_bank: Any) -> None:
    """Digest, baseline and words are of the model that scores the customer, before the roll-out ends and after."""
    expert = small_bank.parts.expert
    references = {name: replace(one, points=1.25 * one.points) for name, one in expert.references.items()}
    other, rollout = replace(expert, references=references), Rollout(challenger="d" * 64, percent=50.0, salt="s")
    bank = replace(
        small_bank, parts=replace(small_bank.parts, others={"d" * 64: other}, rollouts={rollout.digest: rollout})
    )
    looker = onlooker(bank)
    looker.take(0, bank.scanned(0, last_close(bank)))
    plain = next(looker.sweep())
    looker.watched[0].follower.roll_out(rollout.digest)
    looks, rulings = next(looker.sweep()), looker.rulings
    mine, eligible = rollout.takes(looks.customer), looks.hurdle == Hurdle.NONE

    assert min((mine & eligible).sum(), (~mine & eligible).sum()) > 10
    np.testing.assert_array_equal(looks.pd[~mine], plain.pd[~mine])
    np.testing.assert_array_equal(
        looks.log_odds[mine & eligible], other.explain(looks.values[mine & eligible]).log_odds
    )
    for row in np.flatnonzero(eligible).tolist():
        assert rulings.of(int(looks.customer[row])).model == ("d" * 64 if mine[row] else "a" * 64)
    told = next(row for row in np.flatnonzero(mine & eligible).tolist() if in_words(rulings, looks, row))
    assert {one.feature for one in in_words(rulings, looks, told)} <= set(rulings.names)
