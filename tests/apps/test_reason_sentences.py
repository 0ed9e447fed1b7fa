"""The shipped catalogue: whole, true to the formulas, and readable by somebody who has never heard of a score."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forbear.apps.home import Home
from forbear.apps.jobs.explaining import shipped_catalogue, teller_of
from forbear.apps.jobs.scoring import chosen_model
from forbear.apps.package_data import shipped
from forbear.domain.protected import is_protected
from forbear.engine.backfill import book_at
from forbear.features.columns import day_of
from forbear.features.compute import FeatureSet
from forbear.features.figures import FIGURES, with_figures
from forbear.features.gather import Ask
from forbear.features.ledger import Question
from forbear.features.measures import Measure
from forbear.models.reasons.catalogue import Telling, Text
from forbear.models.reasons.customer import ScoredBook, explain_rows
from forbear.models.reasons.selection import Limits

FEATURES = FeatureSet.standard()
CATALOGUE = shipped_catalogue(FEATURES)
LONGEST = 150
JARGON = {
    "en": r"\bPD\b|ratio|odds|feature|score|baseline|liquid|percentile|probab|model|algorithm|default|delinquen|"
    r"arrears|threshold|metric|fail|fault|blame|irresponsib|should have|too much|excessive",
    "de": r"\bPD\b|Quote|Score|Merkmal|Modell|Algorithmus|Wahrscheinlichkeit|Schwellen|Ausfall|Bonität|Verzug|Schuld\b|"
    r"selbst schuld|zu viel|versäumt|verantwortungslos",
}
"""Words that a lay reader need not know, and words that put blame on somebody."""

ASKED: dict[str, Question] = {
    "balance_now": Question(Ask.CLOSING, 0, 1, 0),
    "spending_30d": Question(Ask.TOTAL, Measure.SPENDING, 30, 0),
    "gambling_30d": Question(Ask.TOTAL, Measure.GAMBLING, 30, 0),
    "borrowed_30d": Question(Ask.TOTAL, Measure.LENDING, 30, 0),
}
"""What a change's quantity is in the ledger."""


def sentences() -> list[Any]:
    """Every text of the catalogue, by where it stands."""
    found: list[tuple[str, Text]] = [(f"outcomes.{name}", text) for name, text in CATALOGUE.outcomes.items()]
    for reason in CATALOGUE.reasons:
        found += [(one.code, one.text) for one in (*reason.sentences, reason.fallback)]
        found += [(f"{reason.code}.passes", reason.passes.text)] if reason.passes else []
    for change in CATALOGUE.changes:
        found += [(change.code, change.text), (f"{change.code}.none", change.none)]
    return [pytest.param(text, id=where) for where, text in found]


@pytest.mark.parametrize("text", sentences())
def test_sentences_are_plain(text: Text) -> None:
    """Short sentences without jargon and without blame, each ended, none in two languages the same."""
    for language, sentence in text.say.items():
        said = re.sub(r"\{\w+\}", "17", sentence)
        assert all(len(part) <= LONGEST for part in said.split(". "))
        assert not re.search(JARGON[language], said, re.IGNORECASE), said
        assert said[0].isupper() or said[0].isdigit()
        assert said.endswith(".")
    assert len(set(text.say.values())) == len(CATALOGUE.languages)


def test_every_feature_is_in_one_reason() -> None:
    """The standard set is covered, each feature once, and every told one has a calm point to be told by."""
    told = [name for reason in CATALOGUE.reasons for name in reason.features]
    assert sorted([*told, *CATALOGUE.never_told]) == sorted(FEATURES.names)
    assert set(told) <= shipped("expert.toml")["features"].keys()


def test_no_reason_names_a_protected_attribute() -> None:
    """Neither a feature of a reason nor a figure of a sentence says sex, age, origin or the like."""
    quoted = {name for param in sentences() for name in param.values[0].names}
    assert not [name for name in (*FEATURES.names, *FIGURES, *quoted) if is_protected(name)]


