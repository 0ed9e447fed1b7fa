"""Stages: what leads into them, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.package_data import shipped
from forbear.domain.credit import Cause, DefaultPd, EarlyPd, Stage
from forbear.models.credit.parameters import parse_parameters
from forbear.models.credit.staging import Evidence, Standing, assess, triggers, unassessed

PARAMETERS = parse_parameters(shipped("credit.toml"))
RULES = PARAMETERS.staging
CALM, BAD = 0, int(Cause.DEFAULT)
HISTORY = st.lists(st.sampled_from([CALM, int(Cause.RELATIVE_PD), int(Cause.WATCH_LIST), BAD]), min_size=1, max_size=24)


def causes_of(**said: object) -> Cause:
    """Causes of one exposure with a PD of 1 % now and at origination, unless said otherwise."""
    facts = {"pd": 0.01, "origin": 0.01, "days": np.nan, "default": False, "watch": False, "warning": None, **said}
    evidence = Evidence(
        pd=DefaultPd(np.array([facts["pd"]])),
        pd_at_origination=DefaultPd(np.array([facts["origin"]])),
        days_past_due=np.array([facts["days"]], dtype=np.float64),
        in_default=np.array([facts["default"]]),
        watch_list=np.array([facts["watch"]]),
        early_warning=None if facts["warning"] is None else EarlyPd(np.array([facts["warning"]])),
    )
    return Cause(int(triggers(evidence, RULES, PARAMETERS.default)[0]))


def stages_of(history: list[int], months: float = 1.0) -> list[int]:
    """Stages of one exposure through a history of causes."""
    standing, found = unassessed(1), []
    for causes in history:
        standing = assess(np.array([causes]), standing, RULES, months=months)
        found.append(int(standing.stages[0]))
    return found


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ({}, Cause(0)),
        ({"pd": 0.02}, Cause.RELATIVE_PD),
        ({"pd": 0.002, "origin": 0.001}, Cause(0)),
        ({"pd": 0.12, "origin": 0.11}, Cause.ABSOLUTE_PD),
        ({"days": 30.0}, Cause(0)),
        ({"days": 31.0}, Cause.PAST_DUE),
        ({"days": 90.0}, Cause.PAST_DUE | Cause.DEFAULT),
        ({"watch": True}, Cause.WATCH_LIST),
        ({"warning": 0.29}, Cause(0)),
        ({"warning": 0.30}, Cause.EARLY_WARNING),
        ({"default": True}, Cause.DEFAULT),
    ],
)
def test_each_test_speaks_for_itself(said: dict[str, object], cause: Cause) -> None:
    """The relative test needs a multiple and a rise; the backstop is more than 30 days; unknown days say nothing."""
    assert causes_of(**said) == cause


@given(HISTORY)
def test_default_is_stage_3_and_any_trigger_at_least_stage_2(history: list[int]) -> None:
    """At every date, whatever went before."""
    for causes, stage in zip(history, stages_of(history), strict=True):
        assert stage == Stage.IMPAIRED or not causes & BAD
        assert stage >= Stage.INCREASED or not causes


@given(HISTORY)
def test_a_long_calm_leads_back_to_stage_1(history: list[int]) -> None:
    """After both probations without a trigger nothing is held against an exposure."""
    months = RULES.probation_months + RULES.default_probation_months
    assert stages_of([*history, *[CALM] * months])[-1] == Stage.PERFORMING


@given(HISTORY)
def test_stage_3_is_left_through_stage_2(history: list[int]) -> None:
    """Nobody goes from default straight to stage 1, nor sooner than after the months of probation."""
    stages = stages_of([*history, BAD, *[CALM] * 12])[len(history) :]
    assert stages[: RULES.default_probation_months] == [Stage.IMPAIRED] * RULES.default_probation_months
    back = stages.index(Stage.INCREASED)
    assert back == RULES.default_probation_months
    assert stages[back : back + RULES.probation_months] == [Stage.INCREASED] * RULES.probation_months


def test_probation_is_its_own_cause() -> None:
    """Who is held by time alone is marked so."""
    first = assess(np.array([int(Cause.WATCH_LIST)]), unassessed(1), RULES, months=1.0)
    held = assess(np.array([CALM]), first, RULES, months=1.0)
    assert Cause(int(held.causes[0])) == Cause.PROBATION
    assert held.stages[0] == Stage.INCREASED


def test_a_new_exposure_has_no_past() -> None:
    """Row -1 stands for an exposure that was never assessed."""
    before = Standing(np.array([3]), np.array([BAD]), np.array([0.0]), np.array([0.0])).rows(np.array([-1, 0]))
    assert before.stages.tolist() == [1, 3]
    assert before.sound_months.tolist() == [np.inf, 0.0]


def test_evidence_of_the_wrong_event_is_refused() -> None:
    """A default PD is no early warning, and an early warning no default PD."""
    one, nobody = np.array([0.1]), np.array([False])
    with pytest.raises(TypeError, match="no probability of default"):
        triggers(
            Evidence(EarlyPd(one), DefaultPd(one), one, nobody, nobody),  # type: ignore[arg-type]
            RULES,
            PARAMETERS.default,
        )
    with pytest.raises(TypeError, match="early delinquency"):
        triggers(
            Evidence(DefaultPd(one), DefaultPd(one), one, nobody, nobody, DefaultPd(one)),  # type: ignore[arg-type]
            RULES,
            PARAMETERS.default,
        )
