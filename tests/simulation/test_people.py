"""Protected attributes shape circumstances and stay out of everything that a model can see."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest

from forbear.features.columns import EventKind
from forbear.simulation.calendar import calendar_of
from forbear.simulation.households import draw_households
from forbear.simulation.people import AGE_BANDS, FEMALE, RETIRED, SEXES, YOUNG, People, people_of
from forbear.simulation.records import Records
from forbear.simulation.spec import BankSpec
from forbear.simulation.world import HOUSE

if TYPE_CHECKING:
    from conftest import Bank

SPEC = BankSpec(customers=20_000, days=1)


@pytest.fixture(scope="module")
def people() -> People:
    """Twenty thousand people."""
    return people_of(SPEC)


@pytest.fixture(scope="module")
def traits() -> Records:
    """Their households' traits."""
    return draw_households(SPEC, calendar_of(SPEC))["traits"]


def test_attributes_come_with_circumstances(people: People, traits: Records) -> None:
    """Pay, pension, rhythm, risk of losing work and buffers differ between the groups, as they do among people."""
    works = ~traits["pensioner"]
    thin = traits["buffer"] < 0.15 * traits["income"]

    def gap(of: Records, mask: Records) -> float:
        return float(of[mask & works].mean() - of[~mask & works].mean())

    assert gap(traits["income"], people.sex == FEMALE) < -15_000
    assert gap(traits["income"], people.minority) < -10_000
    assert gap(traits["job_risk"], people.minority) > 0.2
    assert gap(traits["job_risk"], people.age_band == YOUNG) > 0.3
    assert gap(traits["health_risk"], people.disabled) > 0.5
    assert gap(thin, people.minority) > 0.05
    assert gap(traits["rhythm"] > 0, people.minority) > 0.05
    assert traits["pensioner"][people.age_band == RETIRED].mean() > 0.85


def test_a_region_has_its_own_mix_of_people(people: People, traits: Records) -> None:
    """Where someone lives says something of origin, so a region can stand in for it."""
    shares = [people.minority[traits["region"] == place].mean() for place in range(len(SPEC.regions))]
    assert max(shares) > 2 * min(shares)


def test_no_record_of_a_household_names_an_attribute() -> None:
    """The kernels see circumstances: no field is called like an attribute."""
    names = {name for part in ("traits", "life") for name in HOUSE[part].names or ()}
    assert not names & {field.name for field in fields(People)}
    assert not [name for name in names if "age" in name.split("_") or "sex" in name]


def test_no_event_carries_an_attribute(clean: Bank) -> None:
    """Neither a profile's fields nor any text of the feed says who someone is."""
    words = {*AGE_BANDS, *SEXES, *(field.name for field in fields(People))}
    updates = clean.log.take(clean.log.kind == EventKind.CUSTOMER)
    for payload in updates.payload.tolist():
        told = json.loads(payload)
        assert not words & {*told, str(told["segment"])}
    texts = {text.decode() for text in np.unique(clean.log.counterparty)}
    assert not any(word in text for word in words for text in texts if not text.startswith("O"))


def test_segments_do_not_stand_for_age(clean: Bank) -> None:
    """Every segment is spread over all ages: none holds more than half of its people in one band."""
    updates = clean.log.take(clean.log.kind == EventKind.CUSTOMER)
    age = people_of(clean.spec).age_band
    segments: dict[str, list[int]] = {}
    for payload, customer in zip(updates.payload.tolist(), updates.customer_id.tolist(), strict=True):
        segments.setdefault(json.loads(payload)["segment"], []).append(int(age[int(customer[1:])]))
    assert len(segments) > 1
    for bands in segments.values():
        assert np.bincount(bands).max() < len(bands) / 2


def test_people_are_the_same_among_any_number() -> None:
    """Customer 17 is who he is, and the table has a line for each under one heading."""
    few, many = (people_of(BankSpec(customers=count, days=1)).table().splitlines() for count in (18, 100))
    assert (len(few), few) == (19, many[:19])
    assert few[0] == b"customer_id,age_band,sex,minority,partnered,disabled"
