"""Monitoring: a day is held against days like it, by what those did among themselves."""

from __future__ import annotations

import tomllib
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forbear.apps.package_data import text_of
from forbear.domain.calendar import BankCalendar
from forbear.domain.errors import ConfigError
from forbear.models.drift import BINS
from forbear.models.monitoring import Distributions, Levels, Reference, judge
from forbear.models.monitoring_terms import LIMITED, MonitorTerms, parse_monitoring

STATED = tomllib.loads(text_of("monitor.toml"))
TERMS = parse_monitoring(STATED)
CALENDAR = BankCalendar()
FIRST = int(np.datetime64("2024-01-01").astype(int))
LENGTH = TERMS.windows.history_days + 60
DAYS = np.arange(FIRST, FIRST + LENGTH)
PEOPLE = 50_000.0


def shares_of(draw: np.random.Generator, noise: float = 0.002) -> np.ndarray:
    """A tenth of the book on every day, but for two points until the 25th of each month, and noise that lasts."""
    dates = DAYS.astype("datetime64[D]")
    day_of_month = (dates - dates.astype("datetime64[M]")).astype(int)
    noises, state = [], 0.0
    for _ in DAYS:
        state = 0.8 * state + 0.6 * noise * float(draw.standard_normal())
        noises.append(state)
    return 0.10 + 0.02 * (day_of_month < 25) + np.array(noises)


def levels(shares: np.ndarray, kind: str = "decision_drift", people: float = PEOPLE) -> Levels:
    """Shares of so many people."""
    rows = np.full((len(shares), 1), people)
    return Levels.of_shares(kind, ("contact",), np.round(shares * people)[:, None], rows)


@given(st.integers(0, 10_000), st.sampled_from([-0.04, 0.04]), st.integers(2, 50))
@settings(max_examples=25, deadline=None)
def test_a_shift_of_decisions_pages_on_its_day(seed: int, by: float, ago: int) -> None:
    """Four points of the book, whenever they move: paged on that day, since that day, with the size that it has.

    But for the days about the 25th and the first, whose own turn is half as large.
    """
    day = int(str(DAYS[-ago].astype("datetime64[D]"))[-2:])
    assume(day > TERMS.windows.near_days and abs(day - 25) > TERMS.windows.near_days + 3)
    shares = shares_of(np.random.default_rng(seed))
    shares[-ago:] += by
    judged = judge(DAYS, levels(shares), CALENDAR, TERMS)
    (found,) = judged.findings(LENGTH - ago)
    assert (found.verdict, found.severity, found.since) == ("drifting", "page", int(DAYS[-ago]))
    assert found.effect == pytest.approx(by, abs=0.012)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_month_does_not_page(seed: int) -> None:
    """A book of which two points come and go with every month is steady, once all its reference is there."""
    judged = judge(DAYS, levels(shares_of(np.random.default_rng(seed))), CALENDAR, TERMS)
    assert not judged.pages[TERMS.windows.history_days :].any()
    assert {one.verdict for one in judged.findings()} == {"steady"}


@given(st.integers(0, 1_000), st.integers(1, LENGTH - 1))
@settings(max_examples=15, deadline=None)
def test_a_verdict_knows_nothing_of_later_days(seed: int, until: int) -> None:
    """What is found on a day is the same whatever comes behind it."""
    draw = np.random.default_rng(seed)
    shares = shares_of(draw)
    later = shares.copy()
    later[until:] = draw.random(LENGTH - until)
    one, other = (judge(DAYS, levels(each), CALENDAR, TERMS) for each in (shares, later))
    np.testing.assert_array_equal(one.warned[:until], other.warned[:until])
    np.testing.assert_array_equal(one.departures.p_value[:until], other.departures.p_value[:until])


def test_what_happened_a_year_ago_is_no_news() -> None:
    """Three points more for two weeks in every December: the first time it pages, the second it does not."""
    days = np.arange(FIRST - 400, FIRST + 366)
    dates = days.astype("datetime64[D]")
    month_day = (dates - dates.astype("datetime64[M]")).astype(int)
    december = (dates.astype("datetime64[M]").astype(int) % 12 == 11) & (month_day < 14)
    noise = np.random.default_rng(5).normal(scale=0.001, size=len(days))
    judged = judge(days, levels(0.1 + 0.03 * december + noise), CALENDAR, TERMS)
    years = dates.astype("datetime64[Y]")
    assert judged.pages[december & (years == np.datetime64("2023"))].any()
    assert not judged.pages[december & (years == np.datetime64("2024"))].any()


@pytest.mark.parametrize("daily", [0.001, 0.002])
def test_a_change_that_comes_slowly_does_not_become_usual(daily: float) -> None:
    """A share that grows day by day goes on paging, for days that paged are no reference; what is accepted is one."""
    length = TERMS.windows.history_days + 120
    days = np.arange(FIRST, FIRST + length)
    dates = days.astype("datetime64[D]")
    month_day = (dates - dates.astype("datetime64[M]")).astype(int)
    noise = np.random.default_rng(3).normal(scale=0.002, size=length)
    grown = np.clip(np.arange(length) - TERMS.windows.history_days, 0, 60) * daily
    shares = levels(0.10 + 0.02 * (month_day < 25) + noise + grown)

    judged = judge(days, shares, CALENDAR, TERMS)
    assert judged.pages[-90:].mean() > 0.9
    (last,) = judged.findings()
    assert last.severity == "page"
    assert last.effect == pytest.approx(60 * daily, abs=0.02)
    accepted = judge(days, shares, CALENDAR, TERMS, int(days[-115]))
    assert accepted.pages[-10:].mean() < 0.5


