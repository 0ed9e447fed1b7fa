"""What is sealed with a decision in words is what an explanation of its score would have said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from forbear.domain.protected import is_protected
from forbear.engine.outputs import Decision, Predictions
from forbear.features.book import Book
from forbear.features.columns import EventKind, day_number, day_of
from forbear.features.compute import FeatureSet
from forbear.features.figures import FIGURES, with_figures
from forbear.models.explanation import ADDITIVITY_TOLERANCE
from forbear.models.reasons.catalogue import Telling
from forbear.models.reasons.customer import ScoredBook, explain_rows
from forbear.policy.triggers import Trigger

SmallBank = Any
"""What the fixture of that name gives; see conftest."""
LANGUAGES = {"en", "de"}


class Decided(NamedTuple):
    """A decision with what was sealed in it, and the trigger and log-odds of the prediction that it rests on."""

    made: Decision
    personal: dict[str, Any]
    at_close: bool
    log_odds: float


@pytest.fixture(scope="module")
def decided(small_bank: SmallBank) -> tuple[Decided, ...]:
    """Every decision that the small bank's log gives, in the order of the predictions that they rest on."""
    outputs = list(small_bank.worker().process(small_bank.scanned(0, len(small_bank.log))))
    scored = {}
    for one in outputs:
        if one.predictions is not None:
            scored |= dict(by_place(one.predictions))
    vault = small_bank.worker().setup.vault
    found = [
        Decided(made, json.loads(vault.open(made.customer, made.sealed, made.decision_id.encode())), *scored[place])
        for one in outputs
        for made in one.decisions
        if (place := made.prediction)
    ]
    return tuple(sorted(found, key=lambda one: one.made.prediction))


def by_place(predictions: Predictions) -> Iterator[tuple[Any, tuple[bool, float]]]:
    """Whether a day close asked, and the log-odds, by (offset, ordinal)."""
    places = zip(predictions.offset.tolist(), predictions.ordinal.tolist(), strict=True)
    closes = (predictions.trigger & Trigger.DAY_CLOSE != 0).tolist()
    return zip(places, zip(closes, predictions.log_odds.tolist(), strict=True), strict=True)


def test_words_are_those_of_an_explanation_at_that_place(decided: tuple[Decided, ...], small_bank: SmallBank) -> None:
    """Folded up to the event that was scored, the ledgers give just the reasons that were sealed, to the letter."""
    bank, parts = small_bank.deployment, small_bank.parts
    features = FeatureSet.standard(bank.unsupported)
    book = Book(with_figures(features), day_number(bank.opens_on), small_bank.feed_parts[1])
    teller = parts.words.teller(parts.expert, features.names)
    folded = 0
    for one in decided:
        # At a close the ring has not moved yet; an event takes part in its own score.
        place = one.made.prediction.offset + (0 if one.at_close else 1)
        book.fold(small_bank.scanned(folded, place).batch)
        folded = place
        values = book.compute(book.slots_of(np.array([one.made.customer], dtype=np.uint64)))
        own = np.ascontiguousarray(values[:, : len(features.names)])
        asked = ScoredBook(
            own, values[:, len(features.names) :], tuple(FIGURES), parts.expert.predict(own), ("C",), day_of(0)
        )
        telling = Telling(parts.words.catalogue.languages, bank.currency, day_of(book.open_day))
        (explained,) = explain_rows(teller, asked, [0], telling, 0.05)

        assert [reason.document() for reason in explained.reasons] == one.personal["told"]
        assert explained.log_odds == one.personal["log_odds"] == one.log_odds


def test_events_and_closes_are_both_decided_on(decided: tuple[Decided, ...], small_bank: SmallBank) -> None:
    """The law above is tried on either kind of score, and where the ledger had moved on before the cut."""
    customers = small_bank.log.customer_id
    moved = 0
    for one in decided:
        start, cut = one.made.prediction.offset, one.made.offset
        between = customers[start + 1 : cut][small_bank.log.kind[start + 1 : cut] < EventKind.DAY_CLOSED]
        moved += not one.at_close and bool((between == customers[start]).any())
    assert sum(one.at_close for one in decided) > 20
    assert sum(not one.at_close for one in decided) > 20
    assert moved


def test_what_is_told_raises_the_score(decided: tuple[Decided, ...]) -> None:
    """Every told reason adds to the score it is told of, its features together and the one it is told by."""
    told = 0
    for one in decided:
        added = one.personal["attributions"]
        for reason in one.personal["told"]:
            assert reason["log_odds"] > 0.0
            assert added[reason["feature"]] > 0.0
            assert reason["pd_if_put_right"] < one.personal["pd"]
            told += 1
        assert abs(one.personal["expected"] + sum(added.values()) - one.log_odds) <= 10 * ADDITIVITY_TOLERANCE
    assert told > len(decided)


def test_words_stand_in_every_language_with_their_catalogue(
    decided: tuple[Decided, ...], small_bank: SmallBank
) -> None:
    """Each reason is said in all languages, no placeholder is left, and the catalogue is named by its digest."""
    catalogue = small_bank.parts.words.catalogue
    for one in decided:
        assert one.personal["catalogue"] == {"version": catalogue.version, "digest": catalogue.digest}
        for reason in one.personal["told"]:
            assert reason["say"].keys() == LANGUAGES
            assert not any(set("{}") & set(sentence) for sentence in reason["say"].values())


def test_no_protected_attribute_is_sealed(decided: tuple[Decided, ...]) -> None:
    """Neither what a reason rests on nor its name speaks of a protected attribute."""
    names = {name for one in decided for reason in one.personal["told"] for name in (reason["feature"], reason["code"])}
    assert names
    assert not any(map(is_protected, names))


def test_before_reasons_are_approved_nothing_is_told(small_bank: SmallBank) -> None:
    """Without a promotion of reasons decisions are made all the same, and bear no words."""
    log = small_bank.log
    kept = np.flatnonzero(
        [
            not (kind == EventKind.INSTRUCTED and b"reasons" in text)
            for kind, text in zip(log.kind, log.payload, strict=True)
        ]
    )
    assert len(kept) == len(log) - 1
    worker = small_bank.worker()
    bare = type(small_bank)(small_bank.deployment, log.take(kept), small_bank.parts)
    made = [one for outputs in worker.process(bare.scanned(0, len(kept))) for one in outputs.decisions]
    vault = worker.setup.vault
    assert made
    for one in made:
        personal = json.loads(vault.open(one.customer, one.sealed, one.decision_id.encode()))
        assert personal.keys().isdisjoint({"told", "catalogue"})
