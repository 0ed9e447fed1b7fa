"""The backtest page: safe, self-contained, the same every time, and honest about what it cannot say."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest

from forbear.apps.page import BacktestPage, render
from forbear.apps.page.cards import calibration_card
from forbear.apps.page.figures_table import NO_INTERVAL, NO_PROBABILITY, ONE_CLASS
from forbear.apps.page.numerals import DASH, MINUS
from forbear.models.results import CalibrationBin, Curve, Evaluation, Figure, LeadTime, Weight

HOSTILE = """<script src="http://evil.example/x.js">alert('1 & 2')</script> $x_1^2$ #0b5d93"""
UNKNOWN = Figure(math.nan, math.nan, math.nan)
NO_CURVE = Curve(np.empty(0), np.empty(0))
PD_FIGURES = ("brier", "log_loss", "calibration_slope", "calibration_intercept")
FIGURES = {
    "auc": Figure(0.8412, 0.8231, 0.8599),
    "pr_auc": Figure(0.2764, 0.2511, 0.3022),
    "ks": Figure(0.5317, 0.4988, 0.5611),
    "brier": Figure(0.02713, 0.02533, 0.02894),
    "brier_base": Figure(0.03008, 0.02811, 0.03207),
    "log_loss": Figure(0.1137, 0.1071, 0.1204),
    "calibration_slope": Figure(0.964, 0.902, 1.031),
    "calibration_intercept": Figure(-0.043, -0.131, 0.052),
    **{f"precision_at_{p}pct": Figure(0.6 / p, 0.5 / p, 0.7 / p) for p in (1, 2, 5, 10)},
    **{f"recall_at_{p}pct": Figure(0.07 * p, 0.06 * p, 0.08 * p) for p in (1, 2, 5, 10)},
}


def lead_time(budget: float, share: float) -> LeadTime:
    """A line that falls from about a share to nothing over 30 days."""
    days = tuple(range(1, 31))
    caught = tuple(Figure(share * (30 - d) / 23, share * (30 - d) / 25, share * (30 - d) / 21) for d in days)
    return LeadTime(budget, days, caught, misses=431)


def evaluation(model: str = "boosting") -> Evaluation:
    """A complete evaluation with every figure, curve, bin and weight."""
    line = np.linspace(0.0, 1.0, 50)
    bins = tuple(CalibrationBin(p, Figure(p * 1.1, p * 0.7, p * 1.6), 500) for p in (0.004, 0.02, 0.11))
    return Evaluation(
        model=model,
        rows=14_250,
        positives=442,
        customers=1_187,
        figures=dict(FIGURES),
        lead_time=(lead_time(0.02, 0.40), lead_time(0.05, 0.61), lead_time(0.10, 0.78)),
        roc=Curve(line, np.sqrt(line)),
        precision_recall=Curve(line, 1.0 - 0.9 * line),
        calibration=bins,
        weights=tuple(Weight(f"feature_{i}", 0.05, (1, -1, 0)[i % 3]) for i in range(20)),
    )


def rule() -> Evaluation:
    """A rule that ranks and states no probability."""
    unknown = dict.fromkeys(PD_FIGURES, UNKNOWN)
    return replace(evaluation("one feature"), figures={**FIGURES, **unknown}, calibration=())


def barren() -> Evaluation:
    """What is left where the test window has no positive row."""
    known = {"brier": FIGURES["brier"], "brier_base": Figure(0.0, 0.0, 0.0)}
    return replace(
        evaluation(),
        positives=0,
        figures={**dict.fromkeys(FIGURES, UNKNOWN), **known},
        lead_time=(),
        roc=NO_CURVE,
        precision_recall=NO_CURVE,
        calibration=(CalibrationBin(0.0, Figure(0.0, 0.0, 0.004), 900),),
        weights=(),
    )


def page_of(*evaluations: Evaluation) -> BacktestPage:
    """A page with every part, about some evaluations."""
    return BacktestPage(
        title="Early delinquency",
        source="a bank",
        synthetic=False,
        question="A payment is missed within 30 days.",
        trained="January to June",
        tested="August to November",
        evaluations=evaluations or (evaluation(), evaluation("scorecard"), rule()),
        features_unsupported=("night_share_change",),
        feed={"folded": 99_990, "conflict": 10, "of_a_later_version": 1},
        notes=("Nobody was treated.",),
        scorecard_table=(("salary_delay_days", "below 3", "41", "80 %"), ("salary_delay_days", "from 3")),
        facts={"Artefact": "sha256:9f3c"},
        created="21 November 2025",
    )