def test_pay_days_are_those_of_the_calendar() -> None:
    """The last bank day of a month is like that of the month before, on whatever date, and unlike the day before it."""
    days = np.arange(FIRST, FIRST + 130)
    alike = Reference.of(days, CALENDAR, TERMS.windows).alike
    place = {str(day): at for at, day in enumerate(days.astype("datetime64[D]"))}
    assert alike[place["2024-04-30"], place["2024-03-29"]]  # a Friday, the month ends on a Sunday
    assert alike[place["2024-04-30"], place["2024-02-29"]]
    assert not alike[place["2024-04-30"], place["2024-03-28"]]
    assert not alike[place["2024-04-29"], place["2024-03-29"]]
    assert not alike[place["2024-04-30"], place["2024-04-19"]]


def distributions(moved: float, ago: int, people: int = 5_000) -> Distributions:
    """Ten features by bins; from some days ago on the first one's lower half loses a share to the upper."""
    draw = np.random.default_rng(9)
    shares = np.full((LENGTH, 10, BINS + 1), 1.0 / BINS)
    shares[..., -1] = 0.0
    shares[-ago:, 0, :5] -= moved / 5.0
    shares[-ago:, 0, 5:BINS] += moved / 5.0
    return Distributions("feature_drift", tuple(f"f{k}" for k in range(10)), draw.multinomial(people, shares))


def test_a_feature_alarm_asks_for_days_on_end() -> None:
    """A feature that moved warns from the third day on, and its neighbours stay steady."""
    judged = judge(DAYS, distributions(0.25, 5), CALENDAR, TERMS)
    np.testing.assert_array_equal(judged.warned[-6:, 0], [0, 1, 2, 3, 4, 5])
    by_day = [next(iter(judged.findings(place))) for place in (-6, -5, -4, -3)]
    assert [one.severity for one in by_day] == ["", "", "", "warn"]
    assert by_day[-1].since == int(DAYS[-5])
    assert not judged.warns[:, 1:].any()


def test_a_small_change_that_is_sure_is_no_alarm() -> None:
    """With a million rows a PSI of 0.01 is beyond chance, and still too small to tell anybody."""
    judged = judge(DAYS, distributions(0.04, 5, people=1_000_000), CALENDAR, TERMS)
    assert judged.departures.p_value[-1, 0] < 1e-6
    assert not judged.warns.any()


def test_a_feature_pages_only_where_the_season_is_known() -> None:
    """The largest shift of a feature warns in the first year; without the rule it pages on the fifth day."""
    seen = distributions(0.45, 6)
    assert not judge(DAYS, seen, CALENDAR, TERMS).pages.any()
    every = msgspec.structs.replace(TERMS.feature_drift, page_needs_a_year=False)
    judged = judge(DAYS, seen, CALENDAR, msgspec.structs.replace(TERMS, feature_drift=every))
    np.testing.assert_array_equal(judged.pages[-6:, 0], [False, False, False, False, True, True])


@pytest.mark.parametrize("case", ["short history", "few customers", "no values"])
def test_cannot_tell_is_an_answer(case: str) -> None:
    """Without history, customers or values nothing is called steady."""
    shares, days, people = shares_of(np.random.default_rng(1)), DAYS, PEOPLE
    match case:
        case "short history":
            shares, days = shares[:60], days[:60]
        case "few customers":
            people = TERMS.windows.least_rows - 1.0
        case "no values":
            shares = np.full(LENGTH, np.nan)
    seen = levels(np.nan_to_num(shares), people=people)
    if case == "no values":
        seen = Levels("decision_drift", ("contact",), shares[:, None], np.zeros((LENGTH, 1)), shares[:, None])
    (found,) = judge(days, seen, CALENDAR, TERMS).findings()
    assert (found.verdict, found.severity) == ("cannot tell", "")


WRONG: dict[str, tuple[tuple[str, ...], Any, str]] = {
    "pages before it warns": (("decision_drift", "page"), 0.001, "decision_drift: it pages before it warns"),
    "an unknown key": (("windows", "weeks"), 3, "unknown field `weeks`"),
    "a level of all": (("false_discovery", "level"), 1.0, "false_discovery"),
    "an unknown method": (("false_discovery", "method"), "hope", "false_discovery.method"),
    "calibration without 1": (("performance", "slope"), [1.1, 1.4], "performance.slope: 1 does not lie in it"),
    "more reference days than there are": (("windows", "least_reference_days"), 300, "more reference days"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_terms_are_refused(case: str) -> None:
    """Terms that cannot be are refused by name, with a mend."""
    (table, key), value, said = WRONG[case]
    with pytest.raises(ConfigError, match=said) as refused:
        parse_monitoring({**STATED, table: {**STATED[table], key: value}})
    assert refused.value.mend


def test_every_limit_states_its_source() -> None:
    """Each kind has limits, and all of them say where they come from."""
    assert len(LIMITED) == 8
    assert all(getattr(TERMS, name).source for name in MonitorTerms.__struct_fields__[2:])
