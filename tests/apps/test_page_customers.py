"""Explained customers on the page: every word of them, safe, drawn and audible."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from forbear.apps.page.customers import MOST_BARS, attribution_chart, customer_cards, cutoff_in_words
from forbear.models.reasons.customer import (
    NOTHING_TOLD,
    ExplainedCustomer,
    Line,
    Place,
    ToldReason,
    ToldStep,
    ToldWayOut,
)

HOSTILE = "<script>alert('1 & 2')</script>"


def told(code: str, sentence: str) -> ToldReason:
    """A reason with one sentence."""
    return ToldReason(
        code=code,
        sentence=f"{code}/1",
        say={"en": sentence, "de": "..."},
        passes={"en": "It ends soon.", "de": "..."},
        source="",
        feature="stress",
        attribution=1.5,
        share=0.6,
        pd_right=0.04,
    )


CUSTOMER = ExplainedCustomer(
    customer="C1",
    as_of=date(2024, 5, 1),
    pd=0.25,
    place=Place(3, 1_200, 0.021),
    reasons=(told("late", "Your pay is late."), told("low", "Little is left.")),
    way_out=ToldWayOut(
        "enough",
        {"en": "That is enough.", "de": "..."},
        (ToldStep("save", {"en": "Save 5.", "de": ""}, 0.0, 5.0, 0.05),),
        0.06,
        0.05,
    ),
    lines=tuple(Line(f"feature_{n}", 1.0, 0.0, (10 - n) * (-1) ** n / 10) for n in range(10)),
    expected=-3.0,
    log_odds=-1.1,
)


def test_every_word_is_there() -> None:
    """The id as given, PD and rank, each reason with its weight, the way out, and what "in risk" means."""
    card = customer_cards([CUSTOMER]).replace("\N{NO-BREAK SPACE}", " ")
    for said in (
        "C1",
        "25 %, rank 3 of 1,200",
        "Your pay is late.",
        "Little is left.",
        "60 % of what raises the score",
        "Probability if put right: 4.0 %.",
        "It ends soon.",
        "Save 5.",
        "Then 5.0 %.",
        "That is enough.",
    ):
        assert said in card
    assert "6.0 % or more; the mean of the book is 2.1 %" in cutoff_in_words([CUSTOMER]).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_no_reason_is_said_so() -> None:
    """A customer without a reason has a sentence in its place."""
    assert NOTHING_TOLD in customer_cards([replace(CUSTOMER, reasons=())])


def test_ids_from_outside_stay_text() -> None:
    """Markup in an id, a feature's name or a sentence is shown, not obeyed."""
    hostile = replace(CUSTOMER, customer=HOSTILE, reasons=(told("x", HOSTILE),), lines=(Line(HOSTILE, 1.0, 0.0, 0.5),))
    assert "<script" not in customer_cards([hostile])


def test_the_chart_is_heard_and_follows_the_theme() -> None:
    """It has a label with the figures, no colour of its own, and what raises goes right of what lowers."""
    chart = attribution_chart(CUSTOMER)
    assert 'role="img"' in chart
    assert "feature_0 +1.00" in chart
    assert not re.findall(r"#[0-9a-f]{6}", chart)
    bars = [float(x) for x in re.findall(r'<rect x="([\d.]+)"', chart)]
    axis = float(re.findall(r'<line x1="([\d.]+)"', chart)[0])
    assert len(bars) == MOST_BARS + 1
    assert [x >= axis for x in bars[:MOST_BARS]] == [n % 2 == 0 for n in range(MOST_BARS)]


@pytest.mark.parametrize("count", [0, 1, MOST_BARS, MOST_BARS + 1, 31])
def test_any_number_of_features_is_drawn(count: int) -> None:
    """Few features get a bar each, many share the last one, and all bars stay inside the picture."""
    chart = attribution_chart(replace(CUSTOMER, lines=CUSTOMER.lines[:1] * count))
    assert chart.count("<rect") == min(count, MOST_BARS + 1)
    edges = [(float(x), float(width)) for x, width in re.findall(r'<rect x="([\d.]+)".*?width="([\d.]+)"', chart)]
    assert all(x >= 0.0 and x + width <= 520.0 for x, width in edges)
