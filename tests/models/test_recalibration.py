"""Online recalibration: bounded, sure before it moves, the same in any order, and true to ranks and attributions."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.apps.package_data import shipped
from forbear.domain.errors import ConfigError, CorruptState
from forbear.models.artefact import Artefact, Continued, ModelTarget, make_artefact
from forbear.models.calibration import Corrected, Identity, Isotonic, Platt, load_calibrator
from forbear.models.dataset import Dataset
from forbear.models.logistic import sigmoid
from forbear.models.online_terms import parse_online_terms
from forbear.models.prequential import by_day
from forbear.models.recalibration import (
    Correction,
    Outcomes,
    Recalibrating,
    begin_recalibrating,
    gather,
    outcomes_of,
    recalibrated,
)
from forbear.models.training import TrainingSpec, train

TERMS = parse_online_terms(shipped("online.toml")).recalibration
CENTRE = -3.0
START = Recalibrating(Identity(), CENTRE)
FIRST = np.datetime64("2024-01-01", "D")


def drawn(seed: int, days: int, *, rows: int = 2_000, shift: float = 0.0, slope: float = 1.0) -> list[Outcomes]:
    """Outcomes that follow a line about the centre, of the same customers on dates a month apart."""
    generator = np.random.default_rng(seed)
    found = []
    for day in range(days):
        log_odds = generator.normal(-3.0, 1.2, rows)
        true = sigmoid(CENTRE + shift + slope * (log_odds - CENTRE))
        as_of = np.full(rows, FIRST + np.timedelta64(30 * day, "D"))
        found.append(Outcomes(log_odds, generator.random(rows) < true, np.arange(rows), as_of, np.ones(rows)))
    return found


def followed(days: list[Outcomes], state: Recalibrating = START) -> Recalibrating:
    """The state after all days."""
    for day in days:
        state = gather(state, day, TERMS)
    return state


def lived(days: list[Outcomes], order: np.random.Generator) -> list[Outcomes]:
    """The same days, the outcomes of each in another order."""
    shuffled = []
    for day in days:
        place = order.permutation(len(day.labels))
        columns = (day.log_odds, day.labels, day.customers, day.as_of, day.weights)
        shuffled.append(Outcomes(*(column[place] for column in columns)))
    return shuffled


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-6.0, 6.0), slope=st.floats(0.0, 5.0), rows=st.integers(1, 800))
def test_every_step_and_all_together_are_bounded(seed: int, shift: float, slope: float, rows: int) -> None:
    """However wrong a model is, no step and no number of steps goes further than the terms; the slope is above 0."""
    found = followed(drawn(seed, 8, rows=rows, shift=shift, slope=slope))
    for step in found.steps:
        assert abs(step.after.shift - step.before.shift) <= TERMS.step_shift + 1e-12
        assert abs(step.after.slope - step.before.slope) <= TERMS.step_slope + 1e-12
        assert step.positives >= TERMS.least_positives
    assert abs(found.correction.shift) <= TERMS.total_shift
    assert 0.0 < TERMS.total_slope[0] <= found.correction.slope <= TERMS.total_slope[1]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-1.0, 1.0), cut=st.integers(0, 5))
def test_order_within_a_day_and_where_it_was_broken_off_change_nothing(seed: int, shift: float, cut: int) -> None:
    """Outcomes of a date in any order, and learning that stopped and went on, come to the same bits."""
    days = drawn(seed, 5, rows=700, shift=shift)
    whole = followed(days)
    shuffled = lived(days, np.random.default_rng(seed + 1))

    assert msgspec.json.encode(followed(shuffled).steps) == msgspec.json.encode(whole.steps)
    assert followed(days[cut:], followed(days[:cut])).correction == whole.correction


def test_a_calibrated_model_is_left_alone() -> None:
    """Of 60 first steps on outcomes as stated at most a tenth move; three steps move the shift by little."""
    first = [followed(drawn(seed, 1)).steps[0] for seed in range(60)]
    third = [followed(drawn(seed, 3)).correction for seed in range(20)]

    assert sum(step.moved for step in first) <= 6
    assert np.mean([abs(correction.shift) for correction in third]) < 0.06
    assert max(abs(correction.shift) for correction in third) < 0.3


@pytest.mark.parametrize("shift", [-0.8, 0.5])
def test_a_moved_base_rate_is_followed(shift: float) -> None:
    """In steps, and until the last interval reaches what was planted."""
    found = followed(drawn(3, 8, rows=6_000, shift=shift))
    moved = [step for step in found.steps if step.moved]

    assert found.correction.shift == pytest.approx(shift, abs=0.15)
    assert found.correction.slope == pytest.approx(1.0, abs=0.1)
    assert moved[0].bounded
    still = shift - found.steps[-1].before.shift
    assert found.steps[-1].shift.low <= still <= found.steps[-1].shift.high


def test_pds_too_far_apart_are_drawn_together() -> None:
    """Outcomes with a slope of 0.7 bring the slope there."""
    found = followed(drawn(4, 8, rows=6_000, slope=0.7))
    assert found.correction.slope == pytest.approx(0.7, abs=0.08)


def test_no_step_without_misses_enough() -> None:
    """Days wait until they hold as many misses as the terms ask for, and then go together."""
    days = drawn(5, 12, rows=150, shift=1.0)
    states = [START]
    for day in days:
        states.append(gather(states[-1], day, TERMS))
    waiting = [sum(one.positives for one in state.gathered) for state in states]

    assert max(waiting) < TERMS.least_positives
    assert len(states[-1].steps) >= 1
    assert states[-1].steps[0].first_as_of == str(FIRST)
    assert states[-1].steps[0].last_as_of > str(FIRST)


def test_time_goes_one_way() -> None:
    """A date that was seen, or two dates at once, are refused."""
    one, two = drawn(6, 2)
    state = gather(START, two, TERMS)
    both = Outcomes(*(np.concatenate([a, b]) for a, b in zip(_columns(one), _columns(two), strict=True)))
    for refused in (one, two):
        with pytest.raises(ValueError, match="after those of"):
            gather(state, refused, TERMS)
    with pytest.raises(ValueError, match="after those of"):
        gather(START, both, TERMS)


def _columns(day: Outcomes) -> tuple[np.ndarray, ...]:
    return day.log_odds, day.labels, day.customers, day.as_of, day.weights


@given(
    base=st.sampled_from([Identity(), Platt(0.4, 1.3), Isotonic((-4.0, -2.0, 0.0), (0.01, 0.05, 0.4))]),
    shift=st.floats(-1.0, 1.0),
    slope=st.floats(0.6, 1.6),
)
def test_a_corrected_calibrator_never_turns_ranks(
    base: Identity | Platt | Isotonic, shift: float, slope: float
) -> None:
    """Over any base its PDs never fall with the log-odds, and it comes back from its document to the bit."""
    calibrator = Corrected(base, CENTRE, shift, slope)
    grid = np.linspace(-12.0, 8.0, 400)
    pd = calibrator.apply(grid)

    assert (np.diff(pd) >= 0.0).all()
    assert ((pd >= 0.0) & (pd <= 1.0)).all()
    np.testing.assert_array_equal(load_calibrator(calibrator.to_document()).apply(grid), pd)


@pytest.mark.parametrize("broken", [{"slope": 0.0}, {"slope": -1.0}, {"shift": "x"}, {"base": {"kind": "corrected"}}])
def test_a_damaged_correction_is_refused(broken: dict[str, object]) -> None:
    """No slope of 0 or below, no wrong type, and no correction of a correction."""
    document = {**Corrected(Identity(), CENTRE, 0.1, 1.0).to_document(), **broken}
    with pytest.raises(CorruptState):
        load_calibrator(document)


@pytest.fixture(scope="module")
def artefact(bank: Dataset) -> Artefact:
    """A trained scorecard."""
    trained = train(bank, TrainingSpec("scorecard", 1, resamples=5))
    return make_artefact(trained, bank, ModelTarget(1, 30, "a scheduled payment missed"), "features")


def test_the_champion_with_another_calibration(artefact: Artefact, bank: Dataset) -> None:
    """Only the calibrator and what is said of its learning differ; what is explained sums to the same log-odds."""
    unknown = np.full(len(bank), np.nan)
    later = replace(
        bank, as_of=bank.as_of + np.timedelta64(731, "D"), labels=bank.customers % 4 == 0, days_ahead=unknown
    )
    state = begin_recalibrating(artefact)
    for day in by_day(later):
        state = gather(state, outcomes_of(artefact, day), TERMS)
    continued = Continued(artefact.digest(), "u" * 64, "2025-01-01", "2025-12-01", len(later), later.positives, {})
    moved = recalibrated(artefact, state, continued)
    again = Artefact.decode(moved.encode())

    assert state.correction != Correction()
    assert moved.digest() != artefact.digest()
    assert (again.provenance.continued, again.provenance.window.labels_end) == (continued, "2025-12-31")
    assert again.model.to_document() == artefact.model.to_document()
    np.testing.assert_array_equal(again.predict(bank.features), moved.predict(bank.features))
    np.testing.assert_array_equal(moved.explain(bank.features).log_odds, artefact.explain(bank.features).log_odds)
    assert moved.explain(bank.features).errors.max() <= 1e-12
    assert begin_recalibrating(again) == replace(state, steps=(), gathered=())


def test_an_artefact_that_learnt_nothing_more_has_the_bytes_it_had(artefact: Artefact) -> None:
    """What is said of later learning stands in no document without it."""
    assert b"continued" not in artefact.encode()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"total_slope": [1.1, 1.6]}, "total_slope"),
        ({"step_shift": 1.5}, "step_shift"),
        ({"shift_sd": 0.0}, "shift_sd"),
        ({"more": 1}, "more"),
    ],
)
def test_terms_that_contradict_themselves_are_refused(broken: dict[str, object], said: str) -> None:
    """The error names the place."""
    document = shipped("online.toml")
    document["recalibration"] |= broken
    with pytest.raises(ConfigError, match=said):
        parse_online_terms(document)