def test_every_figure_is_used() -> None:
    """No figure is computed for nobody."""
    quoted = {name for param in sentences() for name in param.values[0].names}
    compared = {name for r in CATALOGUE.reasons for s in r.sentences for c in s.when for name in (c.left, c.of)}
    moved = {name for change in CATALOGUE.changes for name in (change.quantity, *(m.scale for m in change.moves))}
    assert set(FIGURES) <= quoted | compared | moved


@pytest.mark.parametrize("change", CATALOGUE.changes, ids=lambda change: change.code)
def test_changes_move_features_as_the_formulas_do(change: Any) -> None:
    """Changing a quantity in the ledger's answers gives what the catalogue says, and calm is reached where it says."""
    columns = with_figures(FEATURES)
    answers = np.random.default_rng(1).uniform(1_000.0, 900_000.0, (50, len(columns.questions)))
    place = columns.questions.index(ASKED[change.quantity])
    held = columns.questions.index(Question(Ask.LOWEST, 0, 14, 0))
    before, altered = columns.evaluate(answers), answers.copy()
    altered[:, place] *= 1.7 if change.toward > 0 else 0.4
    altered[:, held] = np.maximum(altered[:, held], altered[:, place])
    after = columns.evaluate(altered)
    names = list(columns.names)
    for move in change.moves:
        feature, scale = names.index(move.feature), names.index(move.scale)
        for row in range(50):
            start, end = answers[row, place], altered[row, place]
            x, s = before[row, feature], before[row, scale]
            assert move.moved(x, s, start, end) == pytest.approx(after[row, feature])
            if move.form != "held":
                assert move.needed(x, s, start, after[row, feature]) == pytest.approx(end)


def test_changes_help_in_their_direction() -> None:
    """More or less of a quantity takes each of its features to the calm side of the expert's points."""
    references = shipped("expert.toml")["features"]
    for change in CATALOGUE.changes:
        for move in change.moves:
            risk = np.sign(references[move.feature]["stressed"] - references[move.feature]["calm"])
            moved = move.moved(0.5, 1_000.0, 500.0, 500.0 + 400.0 * change.toward)
            assert risk * (moved - move.moved(0.5, 1_000.0, 500.0, 500.0)) <= 0.0


@pytest.mark.parametrize("kind", ["boosting", "scorecard", "expert"])
def test_everybody_in_a_bank_can_be_told(bank: Any, kind: str) -> None:
    """For every customer and language there are whole sentences: no gap, no unknown, at most four, none twice."""
    home = Home(Path(bank.home))
    scorer, _ = chosen_model(home, kind)
    book = book_at(home.feed, None, snapshots=home.snapshots)
    teller = teller_of(FEATURES, scorer, Limits())
    pds = scorer.predict(book.rows.values)
    ids = tuple(map(str, book.rows.customer))
    scored = ScoredBook(book.rows.values, book.figures, tuple(FIGURES), pds, ids, day_of(book.day + 1))
    telling = Telling(CATALOGUE.languages, "EUR", day_of(book.day))
    explained = explain_rows(teller, scored, list(range(len(ids))), telling, 0.05)
    assert sum(bool(one.reasons) for one in explained) > len(ids) // 4
    for one in explained:
        said = [told.say for told in one.reasons] + [step.say for step in one.way_out.steps] + [one.way_out.say]
        assert len({told.code for told in one.reasons}) == len(one.reasons) <= 4
        assert all(set(say) == {"en", "de"} for say in said)
        assert not [text for say in said for text in say.values() if re.search(r"[{}]|\bnan\b|\binf\b", text)]
        assert all(told.pd_right < one.pd and told.attribution > 0.0 for told in one.reasons)
        assert abs(one.expected + sum(line.log_odds for line in one.lines) - one.log_odds) < 1e-6