class Reader(HTMLParser):
    """Reads a document as a browser does, and fails where an element is closed that is not open."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and that it is open."""
        self.handle_startendtag(tag, attrs)
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last, and no other."""
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        """Keep what a person reads."""
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All visible text, with plain spaces, and hyphens for dashes and minus signs."""
        plain = " ".join(self.words).replace(DASH, "-").replace(MINUS, "-")
        return " ".join(plain.split())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a kind."""
        return [attributes for found, attributes in self.elements if found == tag]


PAGES = {
    "whole": page_of(),
    "alone": page_of(evaluation()),
    "rule": page_of(rule()),
    "barren": page_of(barren()),
    "bare": replace(page_of(barren()), feed={}, notes=(), scorecard_table=(), facts={}, features_unsupported=()),
}


@cache
def rendered(name: str) -> str:
    """A page as HTML, made once."""
    return render(PAGES[name])


def read(name: str) -> Reader:
    """A page as it is read."""
    return Reader(rendered(name))


@pytest.mark.parametrize("name", PAGES)
def test_is_well_formed(name: str) -> None:
    """Every element is closed where it belongs, identifiers are unique, and headings do not skip a level."""
    reader = read(name)
    identifiers = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    levels = [int(tag[1]) for tag, _ in reader.elements if tag in {"h1", "h2", "h3"}]
    assert not reader.open
    assert len(set(identifiers)) == len(identifiers)
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


@pytest.mark.parametrize("name", PAGES)
def test_needs_nothing_from_elsewhere(name: str) -> None:
    """No address, no script, no import; references stay inside the document, and the policy forbids the rest."""
    document = rendered(name)
    reader = Reader(document)
    references = [value for _, attributes in reader.elements for key, value in attributes.items() if "href" in key]
    assert all(value and value.startswith("#") for value in references)
    assert not re.search(r"https?:|@import|url\((?!#)|\ssrc=|<script|<link", document)
    assert any("default-src 'none'" in (meta.get("content") or "") for meta in reader.of("meta"))


def test_references_in_plots_resolve() -> None:
    """Whatever a plot refers to is in the document under that very name."""
    document = rendered("whole")
    referred = set(re.findall(r'(?:href="|url\()#([^")]+)', document))
    assert referred
    assert referred <= set(re.findall(r' id="([^"]+)"', document))


def test_hostile_text_stays_text() -> None:
    """Markup in any text that comes from outside is shown, not obeyed, in plots and labels too."""
    hostile = replace(evaluation(HOSTILE), weights=(Weight(HOSTILE, 1.0, 1),), figures={**FIGURES, HOSTILE: UNKNOWN})
    row = (HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    texts = dict.fromkeys(
        ("title", "source", "question", "trained", "tested", "created", "outcomes", "cadence"), HOSTILE
    )
    many = {"features_unsupported": (HOSTILE,), "notes": (HOSTILE,), "scorecard_table": (row,)}
    mappings = {"feed": {HOSTILE: 1}, "facts": {HOSTILE: HOSTILE}}
    reader = Reader(render(replace(page_of(hostile), **texts, **many, **mappings)))
    assert not reader.open
    assert not reader.of("script")
    assert reader.text.count(HOSTILE) >= len(texts) + len(many) + len(row)


def test_is_the_same_every_time() -> None:
    """Equal pages give equal bytes, whatever matplotlib was set to before."""
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "other"}):
        assert rendered("whole") == render(page_of())


def test_every_figure_is_there() -> None:
    """Each model's figures stand in the table with their intervals, those without a name of their own too."""
    second = replace(evaluation("scorecard"), figures={**FIGURES, "gini": Figure(0.6824, 0.6462, 0.7198)})
    text = Reader(render(page_of(evaluation(), second))).text
    for expected in (
        "AUC chance that a positive outranks a negative 0.841 0.823-0.860 0.841 0.823-0.860",
        "Brier score mean squared error 0.0271 0.0253-0.0289",
        "Calibration slope 1 is right, below 1 is overconfident 0.96 0.90-1.03",
        "Calibration intercept 0 is right, where the slope is 1 -0.04 -0.13 to +0.05",
        "Precision at 1 % 60 % 50-70 %",
        "Recall at 5 % 35 % 30-40 %",
        "Precision at 10 % 6.0 % 5.0-7.0 %",
        "Riskiest 2 % 40 % 37-44 %",
        "gini - a 0.682 0.646-0.720",
        "Rows customers times dates 14,250 14,250",
    ):
        assert expected in text


def test_headline_says_what_a_budget_catches() -> None:
    """Budget, share with interval and days come from the leading model's lead time; the others stand beside."""
    text = read("whole").text
    assert (
        "Contacting the riskiest 5 % of customers on each scoring date would have reached 61 % (56-67 %) "
        "of missed payments at least 7 days ahead." in text
    )
    assert "With the same number of contacts: scorecard 61 % (56-67 %); one feature 61 % (56-67 %)." in text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            replace(evaluation(), lead_time=()),
            "reached 35 % (30-40 %) of the 442 test rows that missed payments followed.",
        ),
        (
            replace(evaluation(), lead_time=(), figures={"auc": FIGURES["auc"]}),
            "The model ranks cases as they turn out with an AUC of 0.841 (0.823-0.860) .",
        ),
        (replace(evaluation(), lead_time=(), figures={}), "There is too little data in the test window"),
        (barren(), "There are no missed payments in the test window"),
    ],
)
def test_headline_claims_no_more_than_is_known(given: Evaluation, expected: str) -> None:
    """Without lead time it speaks of rows, without those of the ranking, and else says that it cannot tell."""
    assert expected in Reader(render(page_of(given))).text


