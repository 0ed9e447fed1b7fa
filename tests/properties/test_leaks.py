"""No feature knows the future: planted leaks of every common kind are found, the engine's own rows hold none."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forbear.adapters.archive import FileArchive
from forbear.apps.jobs.modelling import dataset_of
from forbear.domain.calendar import BankCalendar
from forbear.engine.backfill import Feed, Replay, training_rows
from forbear.features.batch import batch_of
from forbear.features.book import Book
from forbear.features.columns import EventColumns, EventKind, columns_of, day_number
from forbear.features.compute import FeatureSet
from forbear.features.local_time import local_time
from forbear.models.leakage import SUSPICIOUS_AUC, suspects
from forbear.models.training import TrainedKind, TrainingSpec, train
from forbear.simulation.bank import deployment, simulate
from forbear.simulation.spec import BankSpec
from forbear.testing.builders import closed, transaction
from forbear.testing.leaks import Known, features_that_leak, with_other_futures

SPEC = BankSpec(customers=400, days=230, seed=11, late_share=0.02)
CUT = day_number(SPEC.start) + 150
FEATURES = FeatureSet.standard()


@pytest.fixture(scope="module")
def log() -> EventColumns:
    """A synthetic bank's log as one piece."""
    chunks = list(simulate(SPEC))
    columns = {name: np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in chunks[0].__slots__}
    return EventColumns(**columns)


@pytest.fixture(scope="module")
def replayed(log: EventColumns) -> Replay:
    """The engine's training rows of some month ends."""
    return replay_of(log, [CUT - 80, CUT - 45, CUT - 10, CUT + 25])


def replay_of(log: EventColumns, days: list[int]) -> Replay:
    """Training rows by way of an archive."""
    with tempfile.TemporaryDirectory() as folder:
        archive = FileArchive(Path(folder))
        for start in range(0, len(log), 50_000):
            archive.append(log.take(slice(start, start + 50_000)))
        return training_rows(Feed(archive, deployment(SPEC), BankCalendar()), days)


def engine_rows(log: EventColumns, day: int) -> Known:
    """What the engine trains on."""
    rows = replay_of(log, [day]).rows
    return Known(rows.customer, rows.values, FEATURES.names)


def as_it_stands_now(log: EventColumns, day: int) -> Known:
    """The leak of a feature store without two clocks: facts dated up to the day, whenever they became known."""
    zone = local_time(SPEC.time_zone)
    booked_by_then = zone.local_us(log.booked_us) // 86_400_000_000 <= day
    told = np.flatnonzero(booked_by_then & (log.kind != EventKind.DAY_CLOSED))
    book = Book(FEATURES, day_number(SPEC.start))
    for number in range(day_number(SPEC.start), day):
        book.close_day(number)
    book.fold(batch_of(log.take(told), zone))
    return Known(book.keys, book.compute(), FEATURES.names)


def a_day_too_late(log: EventColumns, day: int) -> Known:
    """The leak of a window that is off by one."""
    return engine_rows(log, day + 1)


def with_the_outcome(log: EventColumns, day: int) -> Known:
    """The leak of a column that is written when the outcome is known."""
    rows = replay_of(log, [day]).rows
    values = np.column_stack([rows.values, np.nan_to_num(rows.days_ahead, nan=99.0)])
    return Known(rows.customer, values, (*FEATURES.names, "loan_status"))


def test_the_engines_rows_know_no_future(log: EventColumns) -> None:
    """When everybody lives on with another's future, no feature of anybody moves by one bit."""
    assert features_that_leak(engine_rows, log, CUT) == set()


def test_late_facts_taken_early_are_found(log: EventColumns) -> None:
    """Facts put into the past that nobody knew of then move features of balance and spending."""
    found = features_that_leak(as_it_stands_now, log, CUT)
    assert {"spending_to_income_30d", "days_of_cover"} <= found


def test_a_window_off_by_one_is_found(log: EventColumns) -> None:
    """One day too many is enough."""
    assert "lowest_balance_ratio_14d" in features_that_leak(a_day_too_late, log, CUT)


