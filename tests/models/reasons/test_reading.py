"""A catalogue is read strictly: what nobody could have meant is refused, and the message says what to mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from forbear.domain.errors import ConfigError, ModelMismatch
from forbear.models.dataset import Dataset, FeatureSpec
from forbear.models.reasons.catalogue import Telling
from forbear.models.reasons.reading import read_catalogue

Change = Callable[[dict[str, Any]], object]

UNREADABLE: dict[str, tuple[Change, str]] = {
    "an unknown key": (lambda d: d.update(tone="warm"), "tone"),
    "an unknown key of a reason": (lambda d: d["reasons"][0].update(mood=1), "mood"),
    "another format": (lambda d: d.update(format=2), "format 2"),
    "a language less": (lambda d: d["reasons"][1]["fallback"].pop("de"), "saving: fallback"),
    "a language more": (lambda d: d["reasons"][1]["fallback"].update(fr="Peu."), "fr"),
    "other figures": (lambda d: d["reasons"][0]["sentences"][0]["say"].update(de="Sie schulden etwas."), "owing/1"),
    "an unknown figure": (lambda d: d["reasons"][1].update(fallback=dict.fromkeys(("en", "de"), "{gold}")), "gold"),
    "a figure for changes only": (lambda d: d["reasons"][1].update(fallback={"en": "{now}", "de": "{now}"}), "now"),
    "a feature nobody can read": (
        lambda d: d["reasons"][1].update(fallback={"en": "{stress}", "de": "{stress}"}),
        "in ratio",
    ),
    "an unknown style": (lambda d: d["reasons"][1].update(fallback={"en": "{owed:gold}", "de": "{owed:gold}"}), "gold"),
    "two styles of one figure": (
        lambda d: d["reasons"][1].update(fallback=dict.fromkeys(("en", "de"), "{visits} {visits:days}")),
        "two styles",
    ),
    "a broken placeholder": (lambda d: d["reasons"][1].update(fallback={"en": "{owed", "de": "{owed"}), "fallback"),
    "an index": (lambda d: d["reasons"][1].update(fallback={"en": "{owed[0]}", "de": "{owed[0]}"}), "no name"),
    "braces": (lambda d: d["reasons"][1].update(fallback={"en": "{{", "de": "{{"}), "braces"),
    "a condition that is none": (lambda d: d["reasons"][0]["sentences"][0].update(when=["owed = 3"]), "no condition"),
    "a condition on nothing": (lambda d: d["reasons"][0]["sentences"][0].update(when=["gold > 3"]), "gold"),
    "about another's feature": (lambda d: d["reasons"][0]["sentences"][0].update(about=["cover"]), "cover"),
    "about nothing": (lambda d: d["reasons"][0]["sentences"][0].update(about=[]), "features of its reason"),
    "a code twice": (lambda d: d["reasons"][1].update(code="owing"), "owing"),
    "a way that is none": (lambda d: d["changes"][0].update(toward="up"), "toward"),
    "a change that moves nothing": (lambda d: d["changes"][0].update(moves=[]), "nothing moves"),
    "two changes of one feature": (lambda d: d["changes"][1]["moves"][0].update(feature="stress"), "stress"),
    "a change of no figure": (lambda d: d["changes"][0].update(quantity="stress"), "stress"),
    "a change by no figure": (lambda d: d["changes"][0]["moves"][0].update(scale="gold"), "gold"),
    "a change that asks for everything": (lambda d: d["changes"][0].update(keeps=1.0), "keeps"),
    "an outcome less": (lambda d: d["outcomes"].pop("nothing"), "outcomes"),
    "a year too short": (lambda d: d["languages"]["de"].update(months=["Januar"]), "1 months"),
    "no language": (lambda d: d.update(languages={}), "no language"),
}
DISAGREEING: dict[str, tuple[Change, str]] = {
    "an unknown feature": (lambda d: d["reasons"][1]["features"].append("gold"), "gold"),
    "a feature in no reason": (lambda d: d["never_told"].clear(), "never_seen"),
    "an unknown feature never told": (lambda d: d["never_told"][0]["features"].append("gold"), "gold"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_meant_is_refused(
    document: dict[str, Any], rows: Dataset, figures: Mapping[str, str], what: str
) -> None:
    """The operator must mend the document, and is told where."""
    spoil, named = UNREADABLE[what]
    spoil(document)
    with pytest.raises(ConfigError, match=named.replace("{", r"\{")):
        read_catalogue(document, rows.specs, figures)


@pytest.mark.parametrize("what", DISAGREEING)
def test_what_the_features_do_not_bear_out_is_refused(
    document: dict[str, Any], rows: Dataset, figures: Mapping[str, str], what: str
) -> None:
    """The model owner must bring the catalogue and the feature set together."""
    spoil, named = DISAGREEING[what]
    spoil(document)
    with pytest.raises(ModelMismatch, match=named):
        read_catalogue(document, rows.specs, figures)


def test_a_feature_stands_in_one_reason_only(
    document: dict[str, Any], rows: Dataset, figures: Mapping[str, str]
) -> None:
    """In two reasons it would be told twice."""
    document["reasons"][1]["features"].append("stress")
    with pytest.raises(ConfigError, match="stress"):
        read_catalogue(document, rows.specs, figures)


@pytest.mark.parametrize("name", ["customer_age", "maritalStatus", "is_female_gender", "nationality"])
def test_no_reason_speaks_of_a_protected_attribute(
    document: dict[str, Any], rows: Dataset, figures: Mapping[str, str], name: str
) -> None:
    """Even where a feature set has such a column, no catalogue over it is accepted, told or not."""
    specs = (*rows.specs, FeatureSpec(name, "patterns", 1, 0.0, 1.0, "share"))
    for place in (document["reasons"][2]["features"], document["never_told"][0]["features"]):
        place.append(name)
        with pytest.raises(ModelMismatch, match="protected attributes"):
            read_catalogue(document, specs, figures)
        place.pop()


def test_more_changes_than_can_be_tried_are_refused(
    document: dict[str, Any], rows: Dataset, figures: Mapping[str, str]
) -> None:
    """Every subset is tried, so their number is bounded."""
    document["changes"] = [{**document["changes"][0], "code": f"c{n}"} for n in range(9)]
    with pytest.raises(ConfigError, match="9 changes"):
        read_catalogue(document, rows.specs, figures)


def test_the_first_true_sentence_is_told(
    document: dict[str, Any], rows: Dataset, figures: Mapping[str, str], telling: Telling
) -> None:
    """A sentence needs its conditions and its figures; without a fitting one the fallback is told."""
    reason = read_catalogue(document, rows.specs, figures).reasons[0]
    values = {"stress": 2.0, "noise": 0.9, "owed": 123_456.0}
    told = reason.sentence_for("stress", values)
    assert told.text.told(values, telling) == {"en": "You owe 1,234.56 EUR.", "de": "Sie schulden 1.234,56 EUR."}
    assert reason.sentence_for("stress", {**values, "owed": 999.0}).code == "owing/2"
    assert reason.sentence_for("stress", {**values, "owed": float("nan")}).code == "owing/2"
    assert reason.sentence_for("noise", values).code == "owing/0"


def test_the_digest_is_of_the_content(document: dict[str, Any], rows: Dataset, figures: Mapping[str, str]) -> None:
    """One changed letter changes it, the order of keys does not."""
    first = read_catalogue(document, rows.specs, figures).digest
    assert read_catalogue(dict(reversed(document.items())), rows.specs, figures).digest == first
    document["reasons"][1]["fallback"]["en"] = "Little is saved!"
    assert read_catalogue(document, rows.specs, figures).digest != first
