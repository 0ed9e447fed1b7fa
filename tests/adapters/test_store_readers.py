"""Views for readers and the letting go of old rows, the same on every database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.retention import Retained, RetentionRule, retain
from forbear.adapters.sql.rows import heaviest_columns
from forbear.adapters.sql.store import SqlStore, open_store
from forbear.domain.errors import ConfigError
from forbear.engine.audit import verify
from forbear.engine.outputs import Outputs, Position
from forbear.engine.queries import whole_chain
from forbear.policy.proposals import HOLD_REASONS
from forbear.testing.outputs import CUSTOMERS, FIRST_DAY, day, days, scores
from forbear.testing.queries_contract import erased

FEATURES = ["a", "b", "c"]
MOST = 10_000
NOTHING = Retained(predictions=0, decisions=0, contacts=0, answers=0, asked_scores=0)


@pytest.fixture
def store(any_url: str) -> Iterator[SqlStore]:
    """An empty store on each database."""
    with closing(open_store(any_url)) as opened:
        yield opened


def rows(store: SqlStore, query: str) -> list[dict[str, Any]]:
    """What a reader gets who knows SQL only."""
    with store.engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


def date_of(number: int) -> str:
    """A day since 1970 as it is written."""
    return str(date(1970, 1, 1) + timedelta(days=number))


# ---- risk_scores


def test_scores_are_told_in_words(store: SqlStore) -> None:
    """A reader sees who was scored when, the score and its level, and by which model and policy."""
    (first,) = days(1)
    store.commit(first)
    scored = first.predictions
    assert scored is not None
    found = rows(store, "SELECT * FROM risk_scores ORDER BY customer_id")

    assert [row["customer_id"] for row in found] == [f"customer-{at}" for at in range(4)]
    assert [row["score"] for row in found] == scored.pd.tolist()
    assert {str(row["date"]) for row in found} == {date_of(FIRST_DAY)}
    (as_of,) = {row["as_of"] for row in found}
    told = as_of if isinstance(as_of, datetime) else datetime.fromisoformat(as_of)
    assert told == datetime.fromtimestamp(int(scored.as_of_us[0]) / 1e6, UTC)
    assert {(row["level"], row["model_version"], row["policy_version"]) for row in found} == {
        ("high", "scorecard-" + "0" * 12, "1")
    }


def test_every_verdict_has_its_word(store: SqlStore) -> None:
    """Each code is told as the policy words it, a proposal as proposed; outside of every band the level is empty."""
    codes = np.arange(-1, len(HOLD_REASONS), dtype=np.int8)
    scored = scores(9, FIRST_DAY, tuple(range(1, len(codes) + 1)))
    outside = replace(scored, verdict=codes, band=np.full(len(codes), -1, dtype=np.int8))
    store.commit(replace(day(0, None), predictions=outside))
    found = rows(store, "SELECT verdict, level FROM risk_scores ORDER BY customer")

    assert [row["verdict"] for row in found] == ["proposed", *map(str, HOLD_REASONS)]
    assert {row["level"] for row in found} == {""}


def test_the_features_that_raise_a_score_stand_beside_it(store: SqlStore) -> None:
    """On PostgreSQL the heaviest first, each with its attribution; of those that lower it none. SQLite has none."""
    scored = replace(scores(9, FIRST_DAY), attributions=np.array([[1, 3, 2], [-1, 0.5, -2], [-1, -2, 0], [9, -1, 8.0]]))
    store.commit(replace(day(0, None), predictions=scored))
    names = [f"{what}_{nth}" for nth in (1, 2, 3) for what in ("feature", "impact")]
    found = rows(store, f"SELECT customer_id, {', '.join(names)} FROM risk_scores ORDER BY customer_id")
    told = [[row[name] for name in names if row[name] is not None] for row in found]

    if store.engine.dialect.name == "sqlite":
        assert told == [[], [], [], []]
    else:
        assert told == [["b", 3.0, "c", 2.0, "a", 1.0], ["b", 0.5], [], ["a", 9.0, "c", 8.0]]


@pytest.mark.parametrize("features", [0, 1, 2, 5, 31])
def test_the_heaviest_are_those_that_sorting_finds(features: int) -> None:
    """Whatever the number of features, the places and impacts are those of a full sort, as far as they raise."""
    scored = scores(3, FIRST_DAY, tuple(range(1, 200)), features)
    columns = heaviest_columns(scored)
    for row, attributions in enumerate(scored.attributions):
        order = [int(place) for place in np.argsort(-attributions) if attributions[place] > 0][:3]
        places = [columns[f"feature_{nth}"][row] for nth in (1, 2, 3)]
        impacts = [columns[f"impact_{nth}"][row] for nth in (1, 2, 3)]
        assert [place for place in places if place is not np.ma.masked] == order
        assert [impact for impact in impacts if impact is not np.ma.masked] == attributions[order].tolist()


def test_an_erased_customer_is_in_no_view(store: SqlStore) -> None:
    """Neither id nor key nor a reason of an erased customer is left in what readers see."""
    store.commit(days(1)[0])
    erased(store, CUSTOMERS[0])
    nobody = rows(store, "SELECT * FROM risk_scores WHERE customer IS NULL")

    assert len(nobody) == 1
    personal = ["customer_id", *(f"{what}_{nth}" for nth in (1, 2, 3) for what in ("feature", "impact"))]
    assert {nobody[0][name] for name in personal} == {None}
    assert rows(store, "SELECT customer_id FROM interventions WHERE type = 'payment_plan_call'") == [
        {"customer_id": None}
    ]


# ---- interventions


def test_interventions_are_told_with_what_came_of_them(store: SqlStore) -> None:
    """Offers and holds in words, with the first payment that was due within thirty days of them, if any was."""
    made = days(2)
    store.commit(made[0])
    missed = made[0].outcomes[0]
    after = made[0].until
    told = [
        replace(missed, offset=after.offset + nth, customer=CUSTOMERS[0], due_day=FIRST_DAY + due, status=status)
        for nth, (due, status) in enumerate([(-1, "missed"), (31, "missed"), (30, "missed"), (5, "paid"), (5, "cured")])
    ]
    store.commit(Outputs(after=after, until=Position(after.offset + 5), outcomes=tuple(told)))
    found = rows(store, "SELECT * FROM interventions ORDER BY status DESC")

    assert [(row["customer_id"], row["status"], row["type"], row["message"]) for row in found] == [
        ("customer-0", "offered", "payment_plan_call", "plan"),
        ("customer-1", "capacity", "reminder", "plan"),
    ]
    assert [(row["channel"], row["priority"], str(row["date"])) for row in found] == [
        ("phone", "high", date_of(FIRST_DAY)),
        ("app", "high", date_of(FIRST_DAY)),
    ]
    assert [(row["outcome"], row["outcome_date"] and str(row["outcome_date"])) for row in found] == [
        ("paid", date_of(FIRST_DAY + 5)),
        (None, None),
    ]


# ---- retention


def test_old_predictions_go_and_the_chain_stays(store: SqlStore, any_url: str) -> None:
    """What is older than the rule says goes, as far as the database parts it; all else is as it was."""
    made = days(60)
    for outputs in made:
        store.commit(outputs)
    today = FIRST_DAY + 60
    gone = retain(store.engine, RetentionRule(predictions_days=20), today=today)
    with closing(open_queries(any_url)) as queries:
        left = queries.recorded(MOST).value
        assert verify(whole_chain(queries)) is None

    assert left.predictions is not None
    youngest_gone = FIRST_DAY + 60 - len(left.predictions) // 4
    assert gone.predictions + len(left.predictions) == 240
    assert gone.predictions > 0
    assert (gone.decisions, gone.contacts) == (0, 0)
    assert left.predictions.day.min() == youngest_gone <= today - 20
    assert (len(left.decisions), len(left.contacts), len(left.audit)) == (120, 60, 120)
    assert retain(store.engine, RetentionRule(predictions_days=20), today=today) == NOTHING
    store.commit(day(60, store.head()))


def test_old_interventions_name_nobody(store: SqlStore, any_url: str) -> None:
    """Past their days decisions name no customer and contacts are gone; the chain verifies, and younger ones stay."""
    made = days(100)
    for outputs in made:
        store.commit(outputs)
    rule = RetentionRule(predictions_days=None, interventions_days=90)
    gone = retain(store.engine, rule, today=FIRST_DAY + 99)
    with closing(open_queries(any_url)) as queries:
        left = queries.recorded(MOST).value
        assert verify(whole_chain(queries)) is None

    assert gone == replace(NOTHING, decisions=18, contacts=9, answers=9)
    to_nobody = {one.decision_id for one in left.decisions if one.customer == 0}
    assert [one.customer == 0 for one in left.answers] == [one.decision_id in to_nobody for one in left.answers]
    assert [one.customer == 0 for one in left.decisions] == [one.day < FIRST_DAY + 9 for one in left.decisions]
    assert min(one.day for one in left.contacts) == FIRST_DAY + 9
    assert retain(store.engine, rule, today=FIRST_DAY + 99) == NOTHING


@pytest.mark.parametrize("days_", [{"interventions_days": 89}, {"predictions_days": 0}])
def test_too_short_a_rule_is_refused(days_: dict[str, int]) -> None:
    """Interventions are kept for ninety days at least, predictions for one."""
    with pytest.raises(ConfigError, match="must be"):
        RetentionRule(**days_)