def test_a_column_that_holds_the_outcome_is_found(log: EventColumns) -> None:
    """And nothing else is accused along with it."""
    assert features_that_leak(with_the_outcome, log, CUT) == {"loan_status"}


def test_labels_follow_the_future_while_features_stay(log: EventColumns) -> None:
    """The same rows get other labels from another future: nothing in a feature's window decides them."""
    real, other = replay_of(log, [CUT]).rows, replay_of(with_other_futures(log, CUT, 1), [CUT]).rows

    np.testing.assert_array_equal(real.customer, other.customer)
    assert real.values.tobytes() == other.values.tobytes()
    assert real.labels.sum() >= 3
    assert (real.labels & ~other.labels).sum() >= 0.8 * real.labels.sum()
    assert (other.labels & ~real.labels).any()


def test_labels_read_nothing_of_the_features_window(log: EventColumns) -> None:
    """Take every outcome up to the close away: who is asked about may change, a label of theirs may not."""
    places = np.arange(len(log))
    close = np.flatnonzero((log.kind == EventKind.DAY_CLOSED) & (log.day == CUT))[0]
    forgotten = replay_of(log.take(np.flatnonzero((log.kind != EventKind.OUTCOME) | (places > close))), [CUT]).rows
    real = replay_of(log, [CUT]).rows

    known = np.isin(forgotten.customer, real.customer)
    np.testing.assert_array_equal(forgotten.customer[known], real.customer)
    np.testing.assert_array_equal(forgotten.days_ahead[known], real.days_ahead)
    assert not np.array_equal(forgotten.values[known], real.values, equal_nan=True)


def test_a_planted_leak_is_suspected(replayed: Replay) -> None:
    """A column that is the label with some noise, or that is unknown where the label is, ranks too well alone."""
    dataset = dataset_of(replayed.rows, FEATURES)
    labels = dataset.labels.astype(np.float64)
    noisy = labels + np.random.default_rng(0).normal(scale=0.2, size=len(labels))
    telling = np.where(dataset.labels, np.nan, 1.0)

    assert suspects(dataset) == ()
    for planted in (noisy, -noisy, telling):
        features = dataset.features.copy()
        features[:, 5] = planted
        found = suspects(replace(dataset, features=features))
        assert [one.feature for one in found] == [dataset.names[5]]
        assert found[0].auc >= SUSPICIOUS_AUC
        assert dataset.names[5] in str(found[0])


def test_too_few_outcomes_accuse_nobody(replayed: Replay) -> None:
    """With a handful of positives some feature ranks well by chance."""
    dataset = dataset_of(replayed.rows, FEATURES)
    few = np.concatenate([np.flatnonzero(dataset.labels)[:3], np.flatnonzero(~dataset.labels)[:500]])
    assert suspects(dataset.rows(few)) == ()


@pytest.mark.parametrize("kind", ["scorecard", "boosting"])
def test_shuffled_labels_teach_nothing(replayed: Replay, kind: TrainedKind) -> None:
    """Labels dealt at random cannot be foreseen: what training validates with sees nothing that it should not."""
    dataset = dataset_of(replayed.rows, FEATURES)
    chance = np.random.default_rng(3)
    dealt = replace(
        dataset,
        # Without directions of risk: they are knowledge, and would rank even where nothing can be learned.
        specs=tuple(replace(spec, direction=0) for spec in dataset.specs),
        labels=chance.random(len(dataset)) < 0.05,
        days_ahead=np.full(len(dataset), np.nan),
    )
    found = train(dealt, TrainingSpec(kind, 0)).validation.figures["auc"]
    assert found.low < 0.5 < found.high


def test_a_future_must_be_there_to_be_swapped() -> None:
    """A day that was never closed, or a log in which nobody lives on, cannot be hunted in."""
    one = columns_of([transaction(0, day=0), closed(0), transaction(1, day=1), closed(1)])
    day = day_number(SPEC.start)
    with pytest.raises(ValueError, match="never closed"):
        with_other_futures(one, day, 0)
    with pytest.raises(ValueError, match="no two customers"):
        with_other_futures(one, int(one.day[1]), 0)