def test_every_dash_has_its_reason() -> None:
    """What is NaN is a dash with a footnote: no probability, one class only, or no interval."""
    unsure = replace(evaluation("unsure"), figures={**FIGURES, "auc": Figure(0.7, math.nan, math.nan)})
    text = Reader(render(page_of(evaluation(), rule(), unsure))).text
    assert NO_PROBABILITY in text
    assert NO_INTERVAL in text
    assert ONE_CLASS not in text
    assert ONE_CLASS in read("barren").text
    assert "nan" not in re.findall(r"\w+", text.lower())


def test_without_positives_it_says_why_nothing_is_drawn() -> None:
    """Empty curves, no lead time and no weights leave a sentence in the place of each plot."""
    text = read("barren").text
    assert text.count("Not drawn:") == 4
    assert "nan" not in re.findall(r"\w+", text.lower())


def test_every_plot_can_be_heard() -> None:
    """Each plot is an image with a label in words, and each table has a caption and headings with a scope."""
    reader = read("whole")
    plots = [svg for svg in reader.of("svg") if svg.get("role") == "img"]
    assert len(plots) == 5
    assert all(len(plot["aria-label"] or "") > 40 for plot in plots)
    assert all("scope" in heading for heading in reader.of("th"))
    assert len(reader.of("caption")) == len(reader.of("table"))


def test_plots_follow_the_theme() -> None:
    """No plot has a colour of its own: all are variables of the style sheet, which knows light and dark."""
    document = rendered("whole")
    drawn = "".join(re.findall(r"<svg.*?</svg>", document, flags=re.DOTALL))
    assert not re.findall(r"(?:fill|stroke): ?#\w+", drawn)
    assert set(re.findall(r"var\((--[\w-]+)\)", document)) <= set(re.findall(r"(--[\w-]+):", document))


@pytest.mark.parametrize("scale", [1e-7, 1e-3, 1.0])
def test_draws_probabilities_of_any_size(scale: float) -> None:
    """Very small PDs, none at all observed and a single bin are drawn without complaint."""
    bins = tuple(CalibrationBin(p * scale, Figure(0.0, 0.0, min(1.0, 4 * p * scale)), 90) for p in (0.01, 0.2, 0.9))
    for some in (bins, bins[:1]):
        card = calibration_card(page_of(replace(evaluation(), calibration=some)))
        assert 'aria-label="Observed rate by predicted probability.' in card


def test_plots_fill_their_space() -> None:
    """However few the points, the axes of a calibration plot take most of its height."""
    for name in ("whole", "barren"):
        card = calibration_card(PAGES[name])
        frame = re.search(r'id="calibration-patch_1">(.*?)</g>', card, flags=re.DOTALL)
        assert frame
        heights = [float(y) for _, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", frame[1])]
        assert max(heights) - min(heights) > 250


def test_lead_time_of_one_day_is_drawn() -> None:
    """A single day ahead is enough for the plot, the headline and the table."""
    line = LeadTime(0.05, (3,), (Figure(0.5, 0.4, 0.6),), misses=12)
    text = Reader(render(page_of(replace(evaluation(), lead_time=(line,))))).text
    assert "of missed payments at least 3 days ahead." in text
    assert "at least 3 50 % 40-60 %" in text


def test_says_that_synthetic_figures_are_synthetic() -> None:
    """The label is in the window title, at the top and at the foot; real data carries none of it."""
    text = Reader(render(replace(PAGES["barren"], synthetic=True))).text
    assert "(synthetic data)" in text
    assert text.count("Every figure on this page comes from a simulated bank.") == 2
    assert "simulated" not in rendered("barren")


def test_counts_what_became_of_every_event() -> None:
    """Each outcome of the feed has its count and share, and a meaning where it has one."""
    text = read("whole").text
    assert "folded took part in the ledger at once 99,990 99.99 %" in text
    assert "conflict same identifier, other content; refused and set aside for its sender 10 under 0.01 %" in text
    assert "of a later version 1 under 0.01 %" in text


def test_a_page_is_about_something() -> None:
    """Without an evaluation there is nothing to say."""
    with pytest.raises(ValueError, match="at least one evaluation"):
        replace(page_of(), evaluations=())


def test_importing_does_not_load_matplotlib() -> None:
    """A command that draws nothing does not wait for the plotting library."""
    check = "import sys, forbear.apps.page; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
